"""Every job of a sweep in a process of its own.

Memory cannot accumulate, a job that dies takes no other with it, and a job that has finished (its
run.json is there) is not run again. A job that had begun is resumed.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from hydra.core.utils import JobReturn, JobStatus
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, open_dict

from sophia.cli.command_line.arguments import quoted
from sophia.cli.command_line.thinking import check_thinking, take_judge_away
from sophia.cli.sweep.folder import override_key
from sophia.cli.validation.settings import TrainSettings
from sophia.cli.validation.validate import validate
from sophia.run.folder import RunFolder

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepJob:
    """One run of a sweep: what was typed for it, its folder and its whole configuration.

    ``flags`` are those of the sweep that its composition needs, a ``--config-dir``.
    """

    flags: tuple[str, ...]
    overrides: tuple[str, ...]
    folder: Path
    cfg: DictConfig


def compose_job(
    context: HydraContext, sweep: DictConfig, overrides: Sequence[str], number: int
) -> SweepJob:
    """The job of some overrides, validated: a typo in the last ends the sweep before its first.

    ``number`` is the job's place in the sweep, counted from 0.
    """
    cfg = context.config_loader.load_sweep_config(sweep, list(overrides))
    with open_dict(cfg):
        cfg.hydra.job.id = cfg.hydra.job.num = number
    folder = Path(cfg.hydra.sweep.dir) / cfg.hydra.sweep.subdir
    own = OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key != "hydra"])
    take_judge_away(own, overrides)
    check_thinking(own, overrides)
    validate(own, TrainSettings)
    kept = tuple(o for o in overrides if override_key(o) not in ("run_dir", "resume"))
    return SweepJob(flags=_config_dirs(sweep), overrides=kept, folder=folder, cfg=own)


def _config_dirs(sweep: DictConfig) -> tuple[str, ...]:
    sources = sweep.hydra.runtime.config_sources
    return tuple(f"--config-dir={s.path}" for s in sources if s.provider == "command-line")


def run_jobs(jobs: Sequence[SweepJob], *, parallel: int) -> list[JobReturn]:
    """Run all jobs and return their results, final accuracies; a job that failed has None.

    Raises ValueError when two jobs have one folder: one would be taken for the other.
    """
    if len({job.folder for job in jobs}) < len(jobs):
        raise ValueError(
            "two jobs of the sweep have the same folder; hydra.sweep.subdir must name every swept"
            " key (its default does)."
        )
    log.info("%d jobs in %s", len(jobs), jobs[0].folder.parent)
    with ThreadPoolExecutor(parallel) as threads:
        return list(threads.map(_run, jobs))


def _run(job: SweepJob) -> JobReturn:
    name = job.folder.name
    if RunFolder(path=job.folder).is_finished:
        log.info("%s: finished before", name)
    else:
        job.folder.mkdir(parents=True, exist_ok=True)
        start = time.monotonic()
        status = _command(job)
        output = job.folder / "output.log"
        result = "done" if status == 0 else f"failed with status {status}, see {output}"
        log.info("%s: %s after %.0f s", name, result, time.monotonic() - start)
    return JobReturn(
        overrides=list(job.overrides),
        cfg=job.cfg,
        working_dir=str(job.folder),
        status=JobStatus.COMPLETED,
        _return_value=RunFolder(path=job.folder).final_accuracy,
    )


def _command(job: SweepJob) -> int:
    """Run the job as a process and return its exit status; its output goes to output.log.

    The job watches its standard input and ends with this process.
    """
    resume = ["resume=true"] if RunFolder(path=job.folder).has_begun else []
    command = [
        sys.executable, "-m", "sophia.cli.sweep.job", *job.flags, *job.overrides,
        f"run_dir={quoted(str(job.folder))}", *resume,
    ]  # fmt: skip
    with (
        (job.folder / "output.log").open("a") as output,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            return process.wait()
        finally:
            process.kill()
