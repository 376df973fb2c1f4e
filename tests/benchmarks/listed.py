"""A benchmark in memory: a few sums of digits, one of whose images may be broken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image

from sophia.benchmarks.benchmark import Benchmark
from sophia.benchmarks.figures.accuracy import Accuracy, ByLabel
from sophia.benchmarks.item import UNPARSED, Graded, Item
from sophia.types import Media


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Items from a list."""

    items: Sequence[Item]
    path: Path = Path("listed")
    is_official: bool | None = None

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, place: int, /) -> Item:
        return self.items[place]


def picture(shade: int) -> bytes:
    data = BytesIO()
    Image.new("RGB", (56, 28), (shade, 0, 255 - shade)).save(data, "PNG")
    return data.getvalue()


def items(count: int, *, broken: Sequence[int] = ()) -> Listed:
    return Listed(
        items=[
            Item(
                index=str(i),
                question=f"What is {i} + 1?",
                answer=str((i + 1) % 10),
                images=(Media(source=b"broken" if i in broken else picture(i % 250)),),
                labels={"category": "even" if i % 2 == 0 else "odd"},
            )
            for i in range(count)
        ]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LastDigit:
    """Right where the last digit of the answer is the gold one; nothing is read without a digit."""

    def __call__(self, item: Item, answer: str) -> Graded:
        digits = [c for c in answer if c.isdecimal()]
        if not digits:
            return UNPARSED
        return Graded(score=float(digits[-1] == item.answer), extracted=digits[-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class AsItIs:
    """Images, then the question."""

    def __call__(self, item: Item) -> tuple[str | Media, ...]:
        return (*item.images, item.question)


@dataclass(frozen=True, slots=True, kw_only=True)
class Nowhere:
    """A source that is never there."""

    name: str = "Sums"

    def find(self, root: Path) -> Path | None:
        return None

    def expected(self, root: Path) -> str:
        return f"{self.name}.tsv is expected in {root}; get it from its authors."

    def read(self, path: Path, *, cache: Path) -> Listed:
        raise AssertionError(path)


def sums(**changes: object) -> Benchmark:
    values: dict[str, object] = {
        "title": "Sums", "sources": [Nowhere()], "prompt": AsItIs(), "rule": LastDigit(),
        "figures": {"overall": Accuracy(), "category": ByLabel(label="category")},
    }  # fmt: skip
    return Benchmark(**{**values, **changes})  # type: ignore[arg-type]
