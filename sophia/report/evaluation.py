"""The page with the figures of evaluated policies side by side, and with their answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from sophia.evaluation.compare import figure_rows, headings_of
from sophia.evaluation.evaluator import Prompts
from sophia.evaluation.records import EvalRecord
from sophia.report.gallery import cards, small_images
from sophia.report.page import write_page


def write_evaluation_page(
    path: Path,
    columns: Mapping[str, Sequence[EvalRecord]],
    prompts: Prompts,
    *,
    title: str,
    subtitle: str,
) -> None:
    """Write the page with all figures and with the answers to the first prompts.

    Args:
        path: the HTML file that is written.
        columns: the records of each policy by its name.
        prompts: what was asked, for the images of the first prompts.
        title: stands at the top of the page and in the browser's tab.
        subtitle: stands below the title.
    """
    write_page(
        path,
        "evaluation.html",
        title=title,
        subtitle=subtitle,
        figures=figure_rows(columns),
        headings=headings_of(columns),
        who=list(columns),
        cards=cards(columns, small_images(prompts)),
    )
