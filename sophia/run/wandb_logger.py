"""Weights & Biases; a module of its own, because few have it installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_only
from PIL.Image import Image

from sophia.run.folder import RunFolder
from sophia.run.loggers import Settings
from sophia.run.pictures import opened_image
from sophia.types import ScoredGroup

Cell = str | float | Image | None


class WandB(WandbLogger):
    """Logs to Weights & Biases, with files in the run folder.

    With ``offline`` or `WANDB_MODE=offline` nothing is sent. A resumed run keeps its id.

    Args:
        run_dir: the folder of the run, where files are kept; its path makes the run's id.
        project: the project on Weights & Biases that the run belongs to.
        run_name: what the run is called there; None takes the run's name.
        offline: whether everything is kept here, for `wandb sync` to send later.
        notes: a text that stands beside the run there; None for none.

    Raises:
        ValueError: the package ``wandb`` is not installed.
    """

    def __init__(
        self,
        *,
        run_dir: Path,
        project: str,
        run_name: str | None,
        offline: bool,
        notes: str | None = None,
    ) -> None:
        if find_spec("wandb") is None:
            raise ValueError(
                "logger=wandb needs the package wandb: pip install 'sophia-grpo[wandb]', or leave"
                " logger away for TensorBoard."
            )
        folder = Path(run_dir).resolve()
        super().__init__(
            save_dir=folder,
            project=project,
            name=run_name or RunFolder(path=folder).name,
            id=sha256(str(folder).encode()).hexdigest()[:16],
            resume="allow",
            offline=offline,
            notes=notes,
        )
        self._link: str | None = None

    @property
    def link(self) -> str | None:
        """The address of the run's page; None before the end, and when nothing was sent."""
        return self._link

    @rank_zero_only
    def log_histograms(self, values: Mapping[str, Sequence[float]], *, rl_step: int) -> None:
        """Send a histogram for each name."""
        import wandb

        self.log_metrics({name: wandb.Histogram(v) for name, v in values.items()}, rl_step)

    @rank_zero_only
    def log_completions(self, groups: Sequence[ScoredGroup], *, rl_step: int) -> None:
        """Send a table with a row per completion, each with its image."""
        import wandb

        table = completion_table(groups)
        rows = [[wandb.Image(c) if isinstance(c, Image) else c for c in row] for row in table.rows]
        self.log_table("completions", columns=list(table.columns), data=rows, step=rl_step)

    @rank_zero_only
    def log_results(self, settings: Settings, figures: Mapping[str, float]) -> None:
        """Make the settings the run's config and the figures its summary, and end the run."""
        self.experiment.config.update(dict(settings), allow_val_change=True)
        self.experiment.summary.update(dict(figures))
        self._link = self.experiment.url or None
        self.experiment.finish()


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionTable:
    """Completions with what they were asked and what they are worth, a cell per column."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def completion_table(groups: Sequence[ScoredGroup]) -> CompletionTable:
    """A row per completion of the groups; a reward part that has no value is None.

    Columns are the image, the row's own question, the gold answer, the completion, the total and
    then the parts that any of the rewards has.
    """
    rewards = [reward for group in groups for reward in group.rewards]
    parts = tuple(dict.fromkeys(part.name for reward in rewards for part in reward.parts))
    rows: list[tuple[Cell, ...]] = []
    for group in groups:
        prompt = group.rollout.prompt
        asked = (opened_image(prompt), prompt.shown_question, prompt.answer)
        for completion, reward in zip(group.rollout.completions, group.rewards, strict=True):
            values = (reward.value(name) for name in parts)
            rows.append((*asked, completion.text, reward.total, *values))
    columns = ("image", "question", "right answer", "completion", "reward", *parts)
    return CompletionTable(columns=columns, rows=tuple(rows))
