"""What the policy does: images with completions and rewards, for TensorBoard and W&B."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any, cast

import matplotlib.pyplot as plt
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from matplotlib.figure import Figure

from sophia.callbacks.every import Every
from sophia.protocols import Clock
from sophia.run.loggers import CompletionLogger
from sophia.run.pictures import opened_image
from sophia.types import Reward, ScoredGroup


class SamplesCallback(Callback):
    """Shows a few groups of a step: the image, its question, completions and rewards.

    TensorBoard gets a picture with the best and the worst completion, and a table of all; Weights
    & Biases a table with images.

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
        """Show the step when it is its turn; the first process does."""
        rl_step = cast("Clock", pl_module).rl_step - 1
        if not trainer.is_global_zero or not self._every.due(rl_step):
            return
        groups = batch.trained.groups[: self._num_groups]
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                figure = draw_groups(groups)
                logger.experiment.add_figure("completions", figure, global_step=rl_step)
                logger.experiment.add_text("completions", as_table(groups), global_step=rl_step)
            elif isinstance(logger, CompletionLogger):
                logger.log_completions(groups, rl_step=rl_step)


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
        image = opened_image(group.rollout.prompt)
        if image is not None:
            left.imshow(image)
        lines = [_shortened(group.rollout.prompt.shown_question)]
        for which, place in _best_and_worst(group.rewards).items():
            text = _shortened(group.rollout.completions[place].text)
            lines += [f"{which}: {text}", f"       {describe(group.rewards[place])}"]
        right.text(0, 0.5, "\n".join(lines), va="center", family="monospace", parse_math=False)
    return figure


def as_table(groups: Sequence[ScoredGroup]) -> str:
    """All completions of the groups as a Markdown table; model text is escaped."""
    rows = ["| question | completion | reward |", "|---|---|---|"]
    for group in groups:
        question = _cell(group.rollout.prompt.shown_question)
        for completion, reward in zip(group.rollout.completions, group.rewards, strict=True):
            rows.append(f"| {question} | {_cell(completion.text)} | {describe(reward)} |")
    return "\n".join(rows)


def describe(reward: Reward) -> str:
    """A reward as ``R 1.24: outcome 1, format 1, thinking 0.8``; a dash for a missing value."""
    parts = ", ".join(
        f"{part.name} {'–' if part.value is None else f'{part.value:.2g}'}" for part in reward.parts
    )
    return f"R {'–' if reward.total is None else f'{reward.total:.2f}'}: {parts}"


def _best_and_worst(rewards: Sequence[Reward]) -> dict[str, int]:
    known = [place for place, reward in enumerate(rewards) if reward.total is not None]
    ordered = sorted(known, key=lambda place: rewards[place].total or 0.0)
    return {"best ": ordered[-1], "worst": ordered[0]} if ordered else {}


def _shortened(text: str, width: int = 110) -> str:
    flat = "".join(c if c.isprintable() else "�" for c in " ".join(text.split()))
    return flat if len(flat) <= width else flat[: width - 1] + "…"


def _cell(text: str) -> str:
    return html.escape(" ".join(text.split())).replace("|", "&#124;")
