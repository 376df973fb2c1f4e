"""The figures of evaluated policies side by side, and the page with them and the answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sophia.evaluation.compare import differences, figure_label, summarise
from sophia.evaluation.evaluator import Prompts
from sophia.evaluation.records import EvalRecord
from sophia.report.gallery import cards, small_images
from sophia.report.page import write_page


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureRow:
    """A line of the table of figures.

    Each cell is a value with the bounds of its interval, or None where there is nothing to say.
    """

    label: str
    cells: tuple[tuple[float, float, float] | None, ...]


def figure_rows(columns: Mapping[str, Sequence[EvalRecord]]) -> list[FigureRow]:
    """A row per figure with a cell per policy, and one for the paired change of two policies.

    ``columns`` holds the records of each policy by its name.
    """
    summaries = [summarise(records) for records in columns.values()]
    if not summaries:
        return []
    both = list(columns.values())
    change = differences(*both) if len(both) == 2 else {}
    rows = []
    for name in summaries[0]:
        estimates = [*(s.get(name) for s in summaries), *([change.get(name)] if change else [])]
        cells = tuple((e.value, e.low, e.high) if e is not None else None for e in estimates)
        rows.append(FigureRow(label=figure_label(name), cells=cells))
    return rows


def write_evaluation_page(
    path: Path,
    columns: Mapping[str, Sequence[EvalRecord]],
    prompts: Prompts,
    *,
    subtitle: str,
) -> None:
    """Write the page with all figures and with the answers to the first prompts.

    Args:
        path: the HTML file that is written.
        columns: the records of each policy by its name.
        prompts: what was asked, for the images of the first prompts.
        subtitle: stands below the title.
    """
    write_page(
        path,
        "evaluation.html",
        title="Evaluation",
        subtitle=subtitle,
        figures=figure_rows(columns),
        who=list(columns),
        cards=cards(columns, small_images(prompts)),
    )
