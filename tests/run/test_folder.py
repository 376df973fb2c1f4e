"""A folder is one run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

from sophia.cli.running.build import build
from sophia.rewards.judge.http import HTTPJudge
from sophia.run.folder import RunFolder
from sophia.run.later import with_later
from sophia.run.opening import held, open_run_folder
from sophia.run.resume import changes
from tests.composing import composed

SETTINGS = "seed: 0\nnum_steps: 9\nlr: 1\njudge:\n  url: here\n"


def begun(folder: Path, *, steps: int) -> Path:
    """The folder of a run with so many steps behind it."""
    open_run_folder(folder, SETTINGS, resume=False)
    lines = ["rl_step,reward", *(f"{step},0.5" for step in range(steps))]
    (folder / "metrics.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_a_run_is_not_written_over(tmp_path: Path) -> None:
    folder = begun(tmp_path / "run", steps=3)
    with pytest.raises(ValueError, match=r"already holds a run of 3 steps\. Add resume=true"):
        open_run_folder(folder, SETTINGS, resume=False)


def test_a_start_that_failed_before_its_first_step_claims_nothing(tmp_path: Path) -> None:
    folder = begun(tmp_path / "run", steps=0)
    (folder / "evaluation_before.jsonl").write_text("of other settings")
    open_run_folder(folder, "seed: 1\n", resume=False)
    assert (folder / "config.yaml").read_text() == "seed: 1\n"
    assert not (folder / "evaluation_before.jsonl").exists()


def stopped_at_step_0(folder: Path) -> Path:
    """A run that was stopped in its first step, with a checkpoint of its start."""
    begun(folder, steps=0)
    (folder / "checkpoints").mkdir()
    torch.save({"rl_step": 0}, folder / "checkpoints" / "step_000000.ckpt")
    (folder / "evaluation_before.jsonl").write_text("of these settings")
    return folder


def test_a_new_start_does_not_go_on_from_the_checkpoint_of_a_failed_one(tmp_path: Path) -> None:
    folder = stopped_at_step_0(tmp_path / "run")
    assert open_run_folder(folder, "seed: 1\n", resume=False).last_checkpoint is None


def test_a_run_stopped_in_its_first_step_goes_on_where_it_was(tmp_path: Path) -> None:
    folder = stopped_at_step_0(tmp_path / "run")
    run = open_run_folder(folder, SETTINGS.replace("here", "there"), resume=True)
    assert run.last_checkpoint is not None
    assert run.evaluation("before").is_file()
    run = open_run_folder(folder, SETTINGS.replace("lr: 1", "lr: 2"), resume=True)
    assert run.last_checkpoint is None
    assert not run.evaluation("before").exists()


HOLDS_AND_FORKS = """
import os, sys, time
from pathlib import Path
from sophia.run.opening import held
with held(Path(sys.argv[1])):
    if os.fork() == 0:
        print("held", flush=True)  # the child is there
    time.sleep(60)
"""


def test_a_kill_lets_go_of_the_folder_though_a_worker_lives_on(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    command = [sys.executable, "-c", HOLDS_AND_FORKS, str(folder)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "held\n"
        with pytest.raises(ValueError, match="another process is at work"), held(folder):
            pass
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
        try:
            with held(folder):
                pass
        finally:
            os.killpg(run.pid, signal.SIGKILL)


def test_nothing_to_resume_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no run in"):
        open_run_folder(tmp_path / "run", SETTINGS, resume=True)


def test_what_would_change_the_past_is_refused_with_the_difference(tmp_path: Path) -> None:
    folder = begun(tmp_path / "run", steps=3)
    settings = SETTINGS.replace("lr: 1", "lr: 2").replace("9", "10")
    with pytest.raises(ValueError, match=r"(?s)other settings.*\n  lr: 1 -> 2\nA resume may"):
        open_run_folder(folder, settings, resume=True)
    assert (folder / "config.yaml").read_text() == SETTINGS


def test_a_resume_may_change_what_leaves_the_past_alone(tmp_path: Path) -> None:
    folder = begun(tmp_path / "run", steps=3)
    settings = SETTINGS.replace("here", "there").replace("9", "12")
    open_run_folder(folder, settings, resume=True)
    assert (folder / "config.yaml").read_text() == settings


@pytest.mark.parametrize("group", ["logger", "callbacks.validation", "callbacks.rollouts"])
@pytest.mark.parametrize("other", [{}, None])
def test_a_resume_may_leave_a_logger_or_a_callback_away(
    group: str, other: dict[str, Any] | None
) -> None:
    begun_with = OmegaConf.create({"seed": 0})
    OmegaConf.update(begun_with, group, {"_target_": "Something", "every_n_steps": 5})
    plain = OmegaConf.to_container(begun_with)
    OmegaConf.update(begun_with, group, other, merge=False)
    found = changes(plain, OmegaConf.to_container(begun_with))  # type: ignore[arg-type]
    assert found
    assert all(change.is_harmless for change in found)


@pytest.mark.parametrize("group", ["judge", "callbacks.rollout", "callbacks"])
def test_a_resume_may_not_leave_away_what_made_the_past(group: str) -> None:
    (change, *_) = changes({group: {"_target_": "Something"}}, {group: None})
    assert not change.is_harmless


def test_a_finished_run_that_goes_on_keeps_its_end_under_another_name(tmp_path: Path) -> None:
    folder = begun(tmp_path / "run", steps=9)
    (folder / "run.json").write_text("{}")
    (folder / "evaluation_after.jsonl").write_text("end")
    open_run_folder(folder, SETTINGS, resume=True)
    assert (folder / "run.json").is_file()
    run = open_run_folder(folder, SETTINGS.replace("9", "12"), resume=True)
    assert not run.is_finished
    assert (folder / "evaluation_after_step_000009.jsonl").read_text() == "end"
    assert (folder / "run_step_000009.json").is_file()


def test_fewer_steps_than_are_done_are_refused(tmp_path: Path) -> None:
    folder = begun(tmp_path / "run", steps=5)
    with pytest.raises(ValueError, match=r"num_steps is 4, but the run in .* has done 5"):
        open_run_folder(folder, SETTINGS.replace("9", "4"), resume=True)


def test_the_latest_whole_checkpoint_is_found(tmp_path: Path) -> None:
    folder = open_run_folder(tmp_path / "run", SETTINGS, resume=False)
    assert folder.start_step == 0
    checkpoints = folder.path / "checkpoints"
    checkpoints.mkdir()
    for name in ("step_000020.ckpt", "step_000100.ckpt", "step_000120.partial", "other.ckpt"):
        torch.save({"rl_step": 0}, checkpoints / name)
    (checkpoints / "step_000110.ckpt").touch()  # cut off: not whole
    assert folder.last_checkpoint == checkpoints / "step_000100.ckpt"
    assert folder.start_step == 100


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ("seed: 0\nname: quickstart\n", "quickstart/2026-01-31"),
        ("name: 'it''s'\n", "it's/2026-01-31"),
        ("name: 2026-01-31\n", "2026-01-31"),
        ("data:\n  name: rows\n", "2026-01-31"),
    ],
)
def test_a_run_is_called_by_its_settings_and_its_folder(
    settings: str, name: str, tmp_path: Path
) -> None:
    folder = RunFolder(path=tmp_path / "2026-01-31")
    assert folder.name == "2026-01-31"  # before there are settings
    folder.path.mkdir()
    folder.config.write_text(settings)
    assert folder.name == name


def test_a_setting_that_came_later_is_no_change() -> None:
    outcome = {"_target_": "sophia.rewards.outcome.OutcomeReward", "profile": "paper"}
    theirs = {"reward": {"outcome": outcome}}
    assert changes(theirs, {"reward": {"outcome": {**outcome, "extract": "tagged"}}}) == []
    (change,) = changes(theirs, {"reward": {"outcome": {**outcome, "extract": "lenient"}}})
    assert str(change) == "reward.outcome.extract: tagged -> lenient"
    assert not change.is_harmless


def test_a_run_from_before_algorithms_had_parts_can_go_on() -> None:
    update = {"_target_": "sophia.training.update.UpdateConfig", "num_iterations": 2}
    loss = {"_target_": "sophia.grpo.loss.LossConfig", "beta": 0.01}
    module = {"_target_": "sophia.training.grpo_module.GRPOModule"}
    clip = {"epsilon_low": 0.2, "epsilon_high": 0.28, "dual_clip": None}
    theirs = {
        **module,
        "loss": {**loss, **clip, "importance_sampling_level": "sequence"},
        "update": {**update, "scale_rewards": "none", "advantage_epsilon": 1e-6},
    }
    group = "sophia.grpo.estimators.group.GroupAdvantages"
    policy = {
        "_target_": "sophia.grpo.losses.clipped.Clipped", **clip,
        "ratio_level": "sequence", "max_log_ratio": 20.0,
    }  # fmt: skip
    yours = {
        **module,
        "estimator": {"_target_": group, "scale": "none", "epsilon": 1e-6},
        "loss": {**loss, "policy": policy},
        "update": update,
    }
    assert changes({"algorithm": theirs}, {"algorithm": yours}) == []
    other = {**yours, "loss": {**loss, "policy": {**policy, "epsilon_high": 0.2}}}
    (change,) = changes({"algorithm": theirs}, {"algorithm": other})
    assert str(change) == "algorithm.loss.policy.epsilon_high: 0.28 -> 0.2"


FORMAT = "sophia.rewards.format.FormatRule"
BLOCKS = {"_target_": FORMAT, "blocks": ["think"], "final": "answer", "gap": "blank"}
RELEASE = {"_target_": "sophia.rewards.format.ReleaseFormat"}


@pytest.mark.parametrize(
    ("theirs", "yours", "others"),
    [
        ({"_target_": FORMAT, "pattern": "strict"}, BLOCKS, RELEASE),
        ({"_target_": FORMAT}, BLOCKS, RELEASE),
        ({"_target_": FORMAT, "pattern": "release"}, RELEASE, BLOCKS),
        (BLOCKS, BLOCKS, {**BLOCKS, "gap": "none"}),
    ],
)
def test_a_format_that_was_named_by_its_pattern_is_the_same(
    theirs: dict[str, Any], yours: dict[str, Any], others: dict[str, Any]
) -> None:
    assert changes({"format": theirs}, {"format": yours}) == []
    found = changes({"format": theirs}, {"format": others})
    assert found
    assert not any(change.is_harmless for change in found)


def test_an_outcome_weighed_1_before_there_was_a_weight() -> None:
    reward = {"_target_": "sophia.rewards.composer.RewardComposer", "trust": True}
    assert changes({"reward": reward}, {"reward": {**reward, "outcome_weight": 1.0}}) == []
    (change,) = changes({"reward": reward}, {"reward": {**reward, "outcome_weight": 0.9}})
    assert str(change) == "reward.outcome_weight: 1.0 -> 0.9"


def former_judge(sees: str) -> dict[str, Any]:
    """A served judge as runs had it before ``sophia/chat`` and its prompts."""
    room = "sophia.rewards.judge"
    return {
        "_target_": f"{room}.http.HTTPJudge", "model": "m", "sees": sees, "cache_path": None,
        "url": "http://127.0.0.1:9/v1", "api_key": "EMPTY",
        "calls": {"_target_": f"{room}.calls.CallSettings", "max_tokens": 64, "structured": "auto"},
        "breaker": {"_target_": f"{room}.ledger.Breaker", "window_steps": 5},
        "prices": {"_target_": f"{room}.ledger.Prices", "prompt": None, "completion": None},
    }  # fmt: skip


def test_a_judge_of_an_older_run_is_the_same_where_it_sees_the_same() -> None:
    cfg = composed("judge=http", "judge_prompt@judge.prompt=five_criteria", "judge.model=m")
    today = OmegaConf.to_container(cfg.judge, resolve=True)
    assert isinstance(today, dict)
    found = changes({"judge": former_judge("response")}, {"judge": today})
    assert [change for change in found if not change.is_harmless] == []
    found = changes({"judge": former_judge("thinking")}, {"judge": today})
    assert [str(change) for change in found if not change.is_harmless] == [
        "judge.prompt.sees: thinking -> response"
    ]


def test_a_judge_of_an_older_run_can_be_built() -> None:
    settings = OmegaConf.create(with_later({"judge": former_judge("thinking")}))
    judge = build(settings, "judge")
    assert isinstance(judge, HTTPJudge)
    judge.close()


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("strict", "<think>a</think><answer>4</answer>", True),
        ("strict", "<think>a</think>so<answer>4</answer>", False),
        ("release", "<think>a</think>so<answer>4</answer>", True),
    ],
)
def test_a_format_of_an_older_run_can_be_built(pattern: str, text: str, expected: bool) -> None:
    settings = with_later({"format": {"_target_": FORMAT, "pattern": pattern}})
    rule = build(OmegaConf.create(settings), "format")
    assert rule(text) is expected
