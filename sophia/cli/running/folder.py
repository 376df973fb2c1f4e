"""The folder of a run, and what is said before anything heavy is imported: what will run, where."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table

from sophia.cli.command_line.thinking import thinking_in_words
from sophia.cli.running.files import check_data_files, check_model
from sophia.cli.running.inert import inert_settings
from sophia.cli.running.processes import check_devices, check_launcher, is_rank_zero, world_size
from sophia.run.folder import RunFolder
from sophia.run.opening import held, open_run_folder

_NAMED_GROUPS = ("model", "data", "reward", "annealing", "judge", "algorithm", "rollout", "trainer")
_WHERE = ("run_dir", "resume", "debug")


@contextmanager
def opened_folder(cfg: DictConfig) -> Iterator[RunFolder]:
    """Make or find the folder of the run, keep others out of it, and say what will run.

    Raises:
        ValueError: devices, data files or the model are missing, sizes do not divide, or the
            folder holds another run, or a run that is going on.
    """
    check_devices(cfg)
    check_launcher(cfg)
    table = step_table(cfg, world_size=world_size(cfg))
    check_data_files(cfg, "train", "heldout")
    check_model(cfg, "weights")
    path = Path(cfg.run_dir)
    if not is_rank_zero():
        yield RunFolder(path=path)
        return
    with held(path):
        folder = open_run_folder(path, settings_text(cfg), resume=cfg.resume)
        console = Console()
        console.print(headline(cfg), highlight=False, soft_wrap=True)
        console.print(table)
        yield folder


def headline(cfg: DictConfig) -> str:
    """``outputs/a: model=tiny, data=digits, ..., seed=0``: the folder and what was chosen."""
    choices = dict(HydraConfig.get().runtime.choices)
    if cfg.annealing is None:  # as judge=none leaves it, whatever the recipe has chosen
        choices["annealing"] = "none"
    named = [f"{group}={choices[group]}" for group in _NAMED_GROUPS if choices.get(group)]
    if cfg.model.path is not None:
        named.append(f"model.path={cfg.model.path}")
    return f"{cfg.run_dir}: {', '.join(named)}, seed={cfg.seed}"


def settings_text(cfg: DictConfig) -> str:
    """The settings that make this run this run, as YAML.

    Interpolations stay as they are, so that no secret of the environment is written out. The number
    of processes is not part of it: they divide the same work.
    """
    own = OmegaConf.to_container(cfg, resolve=False)
    assert isinstance(own, dict)
    for key in ("devices", "num_nodes"):
        own["trainer"].pop(key, None)
    return OmegaConf.to_yaml({key: value for key, value in own.items() if key not in _WHERE})


def step_table(cfg: DictConfig, *, world_size: int) -> Table:
    """The derived sizes of a step. Raises ValueError naming the nearest values that divide."""
    update = cfg.algorithm["update"]
    pieces = update.optimizer_steps_per_rollout
    check_divides("prompts_per_step", cfg.prompts_per_step, world_size * pieces)
    completions = cfg.prompts_per_step * cfg.num_generations
    table = Table(title="one RL step", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    for label, value in (
        ("prompts", f"{cfg.prompts_per_step}"),
        ("completions", f"{cfg.prompts_per_step} x {cfg.num_generations} = {completions}"),
        ("new tokens, at most", f"{completions * cfg.sampling.max_new_tokens:,}"),
        ("processes", f"{world_size}"),
        ("optimizer steps", f"{pieces * update.num_iterations}"),
        ("tokens of a micro-batch, at most", f"{update.micro_batch_tokens:,}"),
        ("thinking", thinking_in_words(cfg)),
        ("RL steps in the run", f"{cfg.num_steps}"),
    ):
        table.add_row(label, value)
    for sentence in inert_settings(cfg):
        table.add_row("no effect", sentence)
    return table


def check_divides(name: str, value: int, divisor: int) -> None:
    """Raise ValueError unless ``value`` is a positive multiple of ``divisor``."""
    if value > 0 and value % divisor == 0:
        return
    near = sorted({max(value // divisor, 1) * divisor, (value // divisor + 1) * divisor})
    raise ValueError(
        f"{name} is {value}, which does not divide by {divisor} (processes x"
        f" algorithm.update.optimizer_steps_per_rollout); nearest are {near}."
    )
