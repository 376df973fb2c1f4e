"""Hydra's entry to sophia/cli/sweep/jobs.py: it takes launchers from this package alone.

Hydra imports every plugin at every start, so this module imports nothing of sophia by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class ProcessLauncher(Launcher):
    """Hydra's launcher that runs every job of a sweep in a process of its own.

    Args:
        parallel: how many jobs run at the same time.
    """

    def __init__(self, parallel: int) -> None:
        self._parallel = parallel

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Keep what Hydra hands over before it calls ``launch``."""
        self._context = hydra_context
        self._config = config

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Run the jobs; the result of one that failed is None."""
        from sophia.cli.sweep.jobs import compose_job, run_jobs

        jobs = [
            compose_job(self._context, self._config, list(overrides), initial_job_idx + place)
            for place, overrides in enumerate(job_overrides)
        ]
        return run_jobs(jobs, parallel=self._parallel)


ConfigStore.instance().store(
    group="hydra/launcher",
    name="processes",
    node={"_target_": "hydra_plugins.sophia_processes.ProcessLauncher", "parallel": 1},
    provider="sophia",
)
