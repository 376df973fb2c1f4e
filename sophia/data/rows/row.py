"""A raw row becomes a Prompt, or a RowError that names file, row, column, reason and remedy."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sophia.data.images.media import parse_images, place_images
from sophia.data.rows.columns import Columns, cell, has_cell
from sophia.data.rows.known import likely_column
from sophia.data.rows.options import check_choice, parse_options
from sophia.data.rows.row_error import Origin, row_error
from sophia.data.template import PromptTemplate, own_text
from sophia.models.family import control_tokens
from sophia.types import Media, Prompt

MULTIPLE_CHOICE = "multiple choice"
CONTROL_TOKENS = control_tokens()
"""Texts that a tokenizer turns into control tokens: an image token without an image."""

_ANSWER = re.compile(r"<answer>(.*)</answer>", re.DOTALL)


class RowParser:
    """Turns the raw rows of one source into prompts."""

    def __init__(
        self,
        *,
        columns: Columns,
        template: PromptTemplate,
        problem_type: str | None,
        rename_types: Mapping[str, str],
    ) -> None:
        """Set how rows are read.

        Args:
            columns: says which of the user's columns means what.
            template: renders question and options as chat messages.
            problem_type: the type of rows that name none; None demands one of every row.
            rename_types: our name of a problem type by the user's name of it.
        """
        self._columns = columns
        self._template = template
        self._problem_type = problem_type
        self._rename_types = dict(rename_types)

    def parse(self, row: Mapping[str, Any], *, origin: Origin, image_root: Path) -> Prompt:
        """The prompt that a row describes; relative image paths begin at ``image_root``.

        Raises:
            RowError: the row cannot be used as it is.
        """
        columns = self._columns
        images = parse_images(
            cell(row, columns.images),
            root=image_root,
            origin=origin,
            column=columns.images or "",
        )
        self._check_data_type(row, len(images), origin)
        problem_type = self.problem_type(row, origin)
        answer = self._answer(row, origin)
        options = parse_options(
            cell(row, columns.options), origin=origin, column=columns.options or ""
        )
        if problem_type == MULTIPLE_CHOICE:
            check_choice(answer, options, origin=origin, column=columns.answer)
        question = self._question(row, images, origin)
        messages = self._template.render(question, problem_type=problem_type, options=options)
        return Prompt(
            uid=self._uid(row, origin),
            messages=messages,
            answer=answer,
            problem_type=problem_type,
            options=options,
            problem=own_text(question),
            tolerance=self._tolerance(row, origin),
            metadata=self._metadata(row, origin),
            columns=columns.own_names,
        )

    def problem_type(self, row: Mapping[str, Any], origin: Origin) -> str:
        """The problem type of a row under our name, cheap enough to filter by.

        Raises:
            RowError: the row names no type, and the source has none for such rows.
        """
        column = self._columns.problem_type
        value = cell(row, column)
        if value in (None, ""):
            value = self._problem_type
        if not isinstance(value, str):
            raise row_error(
                origin,
                column or "problem_type",
                "the row has no problem type" if value is None else f"the type is {value!r}",
                "Fill the column, map `columns.problem_type`, or set `problem_type` of the source",
            )
        return self._rename_types.get(value, value)

    def _question(
        self, row: Mapping[str, Any], images: tuple[Media, ...], origin: Origin
    ) -> tuple[str | Media, ...]:
        column = self._columns.problem
        text = cell(row, column)
        if not isinstance(text, str) or not text.strip():
            reason = f"the question is {_shown(text)}; columns of the row: {sorted(row)}"
            remedy = f"Expected a text; check `columns.problem`{_likely('problem', row, column)}"
            raise row_error(origin, column, reason, remedy)
        for token in CONTROL_TOKENS:
            if token in text:
                raise row_error(
                    origin,
                    column,
                    f"the question holds the control token {token}",
                    "Write images as <image>, chat turns as plain text",
                )
        return place_images(text, images, origin=origin, column=column)

    def _answer(self, row: Mapping[str, Any], origin: Origin) -> str:
        column = self._columns.answer
        value = cell(row, column)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            reason = f"the answer is {_shown(value)}; columns of the row: {sorted(row)}"
            remedy = "Expected a text or a number; check `columns.answer`"
            remedy += _likely("answer", row, column)
            raise row_error(origin, column, reason, remedy)
        text = str(value).strip()
        tagged = _ANSWER.fullmatch(text)
        inner = (tagged[1] if tagged else text).strip()
        if "<answer>" in inner or "</answer>" in inner:
            reason = f"the answer tags do not match: {text[:80]!r}"
            raise row_error(origin, column, reason, "Write <answer>...</answer> once, or no tags")
        if not inner:
            raise row_error(origin, column, "the answer is empty", "Fill it or delete the row")
        return inner

    def _check_data_type(self, row: Mapping[str, Any], num_images: int, origin: Origin) -> None:
        column = self._columns.data_type
        says = cell(row, column)
        if says is None:
            return
        has = "image" if num_images else "text"
        if says != has:
            known = says in ("image", "text")
            raise row_error(
                origin,
                column or "",
                f"the row says {says!r} and has {num_images} image(s) in column"
                f" {self._columns.images!r}",
                "Correct one of the two columns" if known else "Expected 'image' or 'text'",
            )

    def _tolerance(self, row: Mapping[str, Any], origin: Origin) -> float:
        column = self._columns.tolerance
        value = cell(row, column)
        if value is None:
            return 0.0
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
            reason = f"the tolerance is {value!r}"
            raise row_error(origin, column or "", reason, "Expected a number in [0, 1)")
        return float(value)

    def _uid(self, row: Mapping[str, Any], origin: Origin) -> str:
        column = self._columns.uid
        if column is None:
            return f"{origin.source}/{Path(origin.file).stem}-{origin.row}"
        value = cell(row, column)
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            reason = f"the uid is {_shown(value)}"
            raise row_error(origin, column, reason, "Expected a text or an integer")
        return f"{origin.source}/{value}"

    def _metadata(self, row: Mapping[str, Any], origin: Origin) -> dict[str, Any]:
        """The short cells of columns that mean nothing to us; long or nested ones are dropped."""
        mapped = self._columns.mapped
        kept = {key: row[key] for key in row if key not in mapped and _is_short(row[key])}
        return {**kept, "origin": origin}


def _is_short(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) or (isinstance(value, str) and len(value) <= 200)


def _likely(meaning: str, row: Mapping[str, Any], column: str) -> str:
    """The column that is likely meant where the row lacks the named one, to be appended."""
    found = None if has_cell(row, column) else likely_column(meaning, row)
    return f", which is likely {found!r}" if found is not None else ""


def _shown(value: Any) -> str:
    return "missing" if value is None else f"{type(value).__name__} {str(value)[:40]!r}"
