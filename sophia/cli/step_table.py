"""What one RL step does, said before the first one; refuses numbers that do not divide."""

from __future__ import annotations

from omegaconf import DictConfig
from rich.table import Table


def step_table(cfg: DictConfig, *, world_size: int) -> Table:
    """The derived sizes of a step. Raises ValueError naming the nearest values that divide."""
    update = cfg.algorithm["update"]
    pieces = update.optimizer_steps_per_rollout
    check_divides("prompts_per_step", cfg.prompts_per_step, world_size * pieces)
    completions = cfg.prompts_per_step * cfg.num_generations
    table = Table(title="one RL step", title_justify="left", show_header=False)
    for label, value in (
        ("prompts", f"{cfg.prompts_per_step}"),
        ("completions", f"{cfg.prompts_per_step} x {cfg.num_generations} = {completions}"),
        ("new tokens, at most", f"{completions * cfg.sampling.max_new_tokens:,}"),
        ("processes", f"{world_size}"),
        ("optimizer steps", f"{pieces * update.num_iterations}"),
        ("tokens of a micro-batch, at most", f"{update.micro_batch_tokens:,}"),
        ("RL steps in the run", f"{cfg.num_steps}"),
    ):
        table.add_row(label, value)
    return table


def check_divides(name: str, value: int, divisor: int) -> None:
    """``value`` must be a positive multiple of ``divisor``."""
    if value > 0 and value % divisor == 0:
        return
    near = sorted({max(value // divisor, 1) * divisor, (value // divisor + 1) * divisor})
    raise ValueError(
        f"{name} is {value}, which does not divide by {divisor} (processes x"
        f" algorithm.update.optimizer_steps_per_rollout); nearest are {near}."
    )
