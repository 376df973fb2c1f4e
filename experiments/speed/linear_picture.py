"""linear.csv -> linear.png: the points, and the straight line of least squares.

python -m experiments.speed.linear_picture
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from experiments.speed.process import Row, read

matplotlib.use("Agg")
HERE = Path(__file__).parent
LABELS = {
    "response_tokens": "tokens of a response",
    "groups": "groups of 8",
    "images": "images of a prompt",
}
MEASURED = {"seconds": (1.0, "s"), "bytes": (1e6, "MB")}


def main() -> None:
    """A column per thing that grows, a row for time and one for memory."""
    rows = read(HERE / "linear.csv")
    figure = Figure(figsize=(10, 5.5), layout="constrained")
    axes = figure.subplots(len(MEASURED), len(LABELS))
    for column, varied in enumerate(LABELS):
        own = [row for row in rows if row["varied"] == varied]
        for line, measured in enumerate(MEASURED):
            draw(axes[line, column], own, varied, measured)
    figure.suptitle("Forward and backward with shared rows: processor seconds and peak memory")
    figure.savefig(HERE / "linear.png", dpi=90)


def draw(axis: Any, rows: list[Row], varied: str, measured: str) -> None:
    """One panel; R² says how much of the variance the line explains."""
    scale, unit = MEASURED[measured]
    x = np.array([float(row[varied]) for row in rows])
    y = np.array([float(row[measured]) for row in rows]) / scale
    slope, offset = np.polyfit(x, y, 1)
    line = slope * x + offset
    explained = 1 - (y - line).var() / y.var()
    axis.plot(x, y, "o")
    axis.plot(x, line, "-", label=f"straight line, R² = {explained:.4f}")
    axis.set(xlabel=LABELS[varied], ylabel=unit, xlim=(0, None), ylim=(0, 1.3 * y.max()))
    axis.legend(frameon=False, loc="upper left")
    axis.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    main()
