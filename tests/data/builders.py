"""Small rows, images and templates for the tests of sophia.data."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from sophia.data.dataset import RowDataset
from sophia.data.lengths import OnOverlong, PromptFitter, PromptLimits
from sophia.data.rows.columns import Columns
from sophia.data.rows.source import RowSource
from sophia.data.template import PromptTemplate
from sophia.types import Prompt

SOPHIA_COLUMNS = Columns(
    problem="problem",
    answer="solution",
    images="path",
    problem_type="problem_type",
    options="options",
    uid="problem_id",
    data_type="data_type",
)
PLAIN_COLUMNS = Columns(problem="problem", answer="answer", images="images")


def template(
    *,
    system: str = "",
    question: str = "{question}",
    type_sentences: Mapping[str, str] | None = None,
    options_prefix: str = "\n",
    images_first: bool = False,
) -> PromptTemplate:
    return PromptTemplate(
        system=system,
        question=question,
        type_sentences=type_sentences or {},
        option="{letter}. {text}",
        options_prefix=options_prefix,
        options_separator="; ",
        images_first=images_first,
    )


def sophia_row(**overrides: Any) -> dict[str, Any]:
    row = {
        "problem_id": 7,
        "problem": "How many?",
        "data_type": "image",
        "problem_type": "numerical",
        "options": [],
        "solution": "<answer>5</answer>",
        "path": "./Math/a.png",
        "data_source": "CLEVR-Math",
    }
    return row | overrides


def image(width: int = 56, height: int = 28, colour: object = (10, 20, 30)) -> Image.Image:
    return Image.new("RGB", (width, height), colour)  # type: ignore[arg-type]


def encoded(picture: Image.Image, file_format: str = "PNG", **options: Any) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, file_format, **options)
    return buffer.getvalue()


def write_list(path: Path, rows: Sequence[Any]) -> Path:
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


def write_lines(path: Path, rows: Iterable[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def sophia_source(rows: Any, **overrides: Any) -> RowSource:
    settings: dict[str, Any] = {"name": "Math", "columns": SOPHIA_COLUMNS}
    return RowSource(rows, **settings | overrides)


def plain_source(rows: Any, **overrides: Any) -> RowSource:
    settings: dict[str, Any] = {
        "name": "plain",
        "columns": PLAIN_COLUMNS,
        "problem_type": "numerical",
    }
    return RowSource(rows, **settings | overrides)


def dataset(*sources: RowSource, **overrides: Any) -> RowDataset:
    settings: dict[str, Any] = {"sources": sources, "template": template(), "seed": 0}
    return RowDataset(**settings | overrides)


def count_words(prompt: Prompt) -> int:
    """Stands in for a tokenizer: one token per word and one per image."""
    return sum(len(message.text.split()) for message in prompt.messages) + len(prompt.media)


def fitter(
    *,
    min_pixels: int = 28 * 28,
    max_pixels: int = 64 * 28 * 28,
    max_prompt_tokens: int = 100,
    on_overlong: OnOverlong = "refuse",
    count_tokens: Callable[[Prompt], int] = count_words,
) -> PromptFitter:
    limits = PromptLimits(
        min_pixels=min_pixels,
        max_pixels=max_pixels,
        max_prompt_tokens=max_prompt_tokens,
        on_overlong=on_overlong,
    )
    return PromptFitter(limits, count_tokens=count_tokens)
