"""A benchmark that was published as several files."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path

from sophia.benchmarks.item import Item, Items, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """Several files as one; the row 17 of the part "2D" has the index "2D/17".

    Args:
        parts: the files by the name of their part.
        label: the label that tells an item's part.
    """

    parts: Mapping[str, Source]
    label: str

    def find(self, root: Path) -> Path | None:
        """``root``, where all of its files are."""
        return root if all(part.find(root) for part in self.parts.values()) else None

    def expected(self, root: Path) -> str:
        """Where those that are missing are looked for and how people get them."""
        missing = [part.expected(root) for part in self.parts.values() if part.find(root) is None]
        return "; and ".join(missing)

    def read(self, path: Path, *, cache: Path) -> Items:
        """The rows of all files, in the order of the parts.

        Raises:
            ValueError: a file is gone, or cannot be read.
        """
        read = {}
        for name, part in self.parts.items():
            found = part.find(path)
            if found is None:
                raise ValueError(f"{path} lacks {part.expected(path)}.")
            read[name] = part.read(found, cache=cache)
        return PartItems(path=path, parts=read, label=self.label)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartItems:
    """The rows of several files as one sequence."""

    path: Path
    parts: Mapping[str, Items]
    label: str

    @property
    def is_official(self) -> bool | None:
        """Whether all are the published files; None where nobody knows that of one."""
        known = [part.is_official for part in self.parts.values()]
        return False if False in known else None if None in known else True

    def __len__(self) -> int:
        return sum(map(len, self.parts.values()))

    def __getitem__(self, place: int, /) -> Item:
        if not 0 <= place < len(self):
            raise IndexError(place)
        ends = list(accumulate(map(len, self.parts.values())))
        number = bisect_right(ends, place)
        name = list(self.parts)[number]
        item = self.parts[name][place - (ends[number - 1] if number else 0)]
        labels = {**item.labels, self.label: name}
        return replace(item, index=f"{name}/{item.index}", labels=labels)
