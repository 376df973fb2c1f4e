"""A picture of a run's curves from its metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

_PANELS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("reward", ("reward",)),
    ("accuracy of samples", ("accuracy",)),
    ("thinking reward", ("thinking/correct_mean", "thinking/wrong_mean")),
    ("trust (gamma) and thinking weight", ("trust/gamma", "thinking/weight")),
    ("KL to the reference", ("kl",)),
    ("entropy", ("entropy",)),
)
_PANELS_IN_A_ROW = 3
_WINDOW = 15


def draw_curves(rows: Sequence[Mapping[str, str]], path: Path, *, title: str) -> None:
    """Draw panels over RL steps: each step faintly, a running mean of 15 steps on top.

    A panel without a value, such as those about thinking where nobody scores it, is left out.
    ``rows`` are those of ``metrics.csv``; ``path`` says by its ending in which format.
    """
    known = {name for row in rows for name in row}
    panels = [panel for panel in _PANELS if known.intersection(panel[1])]
    num_rows = max(-(-len(panels) // _PANELS_IN_A_ROW), 1)
    size = (13, 3.1 * num_rows)
    figure, axes = plt.subplots(num_rows, _PANELS_IN_A_ROW, figsize=size, squeeze=False)
    for axis in axes.flat[len(panels) :]:
        axis.remove()
    for axis, (label, names) in zip(axes.flat, panels, strict=False):
        for name in names:
            _draw(axis, rows, name)
        axis.set_title(label, fontsize=10)
        axis.grid(alpha=0.25)
        if len(names) > 1 and axis.lines:
            axis.legend(fontsize=8)
        axis.set_xlabel("RL step")
    figure.suptitle(title)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _draw(axis: Axes, rows: Sequence[Mapping[str, str]], name: str) -> None:
    points = [(int(row["rl_step"]), float(row[name])) for row in rows if name in row]
    if not points:
        return
    steps, values = (np.array(column) for column in zip(*points, strict=True))
    line = axis.plot(steps, _running_mean(values), label=name)[0]
    axis.plot(steps, values, color=line.get_color(), alpha=0.2, linewidth=0.8)


def _running_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    width = min(_WINDOW, len(values))
    kernel = np.ones(width)
    counts = np.convolve(np.ones_like(values), kernel, mode="same")
    mean: NDArray[np.float64] = np.convolve(values, kernel, mode="same") / counts
    return mean
