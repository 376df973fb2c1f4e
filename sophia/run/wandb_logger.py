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
    """Weights & Biases, files in the run folder; `WANDB_MODE=offline` or ``offline`` sends nothing.

    A resumed run goes on under the same id.

    Args:
        run_dir: of the run.
        project: where it is filed.
        run_name: what it is called; None takes the folder's name.
        offline: keep everything here; `wandb sync` sends it later.
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
        """Settings become the run's config, figures its summary."""
        self.experiment.config.update(dict(settings), allow_val_change=True)
        self.experiment.summary.update(dict(figures))
        self.experiment.finish()
