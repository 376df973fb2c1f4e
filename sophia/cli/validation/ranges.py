"""Which numbers of a training run make sense, before anything is loaded for it.

This is of keys whose object is built late or is not ours. Plain values check themselves
(``check_values`` in ``sophia.cli.running.preflight``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a key may be.

    Args:
        key: its dotted path, or a pattern of several.
        allows: whether a value is in the range.
        range: the range in words, and why, to stand after ``KEY is VALUE; it ``.
    """

    key: str
    allows: Callable[[Any], bool]
    range: str


def _at_least(low: int) -> Callable[[Any], bool]:
    return lambda value: not _is_number(value) or value >= low


def _positive(value: Any) -> bool:
    return not _is_number(value) or value > 0


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)  # of anything else the signature has a say


_RULES = (
    Rule(key="num_steps", allows=_at_least(1), range="must be at least 1: RL steps of the run."),
    Rule(key="prompts_per_step", allows=_at_least(1), range="must be at least 1."),
    Rule(key="num_generations", allows=_at_least(1), range="must be at least 1; usual is 8."),
    Rule(
        key="sampling.temperature",
        allows=_positive,
        range="must be above 0 in training: a group of equal greedy answers teaches nothing, and"
        " log-probabilities are divided by it; usual is 1.0.",
    ),
    Rule(
        key="algorithm.optimizer.lr",
        allows=lambda value: not _is_number(value) or 0 < value <= 1,
        range="must be above 0, and at most 1; the paper's is 5e-7, with adapters 1e-5 is usual.",
    ),
    Rule(
        key="callbacks.*.every_n_steps",
        allows=_at_least(1),
        range="must be at least 1: RL steps from one turn to the next. A callback set to null is"
        " left out.",
    ),
    Rule(
        key="trainer.max_steps",
        allows=lambda value: value == -1,
        range="must stay -1: the length of a run is num_steps, in RL steps.",
    ),
    Rule(
        key="trainer.max_epochs",
        allows=lambda value: value == 1,
        range="must stay 1: the length of a run is num_steps, in RL steps.",
    ),
    Rule(
        key="trainer.precision",
        allows=lambda value: str(value) == "32-true",
        range="must stay 32-true, which are the master weights: what is computed in is"
        " trainer.strategy.compute_dtype (with trainer=fsdp), what parameters are kept in"
        " model.dtype.",
    ),
)


def check_ranges(node: Mapping[str, Any]) -> None:
    """Refuse numbers that no training run can have; ``node`` is its configuration, resolved.

    Raises:
        ValueError: naming the key, its value and the range.
    """
    for path, value in _leaves("", node):
        for rule in _RULES:
            if value is not None and fnmatchcase(path, rule.key) and not rule.allows(value):
                raise ValueError(f"{path} is {value}; it {rule.range}")


def _leaves(path: str, node: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        name = f"{path}.{key}" if path else str(key)
        if isinstance(value, Mapping):
            yield from _leaves(name, value)
        else:
            yield name, value
