"""`report`: write the page of a run that exists; `inspect`: one group of one of its steps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.measure import Measurement

from sophia.report.group import group_table, group_text, save_group_images
from sophia.report.run import write_run_report
from sophia.run.folder import RunFolder
from sophia.run.groups import kept_steps, load_groups

_WIDEST = 1000  # characters; no table comes near it


def report(cfg: DictConfig) -> None:
    """Write ``report.html``, the page of the run in ``run_dir``."""
    run_dir = _run_dir(cfg)
    settings = OmegaConf.load(RunFolder(path=run_dir).config)
    title = OmegaConf.select(settings, "callbacks.report.title")
    path = write_run_report(run_dir, title=title)
    Console().print(f"written to {path}; open it in a browser", highlight=False, soft_wrap=True)


def inspect_group(cfg: DictConfig) -> None:
    """Print one group of one step and write its images into the run's folder.

    Without a step it prints which ones there are.
    """
    run_dir = _run_dir(cfg)
    steps = kept_steps(RunFolder(path=run_dir).rollouts)
    if not steps:
        raise ValueError(
            f"the run in {run_dir} kept no rollouts; train with callbacks.rollouts (it is on by"
            " default), or check run_dir."
        )
    if cfg.step is None:
        Console().print(f"kept are the steps {_ranges(steps)}; step=N shows one", highlight=False)
        return
    if cfg.step not in steps:
        raise ValueError(f"step is {cfg.step}; kept are {_ranges(steps)}. Set step=N.")
    groups = load_groups(RunFolder(path=run_dir).rollouts, cfg.step)
    if not 0 <= cfg.group < len(groups):
        raise ValueError(f"group is {cfg.group}; step {cfg.step} has 0 to {len(groups) - 1}.")
    group = groups[cfg.group]
    images = save_group_images(run_dir / "inspect", group, place=cfg.group)
    console = Console()
    title = f"step {cfg.step}, group {cfg.group} of {len(groups)}"
    console.print(group_text(group, title=title, images=images), highlight=False, soft_wrap=True)
    table = group_table(group)
    narrowest = Measurement.get(console, console.options.update(width=_WIDEST), table).minimum
    console.print(table, width=max(console.width, narrowest), crop=False)  # no column is lost


def _run_dir(cfg: DictConfig) -> Path:
    if cfg.run_dir is None:
        raise ValueError("run_dir is missing; give the folder of a run, as train.py prints it.")
    path = Path(cfg.run_dir)
    if not RunFolder(path=path).has_begun:
        raise ValueError(
            f"run_dir={path} holds no run (no config.yaml); give the folder of one, as train.py"
            " prints it."
        )
    return path


def _ranges(steps: Sequence[int]) -> str:
    """Ascending steps as text, neighbours joined: ``0-7, 10``."""
    starts = [s for i, s in enumerate(steps) if i == 0 or steps[i - 1] != s - 1]
    ends = [s for i, s in enumerate(steps) if i == len(steps) - 1 or steps[i + 1] != s + 1]
    pairs = zip(starts, ends, strict=True)
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in pairs)
