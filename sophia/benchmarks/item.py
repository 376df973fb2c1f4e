"""One row of a benchmark, whatever its file, and what a rule says about an answer to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sophia.chat.question import ChatQuestion, ChatReply
from sophia.types import Media


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A question of a benchmark."""

    index: str
    """Names the row in its file; no two items of a benchmark share it."""
    question: str
    answer: str
    """The gold answer as the file has it: a letter where there are options."""
    options: Mapping[str, str] = field(default_factory=dict)
    """The text of each option by its letter; empty where there are none."""
    hint: str = ""
    images: tuple[Media, ...] = ()
    unit: str = ""
    """What a bootstrap draws: rows about one image share it; "" is the row itself."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """What figures are taken by: category, split, task and so on."""
    extra: Mapping[str, str] = field(default_factory=dict)
    """Other columns that the rule or the prompt reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """What a rule makes of an answer: wrong where nothing could be read from it."""

    score: float
    """In [0, 1]."""
    extracted: str | None
    """What was read from the answer; None where nothing was."""

    @property
    def parsed(self) -> bool:
        """Whether anything could be read from the answer."""
        return self.extracted is not None


UNPARSED = Graded(score=0.0, extracted=None)


class Rule(Protocol):
    """Grades an answer: the content of its answer tag, or all of it where there is none."""

    def __call__(self, item: Item, answer: str) -> Graded:
        """The grade; UNPARSED where the rule alone cannot tell, which a model may then be asked."""


class AskedRule(Protocol):
    """How a served model is asked about an answer that the rule alone could not read."""

    def question(self, item: Item, answer: str) -> ChatQuestion:
        """What the model is asked."""

    def read(self, item: Item, reply: ChatReply) -> Graded:
        """The grade by its reply. Raises UnusableReplyError for one that says nothing."""


class ItemPrompt(Protocol):
    """How an item becomes the user turn of a chat."""

    def __call__(self, item: Item) -> tuple[str | Media, ...]:
        """Texts and images in their order."""


class Items(Protocol):
    """The rows of a benchmark's file; images are references, opened when they are asked for."""

    @property
    def path(self) -> Path:
        """The file or folder that they were read from."""

    @property
    def is_official(self) -> bool | None:
        """Whether it is the published file, byte for byte; None where nobody knows its digest."""

    def __len__(self) -> int:
        """How many there are."""

    def __getitem__(self, place: int, /) -> Item:
        """The item at a 0-based place."""


class Source(Protocol):
    """A file, or a folder of files, that holds a benchmark in one of its published layouts."""

    def find(self, root: Path) -> Path | None:
        """Where it is below ``root``; None where it is not."""

    def expected(self, root: Path) -> str:
        """What is looked for and how people get it, as a clause of an error: "the file ..."."""

    def read(self, path: Path, *, cache: Path) -> Items:
        """Its rows; what has to be unpacked once goes below ``cache``.

        Raises ValueError where the file is cut off, of another version or lacks a column.
        """
