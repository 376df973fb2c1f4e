"""A benchmark that training rows are compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sophia.benchmarks.item import Items
from sophia.benchmarks.overlap.image_index import ImageIndex, Near
from sophia.benchmarks.overlap.match import Match
from sophia.benchmarks.overlap.sketch import Sketch
from sophia.benchmarks.overlap.sketches import Sketches, in_blocks
from sophia.benchmarks.overlap.text_index import Alike, TextIndex
from sophia.benchmarks.overlap.thresholds import Thresholds
from sophia.benchmarks.overlap.words import Words, wordings
from sophia.data.images.opening import ImageError

Track = Callable[[Iterable[int]], Iterable[int]]
"""Hands on the places that it is given, and may show how far it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What there is to see and to read in a training row."""

    sketches: Sequence[Sketch]
    """Of its images, without those that are broken or nearly uniform."""
    wordings: Sequence[Words]
    has_images: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The questions of a benchmark, findable by their images and by their words."""

    name: str
    items: Items
    images: ImageIndex
    texts: TextIndex
    with_images: frozenset[int]
    """The places of the items that have an image."""
    broken: Mapping[int, ImageError]
    """Why an item's image cannot be opened, by the item's place."""
    num_uniform: int
    """Images that are nearly uniform, and so like none."""
    thresholds: Thresholds

    def matches(self, rows: Sequence[Looked]) -> Iterator[list[Match]]:
        """The matches of each row, in the order of the rows."""
        near = iter(self.images.near([sketch for row in rows for sketch in row.sketches]))
        for row in rows:
            yield self._of_row(row, _nearest([next(near) for _ in row.sketches]))

    def _of_row(self, row: Looked, near: Mapping[int, Near]) -> list[Match]:
        alike = self.texts.alike(row.wordings)
        by_image = [
            Match(
                kind="question" if item in alike else "image",
                item=item,
                bits=one.bits,
                likeness=one.likeness,
                similarity=self.texts.similarity(row.wordings, item),
            )
            for item, one in near.items()
        ]
        by_text = [
            Match(kind="text", item=item, bits=None, likeness=None, similarity=one.similarity)
            for item, one in alike.items()
            if item not in near and self._tells(row, item, one)
        ]
        return by_image + by_text

    def _tells(self, row: Looked, item: int, alike: Alike) -> bool:
        """Whether words alone say that it is the same question."""
        if not row.has_images and item not in self.with_images and alike.similarity == 1.0:
            return True
        return (
            alike.similarity >= self.thresholds.min_similarity_alone
            and alike.num_words >= self.thresholds.min_words
        )


def open_target(
    name: str, items: Items, *, sketches: Sketches, thresholds: Thresholds, track: Track = iter
) -> Target:
    """The benchmark of that name, every question of it read and every image of it looked at."""
    found: list[Sketch] = []
    owners: list[int] = []
    questions: list[tuple[Words, ...]] = []
    with_images: set[int] = set()
    broken: dict[int, ImageError] = {}
    num_uniform = 0
    for places in in_blocks(track(range(len(items)))):
        block = [items[place] for place in places]
        questions += [wordings(item.question, item.options) for item in block]
        shown = [(p, media) for p, item in zip(places, block, strict=True) for media in item.images]
        with_images.update(place for place, _ in shown)
        made = sketches.of([media for _, media in shown])
        for (place, _), sketch in zip(shown, made, strict=True):
            if isinstance(sketch, ImageError):
                broken[place] = sketch
            elif sketch is None:
                num_uniform += 1
            else:
                found.append(sketch)
                owners.append(place)
    return Target(
        name=name,
        items=items,
        images=ImageIndex(
            found, owners, max_bits=thresholds.max_bits, min_likeness=thresholds.min_likeness
        ),
        texts=TextIndex(
            questions, run_words=thresholds.run_words, min_similarity=thresholds.min_similarity
        ),
        with_images=frozenset(with_images),
        broken=broken,
        num_uniform=num_uniform,
        thresholds=thresholds,
    )


def _nearest(found: Sequence[Mapping[int, Near]]) -> dict[int, Near]:
    """The nearest of several images, by item."""
    nearest: dict[int, Near] = {}
    for of_image in found:
        for item, near in of_image.items():
            if item not in nearest or near.likeness > nearest[item].likeness:
                nearest[item] = near
    return nearest
