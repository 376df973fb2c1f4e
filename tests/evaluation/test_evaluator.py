"""Both readings of the same answers: the strict one, and the lenient one without the format."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from sophia.data.digits import DigitsDataset
from sophia.data.encode import PromptEncoder
from sophia.evaluation.evaluator import run_evaluator
from sophia.evaluation.records import EvalRecord
from sophia.rewards.format import FormatRule
from sophia.rewards.outcome import OutcomeReward
from sophia.rollout.transformers.engine import TransformersEngine

PROMPTS = DigitsDataset(split="heldout", num_prompts=6, seed=0)
GOLD = PROMPTS[0].answer


def answered(
    text: str,
    folder: Path,
    *,
    extract: Literal["tagged", "lenient"],
    profile: Literal["paper", "release"] = "paper",
) -> list[EvalRecord]:
    """The records of a model that says this to every prompt."""
    encoder = PromptEncoder(folder)
    engine = TransformersEngine(
        policy_folder=folder, decode=lambda ids: text, media_token_ids=encoder.media_token_ids,
        device="cpu", max_batch_size=8,
    )  # fmt: skip
    evaluator = run_evaluator(
        engine=engine, encoder=encoder, outcome=OutcomeReward(profile=profile), judge=None,
        format=FormatRule(), max_new_tokens=2, extract=extract,
    )  # fmt: skip
    return evaluator.evaluate(PROMPTS, description=None)


def test_an_answer_without_tags_counts_leniently_alone(tiny_folder: Path) -> None:
    text = f"I see two digits.\nThe answer is {GOLD}. That is all."
    read = answered(text, tiny_folder, extract="lenient")
    assert {record.outcome for record in read} == {0.0}
    assert [record.lenient_outcome for record in read] == [float(r.answer == GOLD) for r in read]
    strict = answered(text, tiny_folder, extract="tagged")
    assert strict == [replace(record, lenient_outcome=None) for record in read]


def test_an_answer_in_the_format_counts_in_both(tiny_folder: Path) -> None:
    text = f"<think>I see two digits.</think><answer>{GOLD}</answer>"
    read = answered(text, tiny_folder, extract="lenient")
    assert read[0].outcome == 1.0
    assert [record.lenient_outcome for record in read] == [record.outcome for record in read]


def test_the_release_is_read_strictly_alone(tiny_folder: Path) -> None:
    with pytest.raises(ValueError, match=r"extract=lenient .*'release'.* take extract=tagged"):
        answered("", tiny_folder, extract="lenient", profile="release")
