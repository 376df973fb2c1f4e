"""The page of training rows beside the questions of benchmarks that they are near to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sophia.benchmarks.item import Item
from sophia.benchmarks.overlap.match import KINDS, Match
from sophia.benchmarks.overlap.tally import Pair, Tally
from sophia.report.page import percent, write_page
from sophia.report.pictures import small_pictures


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """One of the two questions of a card."""

    place: str
    images: tuple[str, ...]
    question: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A question of a benchmark and the training row that it is near to."""

    uid: str
    benchmark: str
    kind: str
    because: str
    twins: tuple[Twin, Twin]


def write_overlap_page(path: Path, tallies: Sequence[Tally], *, title: str, subtitle: str) -> None:
    """Write the page: the counts, and some pairs of each kind side by side."""
    write_page(
        path,
        "overlap.html",
        title=title,
        subtitle=subtitle,
        headings=("items", *KINDS.values(), "share, %", "training rows"),
        rows=[(tally.target.name, _cells(tally)) for tally in tallies],
        titles={tally.target.name: tally.target.name for tally in tallies},
        matches=KINDS,
        cards=[card for tally in tallies for card in _cards(tally)],
    )


def _cells(tally: Tally) -> tuple[str, ...]:
    numbers = (len(tally.target.items), *tally.counts.values())
    return (*(f"{number:,}" for number in numbers), percent(tally.share), f"{tally.num_rows:,}")


def _cards(tally: Tally) -> Iterator[Card]:
    for pairs in tally.shown.values():
        for pair in pairs:
            item = tally.target.items[pair.match.item]
            yield Card(
                uid=f"{tally.target.name}/{item.index}",
                benchmark=tally.target.name,
                kind=pair.match.kind,
                because=_because(pair.match),
                twins=(_asked(tally.target.name, item), _trained(pair)),
            )


def _because(match: Match) -> str:
    words = f"{percent(match.similarity)} % of runs of words in common"
    if match.likeness is None:
        return words
    return f"{match.bits} of 128 bits differ, likeness {match.likeness:.3f}; {words}"


def _asked(benchmark: str, item: Item) -> Twin:
    return Twin(
        place=f"{benchmark} {item.index}",
        images=small_pictures(item.images),
        question=" ".join((item.question, *_listed(item.options))),
        answer=item.answer,
    )


def _trained(pair: Pair) -> Twin:
    return Twin(
        place=f"{Path(pair.origin.file).name}, row {pair.origin.row}",
        images=small_pictures(pair.prompt.media),
        question=" ".join((pair.prompt.shown_question, *_listed(pair.prompt.options))),
        answer=pair.prompt.answer,
    )


def _listed(options: Mapping[str, str]) -> list[str]:
    return [f"({letter}) {text}" for letter, text in options.items()]
