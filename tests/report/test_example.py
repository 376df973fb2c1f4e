"""The explained example: two right answers of a group, one of them by luck."""

from __future__ import annotations

from pathlib import Path

from sophia.report.example import find_example
from sophia.run.groups import save_groups
from tests.records import kept_completion, kept_group

SOUND = kept_completion(1.0, 1.0, advantage=0.9)
LUCKY = kept_completion(1.0, 0.2, advantage=0.3)
WRONG = kept_completion(0.0, 0.1, advantage=-1.2)


def test_the_widest_gap_between_right_answers_is_shown(tmp_path: Path) -> None:
    near = kept_group(SOUND, kept_completion(1.0, 0.8), WRONG, uid="near", rl_step=4)
    wide = kept_group(WRONG, LUCKY, SOUND, uid="wide", trust=0.7, rl_step=4)
    save_groups(tmp_path, [near, wide], rl_step=4)
    example = find_example(tmp_path)
    assert example is not None
    assert (example.place, example.group.trust, example.weight) == (1, 0.7, 0.3)
    assert (example.lucky, example.sound) == (LUCKY, SOUND)
    assert example.images[0].startswith("data:image/png;base64,")


def test_no_example_where_thinking_did_not_count(tmp_path: Path) -> None:
    save_groups(tmp_path, [kept_group(SOUND, LUCKY, thinking_counted=False)], rl_step=0)
    save_groups(tmp_path, [kept_group(SOUND, WRONG), kept_group(LUCKY, WRONG)], rl_step=1)
    gated = kept_completion(1.0, 0.2, gated=True)
    save_groups(tmp_path, [kept_group(SOUND, gated)], rl_step=2)
    assert find_example(tmp_path) is None


def test_no_rollouts_no_example(tmp_path: Path) -> None:
    assert find_example(tmp_path / "nowhere") is None
