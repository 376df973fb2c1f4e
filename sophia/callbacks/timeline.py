"""A picture of when things ran: what overlaps, and what is waited for."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import matplotlib.pyplot as plt
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from matplotlib.figure import Figure

from sophia.callbacks.every import Every
from sophia.protocols import Clock
from sophia.run.folder import RunFolder
from sophia.timing import Span

_LANES = ("loader", "trainer", "rules", "judge")
_THREADED = ("rules", "judge")  # many at a time: faint, so that a pile is dark
_COLORS = (  # told apart by the colour-blind too (Petroff 2021, arXiv:2107.02270)
    "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6",
    "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
)  # fmt: skip
_HATCHES = ("", "///", "...")  # phases of the same colour
_BARELY_S = 0.002  # a shorter phase gets no name in the legend


class TimelineCallback(Callback):
    """Draws ``timeline.png`` into the run's folder, and into TensorBoard.

    Args:
        run_dir: the folder of the run, where the picture is written.
        num_steps: how many neighbouring RL steps a picture shows.
        every_n_steps: RL steps between two pictures; the first comes as early as possible.
    """

    def __init__(self, *, run_dir: Path, num_steps: int = 3, every_n_steps: int = 50) -> None:
        if num_steps < 1:
            raise ValueError(f"num_steps is {num_steps}; it must be at least 1.")
        self._path = RunFolder(path=Path(run_dir)).timeline
        self._every = Every(n_steps=every_n_steps)
        self._latest: deque[tuple[int, Sequence[Span]]] = deque(maxlen=num_steps)
        self._drawn = False

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Draw once there are steps enough, and then when it is this step's turn."""
        if not trainer.is_global_zero:
            return
        done = cast("Clock", pl_module).rl_step
        self._latest.append((done - 1, batch.spans()))
        full = len(self._latest) == self._latest.maxlen
        if not full or (self._drawn and not self._every.due(done)):
            return
        self._drawn = True
        figure = draw_timeline(dict(self._latest))
        figure.savefig(self._path, dpi=110)
        boards = [x for x in trainer.loggers if isinstance(x, TensorBoardLogger)]
        for board in boards:
            board.experiment.add_figure("timeline", figure, global_step=done - 1, close=False)
        plt.close(figure)


def draw_timeline(steps: Mapping[int, Sequence[Span]]) -> Figure:
    """One lane for each of loader, trainer, rules and judge; seconds from the first rollout."""
    spans = [span for of_step in steps.values() for span in of_step]
    zero = min((s.start for s in spans if s.lane == "trainer"), default=0.0)
    phases = dict.fromkeys(s.phase for s in spans if s.stop - s.start > _BARELY_S)
    colors = {phase: _COLORS[place % len(_COLORS)] for place, phase in enumerate(phases)}
    hatches = {p: _HATCHES[i // len(_COLORS) % len(_HATCHES)] for i, p in enumerate(phases)}
    lanes = [lane for lane in _LANES if any(s.lane == lane for s in spans)]
    figure: Figure
    figure, axes = plt.subplots(figsize=(12, 0.8 + 0.6 * len(lanes)), layout="constrained")
    for span in spans:
        if span.phase in colors:
            axes.broken_barh(
                [(span.start - zero, span.stop - span.start)],
                (lanes.index(span.lane) - 0.4, 0.8),
                facecolors=colors[span.phase],
                hatch=hatches[span.phase],
                alpha=0.3 if span.lane in _THREADED else 1.0,
            )
    for step, of_step in steps.items():
        start = min((s.start for s in of_step if s.lane == "trainer"), default=zero)
        axes.axvline(start - zero, color="0.5", linewidth=0.8)
        axes.annotate(f"step {step}", (start - zero, -0.55), fontsize=8, color="0.3")
    axes.set_yticks(range(len(lanes)), lanes)
    axes.set_ylim(len(lanes) - 0.5, -0.8)
    axes.set_xlabel("seconds")
    handles = [plt.Rectangle((0, 0), 1, 1, fc=colors[p], hatch=hatches[p]) for p in colors]
    axes.legend(handles, list(colors), loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)
    return figure
