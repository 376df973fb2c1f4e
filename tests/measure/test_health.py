"""Conditions of a run on rows that can be counted on fingers, and on recorded quick starts."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from pathlib import Path

import pytest

from sophia.cli.running.build import build
from sophia.measure.health import Limit, Limits, Row, banner, findings, shares
from tests.composing import composed, options

RECORDED = Path(__file__).parent / "quickstarts.csv"

HEALTHY: Row = {
    "loss": 0.01, "grad_norm": 0.3, "optim/skipped_steps": 0.0, "completions/clipped_ratio": 0.1,
    "rewards/format/mean": 0.9, "accuracy": 0.4, "frac_reward_zero_std": 0.3,
}  # fmt: skip


def names(rows: list[Row], limits: Limits | None = None) -> list[str]:
    return [one.name for one in findings(rows, limits or Limits())]


def quick_starts() -> dict[str, list[Row]]:
    """`python train.py seed=0`, 1 and 2: what the conditions read, by seed."""
    runs: dict[str, list[Row]] = defaultdict(list)
    with RECORDED.open(newline="") as file:
        for row in csv.DictReader(file):
            runs[row.pop("seed")].append({name: float(value) for name, value in row.items()})
    return runs


@pytest.mark.parametrize("seed", ["0", "1", "2"])
def test_quick_starts_show_no_banner_at_any_step(seed: str) -> None:
    rows = quick_starts()[seed]
    assert len(rows) == 300
    assert [step for step in range(300) if names(rows[: step + 1])] == []
    limits = Limits().by_name  # and none is near: half of the groups of a window teach something
    highest = {
        name: max(shares(rows[: step + 1], Limits())[name] for step in range(300))
        for name in limits
    }
    assert all(highest[name] < 0.8 * limits[name].share for name in limits), highest


CAUSES: list[tuple[str, Row, int]] = [
    ("loss_not_finite", {"loss": math.nan, "grad_norm": math.nan, "optim/skipped_steps": 1.0}, 2),
    ("skipped_updates", {"grad_norm": math.inf, "optim/skipped_steps": 1.0}, 2),
    ("truncated", {"completions/clipped_ratio": 1.0}, 9),
    ("no_format", {"rewards/format/mean": 0.0, "accuracy": 0.0}, 15),
    ("equal_groups", {"frac_reward_zero_std": 1.0}, 19),
    ("no_gradient", {"grad_norm": 0.0}, 20),
]


def test_equal_groups_that_are_compared_with_the_whole_step_are_no_finding() -> None:
    equal = {**HEALTHY, "frac_reward_zero_std": 1.0}
    assert names([{**equal, "optim/frac_groups_left_out": 1.0}] * 20) == ["equal_groups"]
    assert names([{**equal, "optim/frac_groups_left_out": 0.1}] * 20) == []


@pytest.mark.parametrize(("name", "sick", "step"), CAUSES, ids=[name for name, _, _ in CAUSES])
def test_each_cause_is_found_after_its_steps_and_alone(name: str, sick: Row, step: int) -> None:
    rows: list[Row] = [{**HEALTHY, **sick}] * 40
    first = next(done for done in range(41) if names(rows[:done]))
    assert first == step
    assert names(rows) == [name]
    assert names([*rows, *[HEALTHY] * 40]) == []


def test_a_cause_hides_what_follows_from_it() -> None:
    dead: Row = {
        **HEALTHY, "completions/clipped_ratio": 1.0, "rewards/format/mean": 0.0, "accuracy": 0.0,
        "frac_reward_zero_std": 1.0, "grad_norm": 0.0,
    }  # fmt: skip
    rows = [dead] * 40
    assert names(rows) == ["truncated"]
    assert all(names(rows[:done]) in ([], ["truncated"]) for done in range(41))
    assert names(rows, Limits(truncated=None)) == ["no_format"]
    assert names(rows, Limits(truncated=None, no_format=None)) == ["equal_groups"]


def test_right_answers_without_tags_are_no_missing_format() -> None:
    assert names([{**HEALTHY, "rewards/format/mean": 0.0}] * 40) == []


def test_a_row_without_a_figure_decides_nothing() -> None:
    assert names([{}] * 40) == []


def test_the_share_is_of_the_steps_that_were_made() -> None:
    sick: Row = {**HEALTHY, "loss": math.inf}
    (one,) = findings([HEALTHY, sick, sick], Limits())
    assert one.seen.startswith("In 67% of the last 3 RL steps the loss was NaN or infinite")
    text = banner([one])
    assert "THE LOSS IS NOT FINITE\nIn 67%" in text
    assert "What to do: Lower algorithm.optimizer.lr" in text
    assert banner([]) == ""


def test_limits_of_a_file() -> None:
    node = {
        "_target_": "x",
        "truncated": None,
        "no_format": {"_target_": "y", "steps": 3, "share": 1},
        "no_gradient": {"steps": "${num_steps}", "share": 0.5},
    }
    limits = Limits.of(node)
    assert limits == Limits(truncated=None, no_format=Limit(steps=3, share=1.0))
    assert "truncated" not in limits.by_name
    assert limits.most_steps == 20


@pytest.mark.parametrize(("steps", "share"), [(0, 0.5), (5, 0.0), (5, 1.1), (5, math.nan)])
def test_a_limit_that_makes_no_sense_is_refused(steps: int, share: float) -> None:
    with pytest.raises(ValueError, match=f"steps={steps}, share={share}; expected"):
        Limit(steps=steps, share=share)


@pytest.mark.parametrize("name", options("experiment"))
def test_shipped_limits_are_the_defaults(name: str) -> None:
    assert build(composed(f"experiment={name}"), "callbacks.health.limits") == Limits()
