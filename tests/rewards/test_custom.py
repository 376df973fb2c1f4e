"""A reward of the user's own: what it may return, and how TRL's and EasyR1's are called."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from sophia.rewards.custom import CustomReward
from sophia.rewards.signatures import row_columns
from sophia.rewards.terms.named import RewardFailed
from sophia.types import Media, Message, Prompt
from tests.builders import RIGHT, WRONG, completion, graded, prompt, term_parts, term_values

GROUP = (completion(RIGHT), completion(WRONG, num_tokens=5))


def made(folder: Path, source: str, **settings: Any) -> CustomReward:
    path = folder / "mine.py"
    path.write_text(source)
    return CustomReward(f"{path}:f", **{"weight": 1.0, **settings})


def returning(folder: Path, value: object) -> CustomReward:
    reward = made(folder, "VALUE = None\n\ndef f(prompt, completion):\n    return VALUE\n")
    reward._function.__globals__["VALUE"] = value
    return reward


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (True, 1.0),
        (2, 2.0),
        (0.5, 0.5),
        (None, None),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3.0),
        (np.bool_(True), 1.0),
        (np.array(0.25), 0.25),
        (torch.tensor(0.25), 0.25),
        (torch.tensor(True), 1.0),
    ],
)
def test_numbers_of_every_kind_are_taken(value: object, number: object, tmp_path: Path) -> None:
    values = term_values(returning(tmp_path, value), prompt(), GROUP)
    assert values == (number, number)
    assert type(values[0]) is type(number)


@pytest.mark.parametrize(
    ("value", "got"),
    [
        (float("nan"), "float 'nan'"),
        (float("-inf"), "float '-inf'"),
        (np.float32("nan"), "float 'nan'"),
        (torch.tensor(float("nan")), "float 'nan'"),
        ("1.0", "str '1.0'"),
        ([1.0], "list '[1.0]'"),
        ({"score": 1.0}, "dict \"{'score': 1.0}\""),
        (1j, "complex '1j'"),
    ],
)
def test_what_is_no_number_is_one_sentence(value: object, got: str, tmp_path: Path) -> None:
    reward = returning(tmp_path, value)
    with pytest.raises(RewardFailed) as failed:
        term_values(reward, prompt(uid="mine/rows-7"), GROUP, name="brevity")
    assert str(failed.value) == (
        f"the reward 'brevity' ({tmp_path}/mine.py:f) failed on the prompt 'mine/rows-7': it"
        f" returned {got}, expected a finite number, or None where it cannot say."
    )


def test_what_it_raises_is_said_with_its_line(tmp_path: Path) -> None:
    reward = made(
        tmp_path, "import json\n\ndef f(prompt, completion):\n    return json.loads(prompt.uid)\n"
    )
    with pytest.raises(
        RewardFailed, match=r"'p0': JSONDecodeError: Expecting value: .* \(mine\.py, line 4\)\.$"
    ):
        term_values(reward, prompt(), GROUP)


def test_a_file_that_cannot_be_loaded_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot be loaded: ModuleNotFoundError: .*'mathruller'"):
        made(tmp_path, "import mathruller\n")
    with pytest.raises(ValueError, match=r"cannot be loaded: SyntaxError: "):
        made(tmp_path, "def f(:\n")
    with pytest.raises(ValueError, match=r"cannot be loaded: ModuleNotFoundError: .*'nowhere'"):
        CustomReward("nowhere.at_all:f", weight=1.0)


def test_a_file_may_define_dataclasses(tmp_path: Path) -> None:
    reward = made(
        tmp_path,
        "from __future__ import annotations\nfrom dataclasses import dataclass\n\n"
        "@dataclass\nclass Score:\n    value: float\n\n"
        "def f(prompt, completion):\n    return Score(0.5).value\n",
    )
    assert term_values(reward, prompt(), GROUP) == (0.5, 0.5)


ROW = prompt(
    answer="4",
    columns={"problem": "question", "answer": "truth", "uid": "id"},
    metadata={"level": 3, "origin": object()},
)


def test_trl_functions_get_texts_and_the_rows_columns(tmp_path: Path) -> None:
    source = """
seen = []

def f(prompts, completions, completion_ids, solution, truth, **columns):
    seen.append((prompts, completions, completion_ids, solution, truth, columns))
    return [1.0, None]
"""
    reward = made(tmp_path, source, signature="trl")
    assert term_values(reward, ROW, GROUP) == (1.0, None)
    ((prompts, completions, ids, solution, truth, columns),) = reward._function.__globals__["seen"]
    assert prompts == ["What is 2 + 2?"] * 2
    assert completions == [RIGHT, WRONG]
    assert ids == [[7] * 3, [7] * 5]
    assert solution == truth == columns["ground_truth"] == ["4", "4"]
    assert columns["question"] == prompts
    assert columns["level"] == [3, 3]
    assert columns["problem_type"] == ["numerical"] * 2
    assert "origin" not in columns


def test_a_rows_own_column_goes_before_our_name() -> None:
    row = prompt(metadata={"solution": "2 + 2 = 4", "tolerance": "loose"})
    columns = row_columns(row)
    assert (columns["solution"], columns["answer"]) == ("2 + 2 = 4", "4")
    assert columns["tolerance"] == "loose"


def test_the_question_is_the_rows_own_and_the_prompt_what_the_template_made_of_it() -> None:
    row = dataclasses.replace(ROW, problem="2 + 2?")
    assert row_columns(row)["question"] == row_columns(row)["problem"] == "2 + 2?"
    assert row_columns(ROW)["problem"] == "What is 2 + 2?"  # no row's: the best that is known


def test_trl_functions_may_name_only_what_they_need(tmp_path: Path) -> None:
    source = "def f(completions, level=0):\n    return [len(c) / level[0] for c in completions]\n"
    reward = made(tmp_path, source, signature="trl")
    assert term_values(reward, ROW, GROUP) == (len(RIGHT) / 3, len(WRONG) / 3)


@pytest.mark.parametrize("name", ["trainer_state", "difficulty"])
def test_a_column_that_is_not_there_is_named(name: str, tmp_path: Path) -> None:
    source = f"def f(completions, {name}, **columns):\n    return [0.0] * len(completions)\n"
    reward = made(tmp_path, source, signature="trl")
    with pytest.raises(RewardFailed, match=f"it needs the argument '{name}'; there are answer, "):
        term_values(reward, ROW, GROUP)


def test_trl_functions_for_conversations_get_messages(tmp_path: Path) -> None:
    source = """
def f(prompts, completions, **columns):
    assert prompts[0][-1]["role"] == "user"
    assert prompts[0][-1]["content"] == "What is 2 + 2?"
    assert [set(turn[0]) for turn in completions] == [{"role", "content"}] * 2
    return [float("4 </answer>" in turn[0]["content"]) for turn in completions]
"""
    assert term_values(made(tmp_path, source, signature="trl_messages"), ROW, GROUP) == (
        1.0,
        0.0,
    )


def test_images_stand_in_the_messages_of_trl(tmp_path: Path) -> None:
    picture = Image.new("RGB", (28, 28))
    message = Message(role="user", content=(Media(source=picture), "What?"))
    source = """
def f(prompts, completions, images, **columns):
    first, second = prompts[0][0]["content"]
    assert (first["type"], second) == ("image", {"type": "text", "text": "What?"})
    assert images[0] == [first["image"]]
    return [first["image"].width] * len(completions)
"""
    reward = made(tmp_path, source, signature="trl_messages")
    assert term_values(reward, prompt(messages=(message,)), GROUP) == (28.0, 28.0)


def test_trl_functions_may_be_coroutines_and_return_arrays(tmp_path: Path) -> None:
    source = """
import numpy as np

async def f(completions, **columns):
    return np.array([len(c) for c in completions], dtype=np.float32)
"""
    reward = made(tmp_path, source, signature="trl")
    assert term_values(reward, ROW, GROUP) == (float(len(RIGHT)), float(len(WRONG)))


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ("[1.0]", "it returned 1 values for 2 completions."),
        ("1.0", "it returned float '1.0', expected a list of 2."),
        ("'ab'", "it returned str 'ab', expected a list of 2."),
        ("[1.0, float('nan')]", "it returned float 'nan', expected a finite number, or None"),
    ],
)
def test_a_batch_of_the_wrong_shape_is_one_sentence(
    returned: str, said: str, tmp_path: Path
) -> None:
    source = f"def f(completions, **columns):\n    return {returned}\n"
    with pytest.raises(RewardFailed) as failed:
        term_values(made(tmp_path, source, signature="trl"), ROW, GROUP)
    assert said in str(failed.value)


EASYR1 = """
def f(reward_inputs, format_weight=0.1):
    if not isinstance(reward_inputs, list):
        raise ValueError("one at a time")
    assert [set(one) for one in reward_inputs] == [
        {"response", "response_length", "ground_truth"}
    ] * len(reward_inputs)
    scores = []
    for one in reward_inputs:
        accuracy = float(f"<answer> {one['ground_truth']} </answer>" in one["response"])
        scores.append({"overall": accuracy + format_weight * one["response_length"], "x": 1})
    return scores
"""
ONE = """
def f(reward_input):
    return {"overall": reward_input["response_length"]}
"""


def test_easyr1_functions_get_all_completions_of_a_group(tmp_path: Path) -> None:
    reward = made(tmp_path, EASYR1, signature="easyr1")
    assert term_values(reward, ROW, GROUP) == pytest.approx((1.3, 0.5))
    other = made(tmp_path, EASYR1, signature="easyr1", arguments={"format_weight": 0.0})
    assert term_values(other, ROW, GROUP) == (1.0, 0.0)


def test_easyr1_functions_for_one_row(tmp_path: Path) -> None:
    said = made(tmp_path, ONE, signature="easyr1_sequential")
    assert term_values(said, ROW, GROUP) == (3.0, 5.0)
    declared = made(tmp_path, 'REWARD_TYPE = "sequential"\n' + ONE, signature="easyr1")
    assert term_values(declared, ROW, GROUP) == (3.0, 5.0)
    bound = made(
        tmp_path,
        'REWARD_TYPE = "sequential"\n'
        "def f(one, plus):\n    return {'overall': one['response_length'] + plus}",
        signature="easyr1",
        arguments={"plus": 1},
    )
    assert term_values(bound, ROW, GROUP) == (4.0, 6.0)


def test_an_easyr1_score_without_an_overall_is_named(tmp_path: Path) -> None:
    source = "def f(reward_inputs):\n    return [{'accuracy': 1.0}] * 2\n"
    with pytest.raises(RewardFailed, match="expected a dict with 'overall'"):
        term_values(made(tmp_path, source, signature="easyr1"), ROW, GROUP)


def test_prompts_without_columns_offer_ours() -> None:
    row: Prompt = prompt(options={"A": "red"})
    assert row_columns(row)["options"] == {"A": "red"}
    assert row.column("answer") == "answer"


def test_a_function_of_the_group_sees_how_it_was_graded(tmp_path: Path) -> None:
    source = """
def f(group, bonus):
    assert group.rollout.prompt.answer == "4"
    assert (group.well_formed, group.answered) == ((True, False), (True, True))
    lengths = [len(c.token_ids) for c in group.rollout.completions]
    return [bonus if o == 1.0 and n == min(lengths) else None
            for o, n in zip(group.outcomes, lengths)]
"""
    reward = made(tmp_path, source, signature="group", arguments={"bonus": 2.0}, weight=0.5)
    group = graded(GROUP, outcomes=(1.0, 0.0), well_formed=(True, False))
    parts = term_parts(reward, group)
    assert [part.value for part in parts] == [2.0, None]
    assert [part.weight for part in parts] == [0.0, 0.0]  # one of the group has no value


def test_a_function_of_the_group_may_weigh_each_completion(tmp_path: Path) -> None:
    source = """
from sophia.types import TermValues

def f(group):
    return TermValues(values=(1.0, None), weights=tuple(0.5 * o for o in group.outcomes))
"""
    group = graded(GROUP, outcomes=(1.0, 0.0))
    parts = term_parts(made(tmp_path, source, signature="group", weight=7.0), group)
    assert [(part.value, part.weight) for part in parts] == [(1.0, 0.5), (None, 0.0)]
