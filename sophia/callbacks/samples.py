"""Pictures of what the policy does: images with completions and rewards, into TensorBoard."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any, cast

import matplotlib.pyplot as plt
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from matplotlib.figure import Figure
from PIL import Image

from sophia.callbacks.every import Every
from sophia.protocols import Clock
from sophia.types import Reward, ScoredGroup


class SamplesCallback(Callback):
    """Shows a few groups of a step: the image, its question, the best and the worst completion.

    Args:
        every_n_steps: RL steps between two pictures.
        num_groups: how many groups a picture shows.
    """

    def __init__(self, *, every_n_steps: int, num_groups: int = 4) -> None:
        self._every = Every(n_steps=every_n_steps)
        self._num_groups = num_groups

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Draw the step when it is its turn and there is a TensorBoard; the first process does."""
        done = cast("Clock", pl_module).rl_step
        boards = [x for x in trainer.loggers if isinstance(x, TensorBoardLogger)]
        if not trainer.is_global_zero or not boards or not self._every.due(done - 1):
            return
        groups = batch.trained.groups[: self._num_groups]
        for board in boards:
            figure = draw_groups(groups)
            board.experiment.add_figure("completions", figure, global_step=done - 1)
            board.experiment.add_text("completions", as_table(groups), global_step=done - 1)


def draw_groups(groups: Sequence[ScoredGroup]) -> Figure:
    """One row per group: image on the left, question and two completions on the right."""
    figure: Figure
    figure, axes = plt.subplots(
        len(groups),
        2,
        figsize=(11, 1.9 * len(groups)),
        width_ratios=[1, 3],
        squeeze=False,
        layout="constrained",
    )
    for (left, right), group in zip(axes, groups, strict=True):
        left.axis("off")
        right.axis("off")
        image = first_image(group)
        if image is not None:
            left.imshow(image)
        lines = [_shortened(group.rollout.prompt.question)]
        for which, place in _best_and_worst(group.rewards).items():
            text = _shortened(group.rollout.completions[place].text)
            lines += [f"{which}: {text}", f"       {describe(group.rewards[place])}"]
        right.text(0, 0.5, "\n".join(lines), va="center", family="monospace", parse_math=False)
    return figure


def as_table(groups: Sequence[ScoredGroup]) -> str:
    """All completions of the groups as a Markdown table; model text is escaped."""
    rows = ["| question | completion | reward |", "|---|---|---|"]
    for group in groups:
        question = _cell(group.rollout.prompt.question)
        for completion, reward in zip(group.rollout.completions, group.rewards, strict=True):
            rows.append(f"| {question} | {_cell(completion.text)} | {describe(reward)} |")
    return "\n".join(rows)


def describe(reward: Reward) -> str:
    """A reward as ``R 1.24: outcome 1, format 1, thinking 0.8``; a dash for a missing value."""
    parts = ", ".join(
        f"{part.name} {'–' if part.value is None else f'{part.value:.2g}'}" for part in reward.parts
    )
    return f"R {'–' if reward.total is None else f'{reward.total:.2f}'}: {parts}"


def first_image(group: ScoredGroup) -> Image.Image | None:
    """The first opened image of the group's prompt; None without one."""
    sources = [media.source for media in group.rollout.prompt.media]
    return next((source for source in sources if isinstance(source, Image.Image)), None)


def _best_and_worst(rewards: Sequence[Reward]) -> dict[str, int]:
    known = [place for place, reward in enumerate(rewards) if reward.total is not None]
    ordered = sorted(known, key=lambda place: rewards[place].total or 0.0)
    return {"best ": ordered[-1], "worst": ordered[0]} if ordered else {}


def _shortened(text: str, width: int = 110) -> str:
    flat = "".join(c if c.isprintable() else "�" for c in " ".join(text.split()))
    return flat if len(flat) <= width else flat[: width - 1] + "…"


def _cell(text: str) -> str:
    return html.escape(" ".join(text.split())).replace("|", "&#124;")
