"""Weights & Biases; a module of its own, because few have it installed."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_only

from sophia.run.loggers import Settings


class WandB(WandbLogger):
    """Logs to Weights & Biases, with files in the run folder.

    With ``offline`` or `WANDB_MODE=offline` nothing is sent. A resumed run keeps its id.

    Args:
        run_dir: the folder of the run, where files are kept; its path makes the run's id.
        project: the project on Weights & Biases that the run belongs to.
        run_name: what the run is called there; None takes the name of its folder.
        offline: whether everything is kept here, for `wandb sync` to send later.

    Raises:
        ValueError: the package ``wandb`` is not installed.
    """

    def __init__(self, *, run_dir: Path, project: str, run_name: str | None, offline: bool) -> None:
        if find_spec("wandb") is None:
            raise ValueError(
                "logger=wandb needs the package wandb: pip install 'sophia-grpo[wandb]', or leave"
                " logger away for TensorBoard."
            )
        folder = Path(run_dir).resolve()
        super().__init__(
            save_dir=folder,
            project=project,
            name=run_name or folder.name,
            id=sha256(str(folder).encode()).hexdigest()[:16],
            resume="allow",
            offline=offline,
        )

    @rank_zero_only
    def log_results(self, settings: Settings, figures: Mapping[str, float]) -> None:
        """Make the settings the run's config and the figures its summary, and end the run."""
        self.experiment.config.update(dict(settings), allow_val_change=True)
        self.experiment.summary.update(dict(figures))
        self.experiment.finish()
