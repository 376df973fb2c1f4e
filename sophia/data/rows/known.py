"""Names that columns and problem types have in other people's data."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

from sophia.data.rows.columns import Columns

_NAMES: Mapping[str, tuple[str, ...]] = {
    "problem": ("problem", "question", "query", "prompt", "instruction", "text"),
    "answer": (
        "answer", "solution", "ground_truth", "gold", "gold_answer", "final_answer",
        "correct_answer", "reference", "gt", "label", "target",
    ),
    "images": (
        "images", "image", "image_path", "image_paths", "image_file", "img", "img_path", "picture",
        "pictures", "path", "decoded_image",
    ),
    "problem_type": ("problem_type", "question_type", "answer_type", "task_type", "type"),
    "options": ("options", "choices", "candidates", "option"),
    "uid": ("uid", "id", "problem_id", "question_id", "sample_id", "qid", "pid"),
    "data_type": ("data_type",),
    "tolerance": ("tolerance", "tol"),
}  # fmt: skip
"""What a column of ours is called elsewhere, the likeliest first."""

_WITHOUT: Mapping[str, str] = {
    "images": "the questions are asked without images",
    "problem_type": "every row is of the one `problem_type` of the source",
    "options": "the model is not shown the options",
    "uid": "rows are named by their place in the file",
    "data_type": "what the rows say of themselves is not checked",
    "tolerance": "numbers have to be met exactly",
}
"""What it means for a run that a column is not mapped."""

_TYPES: Mapping[str, tuple[str, ...]] = {
    "multiple choice": ("mc", "mcq", "mcqa", "choice", "choices", "single choice", "multi choice"),
    "numerical": ("number", "numeric", "num", "integer", "int", "float", "counting", "regression"),
    "math": ("maths", "mathematics", "latex", "expression", "equation", "geometry", "algebra"),
    "yes/no": ("yes no", "yesno", "boolean", "bool", "binary", "true false", "judgement"),
    "OCR": ("transcription", "text recognition"),
    "free-form": ("free form", "freeform", "open", "open ended", "open question", "short answer"),
    "text": ("string", "str"),
}
"""What a problem type of ours is called elsewhere."""

_IMAGE_FILE = re.compile(r"\.(png|jpe?g|webp|gif|bmp|tiff?)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmappedColumn:
    """A column that the rows carry and the mapping does not name.

    ``meaning`` is what we would call it, ``example`` the beginning of one of its values.
    """

    source: str
    meaning: str
    column: str
    example: str

    @property
    def consequence(self) -> str:
        """What it means for a run that the column is not mapped, as a clause."""
        return _WITHOUT[self.meaning]


def likely_column(meaning: str, names: Iterable[str]) -> str | None:
    """Which of some column names is likely what we call ``meaning``; None: none of them."""
    by_lower = {name.lower(): name for name in names}
    for known in _NAMES[meaning]:
        if known in by_lower:
            return by_lower[known]
    close = difflib.get_close_matches(meaning, by_lower, n=1, cutoff=0.8)
    return by_lower[close[0]] if close else None


def unmapped_columns(
    rows: Iterable[Mapping[str, Any]], columns: Columns, *, source: str
) -> tuple[UnmappedColumn, ...]:
    """The columns of some rows that mean something to us, and that the mapping does not name.

    What a column means is told by its name and by its values: a ``path`` that is no image's is
    none of ours.
    """
    found: dict[str, UnmappedColumn] = {}
    open_meanings = [m for m in _WITHOUT if m not in columns.own_names]
    for row in rows:
        free = {name.lower(): name for name in row if name not in columns.mapped}
        for meaning in open_meanings:
            name = next((free[n] for n in _NAMES[meaning] if n in free), None)
            if meaning in found or name is None or not _FITS[meaning](row[name]):
                continue
            example = str(row[name]) if not isinstance(row[name], bytes | dict) else "an image"
            found[meaning] = UnmappedColumn(
                source=source, meaning=meaning, column=name, example=example[:40]
            )
    return tuple(found.values())


def likely_type(name: str, known: Collection[str]) -> str | None:
    """Which of the known problem types a name of other data likely means; None: none of them."""
    plain = re.sub(r"[-_/\s]+", " ", name).strip().lower()
    for ours, others in _TYPES.items():
        spellings = {re.sub(r"[-_/\s]+", " ", ours).lower(), *others}
        if ours in known and {plain, plain.removesuffix(" question")} & spellings:
            return ours
    return None


def _is_image(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return bool(value) and all(_is_image(item) for item in value)
    if isinstance(value, dict):
        return "bytes" in value or "path" in value
    if isinstance(value, str):
        return _IMAGE_FILE.search(value) is not None
    return isinstance(value, bytes | Image.Image)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _is_number_below_one(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1


_FITS: Mapping[str, Callable[[Any], bool]] = {
    "images": _is_image,
    "problem_type": _is_text,
    "options": lambda value: isinstance(value, list | tuple | dict) and bool(value),
    "uid": lambda value: isinstance(value, int) or _is_text(value),
    "data_type": lambda value: value in ("image", "text"),
    "tolerance": _is_number_below_one,
}
