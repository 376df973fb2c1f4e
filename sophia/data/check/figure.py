"""The data report as a picture: lengths of prompts and of their images, rows by type."""

from __future__ import annotations

from collections import Counter

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from sophia.data.check.report import DataReport

_BINS = 60


def figure(report: DataReport) -> Figure:
    """Histograms of prompt and image tokens, and rows by problem type; the caller saves it."""
    picture = Figure(figsize=(12, 3.6), layout="constrained")
    left, middle, right = picture.subplots(1, 3)
    _histogram(left, report.prompt_tokens, "tokens of a prompt")
    left.set_title(f"at most {report.max_prompt_tokens:,} allowed: {report.num_overlong:,} over")
    if report.num_overlong:  # a line far behind the last bar would squeeze the bars into one
        left.axvline(report.max_prompt_tokens, color="tab:red")
    _histogram(middle, report.image_tokens, "image tokens of a prompt")
    _bars(right, report)
    return picture


def _histogram(axes: Axes, lengths: NDArray[np.int32], label: str) -> None:
    if len(lengths):
        low, high = int(lengths.min()), int(lengths.max())
        edges = np.linspace(low - 0.5, high + 0.5, min(_BINS, high - low + 1) + 1)
        axes.hist(lengths, bins=edges.tolist(), color="tab:blue")
    axes.set_xlabel(label)
    axes.set_ylabel("prompts")


def _bars(axes: Axes, report: DataReport) -> None:
    by_type: Counter[str] = Counter()
    for (_, problem_type), count in report.counts.items():
        by_type[problem_type] += count
    names = sorted(by_type)
    values = [by_type[name] for name in names]
    axes.barh([*names, "refused"], [*values, report.num_refused], color="tab:blue")
    axes.set_xlabel("rows")
