"""Exactly one number in [0, 1] and nothing else, or no score."""

from __future__ import annotations

import pytest

from sophia.rewards.judge.score import RESPONSE_FORMAT, parse_score

SCORED = {
    "0": 0.0, "1": 1.0, "0.85": 0.85, "1.0": 1.0, ".5": 0.5, "1.": 1.0, "  0.7\n": 0.7,
    "+0.3": 0.3, "5e-1": 0.5, "-0": 0.0, "0.8500000000000001": 0.8500000000000001,
    "<answer>0.85</answer>": 0.85, " <answer>\n 0 </answer> ": 0.0,
    '{"score": 0.7}': 0.7, ' {"score":1}\n': 1.0, '{"score": 1e-1}': 0.1,
    "<think>Step 1 is 0.5 wrong.</think>0.2": 0.2,
    "<think>\n2 flaws\n</think>\n<answer>0.4</answer>": 0.4,
    '<think></think>{"score": 0.9}': 0.9,
}  # fmt: skip

UNSCORED = {
    # the two replies that the authors' release reads as 1.0 and as 0.0
    "1. Logical: fine. 2. Facts: score 0.6": "two_numbers",
    "<answer>0.85": "prose",
    # values
    "1.5": "out_of_range", "-0.1": "out_of_range", "2": "out_of_range", "85": "out_of_range",
    "1.0000000001": "out_of_range", "1e9": "out_of_range", "9" * 400: "out_of_range",
    "NaN": "nan", "nan": "nan", "inf": "nan", "-Infinity": "nan", "<answer>NaN</answer>": "nan",
    # more than a number
    "Score: 0.8": "prose", "0.8.": "prose", "80%": "prose", "0.8 because": "prose",
    "**0.8**": "prose", "`0.8`": "prose", "\\boxed{0.8}": "prose", "$0.8$": "prose",
    "```json\n{\"score\": 0.8}\n```": "prose", "[0.8]": "prose", '"0.8"': "prose",
    # more than one
    "0.8/1": "two_numbers", "8/10": "two_numbers", "0,85": "two_numbers", "0.8 0.8": "two_numbers",
    "0.7-0.8": "two_numbers", "0.5\n0.9": "two_numbers", "1_0": "two_numbers",
    "<answer>0.9</answer><answer>0.1</answer>": "two_numbers",
    "<answer><answer>0.9</answer></answer>": "prose",
    "I count 3 flaws <answer>0.4</answer>": "two_numbers", "<answer>0.4</answer> 1": "two_numbers",
    # none
    "": "empty", " \n": "empty", "<think>0.5</think>": "empty",
    "good": "no_number", "<answer></answer>": "no_number", "null": "no_number", "one": "no_number",
    "０.８": "no_number", "٠": "no_number", "½": "no_number",
    # JSON of another form
    '{"score": true}': "no_number", '{"score": null}': "no_number", '{"score": "0.7"}': "prose",
    '{"score": [0.7]}': "prose", '{"score": {"score": 0.7}}': "prose", "{}": "no_number",
    '{"Score": 0.7}': "prose", '{"score": 0.7, "score": 0.9}': "two_numbers",
    '{"score": 0.7, "why": ""}': "prose", '{"score": 0.7} {"score": 0.9}': "two_numbers",
    '{"score": 1.5}': "out_of_range", '{"score": NaN}': "nan", '{"score": -Infinity}': "nan",
    '{"score": 1e999}': "out_of_range", '{"score": 0.7': "prose",
    # thinking that does not end, or claims to have ended twice
    "<think>0.5": "prose", "<think>a</think>0.3</think>0.9": "two_numbers",
}  # fmt: skip


@pytest.mark.parametrize("reply", SCORED)
def test_scored(reply: str) -> None:
    parsed = parse_score(reply)
    assert (parsed.value, parsed.failure) == (SCORED[reply], None)


@pytest.mark.parametrize("reply", UNSCORED)
def test_unscored(reply: str) -> None:
    parsed = parse_score(reply)
    assert (parsed.value, parsed.failure) == (None, UNSCORED[reply])


def test_every_score_of_the_prompt_is_read_as_itself() -> None:
    for tenth in RESPONSE_FORMAT["json_schema"]["schema"]["properties"]["score"]["enum"]:
        for form in ("{}", "<answer>{}</answer>", '{{"score": {}}}'):
            assert parse_score(form.format(tenth)).value == tenth


def test_a_cut_reply_is_not_read() -> None:
    assert parse_score("0.8", truncated=True).failure == "truncated"  # of 0.85, for all we know


@pytest.mark.parametrize("reply", ["0." + "1" * 60_000, "<think>" * 20_000, "[" * 60_000])
def test_endless_replies_are_refused(reply: str) -> None:
    assert parse_score(reply).failure == "too_long"


@pytest.mark.parametrize(
    "reply", ["<think>" * 7_000, "{" + '"a":{' * 9_000, '{"score": ' + "9" * 9_000]
)
def test_hostile_replies_end_soon(reply: str) -> None:
    assert parse_score(reply).value is None
