"""A reward of the user's own is tried before the first evaluation."""

from __future__ import annotations

from pathlib import Path

import pytest

from sophia.cli.running.build import build
from sophia.cli.running.preflight import check_disk, try_rewards
from sophia.data.encode import PromptEncoder
from sophia.rewards.custom import CustomReward
from sophia.rewards.terms.named import RewardFailed
from tests.builders import prompt
from tests.commands import ROOT, SMALL_RUN, run
from tests.composing import composed
from tests.rewards.judge_server import JudgeServer, honest

SEEN = """
seen = []

def f(completions, completion_ids, solution, **columns):
    seen.append((completions, completion_ids, solution))
    return [1.0] * len(completions)
"""


def reward(folder: Path, source: str) -> CustomReward:
    path = folder / "mine.py"
    path.write_text(source)
    return CustomReward(f"{path}:f", weight=1.0, signature="trl")


def test_it_is_called_on_a_group_that_gives_the_gold_answer(
    encoder: PromptEncoder, tmp_path: Path
) -> None:
    mine = reward(tmp_path, SEEN)
    try_rewards({"mine": mine}, prompt(answer="4"), encoder, group_size=3)
    ((texts, ids, solution),) = mine._function.__globals__["seen"]
    assert texts == ["<think>A made-up completion.</think><answer>4</answer>"] * 3
    assert encoder.decode(ids[0]) == texts[0]
    assert solution == ["4"] * 3


def test_one_that_fails_says_its_name(encoder: PromptEncoder, tmp_path: Path) -> None:
    mine = reward(tmp_path, "def f(completions, **columns):\n    return columns['colour']\n")
    with pytest.raises(RewardFailed, match=r"^the reward 'mine' \(.*mine\.py:f\) failed on"):
        try_rewards({"mine": mine}, prompt(), encoder, group_size=2)


@pytest.mark.slow
def test_the_command_ends_before_the_first_evaluation(tmp_path: Path) -> None:
    source = tmp_path / "mine.py"
    source.write_text("def letters(prompt, completion):\n    return completion.txt\n")
    overrides = (*SMALL_RUN, f"reward.extra.letters.function={source}:letters")
    arguments = [o for o in overrides if not o.startswith("+reward.extra.letters.function")]
    arguments[-1] = "+" + arguments[-1]
    output = run(
        "train.py", *arguments, f"run_dir={tmp_path / 'run'}", cache=tmp_path / "cache", expect=1
    )
    assert "error: the reward 'letters' (" in output
    assert "AttributeError: 'Completion' object has no attribute 'txt' (mine.py, line 2)." in output
    assert "evaluation before" not in output
    assert not (tmp_path / "run" / "evaluation_before.jsonl").exists()


def test_a_run_whose_checkpoints_do_not_fit_is_refused(tmp_path: Path) -> None:
    shape = f"model.path={ROOT / 'tests' / 'shapes' / 'qwen2_5_vl_7b'}"
    cfg = composed("experiment=sophiavl_7b", shape, "callbacks.checkpoint.keep_last=100000")
    with pytest.raises(ValueError, match=r"GiB of checkpoints .* GiB are free\. Choose another"):
        check_disk(cfg, build(cfg, "model"), cfg.model.path, tmp_path)


@pytest.mark.slow
def test_an_evaluation_asks_its_judge_before_any_question(finished: Path, tmp_path: Path) -> None:
    server = JudgeServer(honest)
    server.start()
    server.stop()
    judge = ("judge=http", f"judge.url={server.url}", "judge.cache_path=null")
    command = ("evaluate.py", f"ckpt={finished}", *judge, f"run_dir={tmp_path / 'evaluation'}")
    output = run(*command, cache=tmp_path, expect=1)
    assert "Nobody listens there" in output
    assert not list((tmp_path / "evaluation").glob("records-*"))
