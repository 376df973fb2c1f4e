"""How the rows of a file become items: which column is the question, the answer, the options."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import ascii_uppercase

from sophia.benchmarks.item import Item
from sophia.benchmarks.literal import literal
from sophia.types import Media

Row = Mapping[str, str]
"""The cells of a row that hold something, by their columns; a list is written as Python does."""

_LETTER = re.compile(r"\(([A-Z])\)")
_SAID_OPTIONS = "Options:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The columns of a file.

    Args:
        columns: those that the file must have; any other may be missing.
        index: the column that names a row; "" where rows are named by their 0-based number.
        question: the column with the question.
        answer: the column with the gold answer; "(A)" is read as A where there are options.
        answer_after: what comes before the gold answer in its column, such as ``####``.
        hint: the column with a hint.
        options: the column with a list of options, or, where it is the question's, with a question
            that ends in "Options: A: red, B: blue"; "" where columns A to Z have one option each.
        labels: the column of each label that figures are taken by.
        patterns: regular expressions by label; what the first group matches in the label's column
            is the label.
        extra: other columns that a rule or a prompt reads.
        where: the text that a column must have for a row to be read.
    """

    columns: Sequence[str] = ("question", "answer")
    index: str = "index"
    question: str = "question"
    answer: str = "answer"
    answer_after: str = ""
    hint: str = "hint"
    options: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    patterns: Mapping[str, str] = field(default_factory=dict)
    extra: Sequence[str] = ()
    where: Mapping[str, str] = field(default_factory=dict)

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns without which a file is another one."""
        named = (self.index,) if self.index else ()
        return tuple(dict.fromkeys((*named, *self.columns, *self.where)))

    @property
    def used(self) -> frozenset[str]:
        """All columns that an item is made of, where the file has them."""
        own = (self.question, self.answer, self.hint, self.options, *ascii_uppercase)
        return frozenset((*self.needed, *own, *self.labels.values(), *self.extra)) - {""}

    def selects(self, row: Row) -> bool:
        """Whether a row is among those to be read."""
        return all(row.get(column) == text for column, text in self.where.items())

    def item(self, row: Row, *, place: int, images: Sequence[Path]) -> Item:
        """The item of a row at a 0-based place."""
        question = row.get(self.question, "")
        if self.options and self.options == self.question:
            question, options = split_options(question)
        elif self.options:
            options = dict(zip(ascii_uppercase, listed(row.get(self.options, "")), strict=False))
        else:
            options = {letter: row[letter] for letter in ascii_uppercase if letter in row}
        answer = self._answer(row, options)
        return Item(
            index=row[self.index] if self.index else str(place),
            question=question,
            answer=answer,
            options=options,
            hint=row.get(self.hint, ""),
            images=tuple(Media(source=path) for path in images),
            unit=" ".join("/".join(path.parts[-2:]) for path in images),
            labels=self._labels(row),
            extra=self._extra(row, options, answer),
        )

    def _answer(self, row: Row, options: Mapping[str, str]) -> str:
        answer = row.get(self.answer, "")
        if self.answer_after:
            answer = answer.rpartition(self.answer_after)[2].strip()
        lettered = _LETTER.fullmatch(answer.strip())
        return lettered[1] if options and lettered else answer

    def _labels(self, row: Row) -> dict[str, str]:
        found = {label: row[name] for label, name in self.labels.items() if name in row}
        for label, pattern in self.patterns.items():
            match = re.search(pattern, found.pop(label, ""))
            if match:
                found[label] = match[1]
        return found

    def _extra(self, row: Row, options: Mapping[str, str], answer: str) -> dict[str, str]:
        """The extra columns; ``answer_option`` is the answer's letter where no column has it."""
        found = {name: row[name] for name in self.extra if name in row}
        letters = [letter for letter, text in options.items() if text == answer]
        if "answer_option" in self.extra and letters:
            found.setdefault("answer_option", letters[0])
        return found


def listed(cell: str) -> list[str]:
    """The texts of a cell that holds a Python list of them; a cell that holds none is one text."""
    if not cell:
        return []
    if cell.startswith("[") and cell.endswith("]"):
        try:
            return [str(one) for one in literal(cell)]
        except ValueError:
            return [cell]
    return [cell]


def split_options(question: str) -> tuple[str, dict[str, str]]:
    """A question and the options at its end, written as "Options: A: red, B: blue"."""
    asked, said, tail = question.rpartition(_SAID_OPTIONS)
    starts: list[re.Match[str]] = []
    for letter in ascii_uppercase:
        begin = starts[-1].end() if starts else 0
        found = re.compile(rf"(?:^|[,.;\n])\s*{letter}[:.]\s*").search(tail, begin)
        if found is None:
            break
        starts.append(found)
    if not said or not starts:
        return question, {}
    ends = [match.start() for match in starts[1:]] + [len(tail)]
    texts = [tail[m.end() : end].strip() for m, end in zip(starts, ends, strict=True)]
    return asked.rstrip(), dict(zip(ascii_uppercase, texts, strict=False))


def repeated(indices: Iterable[str]) -> str | None:
    """The first index that stands in more than one row."""
    seen: set[str] = set()
    for index in indices:
        if index in seen:
            return index
        seen.add(index)
    return None
