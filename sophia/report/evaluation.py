"""The page of an evaluation: policies side by side, and their answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from sophia.evaluation.evaluator import Prompts
from sophia.evaluation.records import EvalRecord
from sophia.report.figures import figure_rows
from sophia.report.gallery import cards, small_images
from sophia.report.page import write_page


def write_evaluation_page(
    path: Path,
    columns: Mapping[str, Sequence[EvalRecord]],
    prompts: Prompts,
    *,
    subtitle: str,
) -> None:
    """Figures with intervals and the first answers with their images; ``columns`` by policy."""
    write_page(
        path,
        "evaluation.html",
        title="Evaluation",
        subtitle=subtitle,
        figures=figure_rows(columns),
        who=list(columns),
        cards=cards(columns, small_images(prompts)),
    )
