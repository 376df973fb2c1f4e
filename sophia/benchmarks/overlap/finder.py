"""Training rows against benchmarks: one pass over the rows, memory flat in their number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sophia.benchmarks.overlap.match import Compared
from sophia.benchmarks.overlap.sketch import Sketch
from sophia.benchmarks.overlap.sketches import Sketched, Sketches, in_blocks
from sophia.benchmarks.overlap.target import Looked, Target
from sophia.benchmarks.overlap.words import wordings
from sophia.data.images.opening import ImageError
from sophia.data.rows.row_error import RowError
from sophia.types import Prompt


def compare(
    rows: Iterable[Prompt | RowError], targets: Sequence[Target], *, sketches: Sketches
) -> Iterator[Compared]:
    """Compare each row with every benchmark; rows that cannot be read are handed on as they are."""
    for block in in_blocks(rows):
        prompts = [row for row in block if isinstance(row, Prompt)]
        made = _sketched(prompts, sketches)
        looked = [_looked(prompt, own) for prompt, own in zip(prompts, made, strict=True)]
        found = [list(target.matches(looked)) for target in targets]
        place = -1
        for row in block:
            if isinstance(row, RowError):
                yield Compared(row=row, matches={})
                continue
            place += 1
            yield Compared(
                row=row,
                broken=[one for one in made[place] if isinstance(one, ImageError)],
                matches={
                    target.name: of_target[place]
                    for target, of_target in zip(targets, found, strict=True)
                    if of_target[place]
                },
            )


def _sketched(prompts: Sequence[Prompt], sketches: Sketches) -> list[list[Sketched]]:
    """The sketches of each prompt's images."""
    made = iter(sketches.of([media for prompt in prompts for media in prompt.media]))
    return [[next(made) for _ in prompt.media] for prompt in prompts]


def _looked(prompt: Prompt, made: Sequence[Sketched]) -> Looked:
    return Looked(
        sketches=[one for one in made if isinstance(one, Sketch)],
        wordings=wordings(prompt.shown_question, prompt.options),
        has_images=bool(made),
    )
