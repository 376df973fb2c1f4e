"""The outcome reward as an object: errors, counts, threads, processes."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import sophia
from sophia.metrics import values
from sophia.rewards.checkers.verdict import TIMED_OUT, UNSCORED
from sophia.rewards.metrics import outcome_metrics
from sophia.rewards.outcome import CHECKERS, RELEASE_CHECKERS, OutcomeReward, grade
from tests.rewards.builders import answering, completion, prompt

SINE = "\\sin 30^\\circ"  # needs computer algebra


@pytest.fixture
def reward() -> Iterator[OutcomeReward]:
    reward = OutcomeReward(timeout_s=20.0, num_workers=1)
    yield reward
    reward.close()


def test_unknown_problem_type_names_the_row(reward: OutcomeReward) -> None:
    row = prompt(problem_type="mutiple choice", uid="chart/12")
    with pytest.raises(ValueError, match=r"'chart/12'.*'mutiple choice'.*'multiple choice'"):
        reward(row, answering("4"))


def test_profiles_know_the_same_types() -> None:
    assert CHECKERS.keys() == RELEASE_CHECKERS.keys()


@pytest.mark.parametrize(
    "settings", [{"profile": "papre"}, {"ocr": "wer"}, {"timeout_s": 0.0}, {"num_workers": 0}]
)
def test_wrong_settings_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=str(next(iter(settings.values())))):
        OutcomeReward(**settings)  # type: ignore[arg-type]


def test_verdicts_say_what_went_wrong_and_are_counted(reward: OutcomeReward) -> None:
    verdicts = [
        reward.verdict(prompt(), answering("4")),
        reward.verdict(prompt(), answering("no idea")),
        reward.verdict(prompt(), completion("<think>")),
        reward.verdict(prompt(answer=""), answering("4")),
    ]
    assert [verdict.score for verdict in verdicts] == [1.0, 0.0, 0.0, None]
    counts = values(outcome_metrics(verdicts))
    expected = {"graded": 4.0, "unparsed": 2.0, "timeouts": 0.0, "unscored": 1.0}
    assert counts == {f"outcome/{name}": count for name, count in expected.items()}


def test_no_process_before_the_first_answer_that_needs_one(reward: OutcomeReward) -> None:
    reward(prompt(answer="0.5"), answering("1/2"))
    reward(prompt(answer="B", problem_type="multiple choice"), answering("B"))
    assert reward.num_workers_alive == 0
    assert reward(prompt(answer="0.5"), answering(SINE)) == 1.0
    assert reward.num_workers_alive == 1
    reward.close()
    assert reward.num_workers_alive == 0
    assert (
        reward(prompt(answer="0.25"), answering("\\frac{\\sin 30^\\circ}{2}")) == 1.0
    )  # starts again


def test_time_limit_is_hard_and_the_next_answer_is_judged() -> None:
    reward = OutcomeReward(timeout_s=2.0, num_workers=1)
    assert (
        reward(prompt(answer="3"), answering("6\\sin 30^\\circ")) == 1.0
    )  # the process is started
    started = time.perf_counter()
    verdict = reward.verdict(prompt(answer="3"), answering("x^{9^{9^{9^{9}}}}"))
    assert verdict == TIMED_OUT
    assert verdict.score == 0.0
    assert time.perf_counter() - started < 20.0
    assert reward(prompt(answer="5"), answering("10\\sin 30^\\circ")) == 1.0
    reward.close()


def test_a_gold_that_takes_too_long_is_none() -> None:
    reward = OutcomeReward(timeout_s=1.0, num_workers=1)
    row, answer = prompt(answer="9^{9^{9^{9^{9}}}}"), answering("\\sqrt{9}")
    assert reward(row, answer) is None
    assert reward.verdict(row, answer) == UNSCORED
    reward.close()


def test_threads_share_the_processes() -> None:
    reward = OutcomeReward(timeout_s=60.0, num_workers=2)
    with ThreadPoolExecutor(8) as threads:
        scores = threads.map(
            lambda n: reward(prompt(answer=str(n % 5)), answering(f"{2 * n}\\sin 30^\\circ")),
            range(20),
        )
        assert list(scores) == [float(n < 5) for n in range(20)]
    assert reward.num_workers_alive <= 2
    reward.close()


def test_works_in_a_script_without_a_main_guard(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""
        from sophia.rewards.outcome import grade
        print(grade("math", "<answer>6\\\\sin 30^\\\\circ</answer>", "3"))
        """)
    )
    output = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={"PYTHONPATH": str(Path(sophia.__path__[0]).parent), "OMP_NUM_THREADS": "1"},
    )
    assert output.stdout == "1.0\n"
    assert output.stderr == ""


def test_grade_takes_options_as_a_list_or_by_letter() -> None:
    for options in (["cat", "dog"], ["A. cat", "B. dog"], {"A": "cat", "B": "dog"}):
        assert grade("multiple choice", "<answer>dog</answer>", "B", options) == 1.0
    assert grade("numerical", "<answer>104</answer>", "100", tolerance=0.05) == 1.0
    assert grade("numerical", "<answer>104</answer>", "100") == 0.0


def test_character_error_rate_is_an_option() -> None:
    reward = OutcomeReward(ocr="one_minus_cer")
    row = prompt(answer="abcd", problem_type="OCR")
    # one of four characters wrong; then nothing right and twice as long
    assert reward(row, answering("abcx")) == 0.75
    assert reward(row, answering("xxxxxxxx")) == 0.0
    assert reward(row, answering("")) == 0.0
