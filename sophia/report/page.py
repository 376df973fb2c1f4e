"""Values -> one HTML file that needs nothing besides itself. All text is escaped."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import jinja2

from sophia.evaluation.records import SOUND_THINKING
from sophia.report import charts
from sophia.report.gallery import KINDS

_PAGES = jinja2.Environment(
    loader=jinja2.PackageLoader("sophia.report", "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    auto_reload=False,  # a run of days outlives edits of its sources
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(template: str, **values: Any) -> str:
    """The text of a page: the template of that name, filled with the values."""
    return _PAGES.get_template(template).render(
        box=charts, kinds=KINDS, percent=percent, short=short, sound=SOUND_THINKING, **values
    )


def write_page(path: Path, template: str, **values: Any) -> None:
    """Fill a template and write the page, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(render(template, **values), encoding="utf-8")
    os.replace(partial, path)


def percent(value: float | None, *, sign: bool = False) -> str:
    """A share in percent with one decimal (``81.2``), a dash for what is unknown (None or NaN).

    With ``sign`` it begins with + or -.
    """
    if value is None or value != value:
        return "–"
    return f"{100 * value:{'+' if sign else ''}.1f}"


def short(value: float | None) -> str:
    """A number with at most two decimals, a dash for None."""
    return "–" if value is None else f"{value:.2f}".rstrip("0").rstrip(".")
