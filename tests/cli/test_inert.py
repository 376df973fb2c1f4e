"""What has no effect is said before the first step."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from sophia.cli.running.folder import step_table
from sophia.cli.running.inert import inert_settings
from tests.composing import composed

FOUR = "algorithm.update.optimizer_steps_per_rollout=4"


@pytest.mark.parametrize(
    ("overrides", "keys"),
    [
        ((), ["algorithm.loss.policy: epsilon_low, epsilon_high, ratio_level, max_log_ratio"]),
        (("algorithm.loss.policy.dual_clip=3",), ["epsilon_high, dual_clip, ratio_level"]),
        (("algorithm/loss/policy=sapo",), ["algorithm.loss.policy: tau_positive, tau_negative"]),
        ((FOUR,), []),
        (("algorithm.update.num_iterations=2",), []),
        (("algorithm=dapo",), ["algorithm.loss.kl_estimator: beta is 0"]),
        ((FOUR, "algorithm.loss.kl_estimator=k1"), ["algorithm.loss.beta: in a loss, k1"]),
        ((FOUR, "num_generations=1"), ["reward.trust: one completion per prompt"]),
        ((FOUR, "num_generations=1", "reward=outcome"), []),
        ((FOUR, "num_generations=1", "reward=gated"), ["reward.thinking: one completion per"]),
        ((FOUR, "num_generations=1", "reward=release"), []),  # gamma of one is e^-thinking, or 1
    ],
)
def test_what_has_no_effect(overrides: tuple[str, ...], keys: list[str]) -> None:
    said = inert_settings(composed(*overrides))
    assert len(said) == len(keys)
    assert all(key in sentence for key, sentence in zip(keys, said, strict=True))


def test_nobody_can_say_of_a_function_of_ones_own() -> None:
    own = ("algorithm/loss/policy=own", "algorithm.loss.policy.function=mine.py:loss")
    assert inert_settings(composed(*own)) == []


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_table_before_the_first_step_says_so(width: int) -> None:
    console = Console(width=width, record=True, file=StringIO())
    console.print(step_table(composed(), world_size=1))
    shown = console.export_text()
    assert "no effect" in shown
    said = "".join(line.split("│")[2].strip() for line in shown.splitlines() if "│" in line)
    assert "algorithm.update.optimizer_steps_per_rollout=4" in said  # nothing is cut off
