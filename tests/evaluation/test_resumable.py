"""An evaluation that was killed goes on where its file ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from sophia.data.digits import DigitsDataset
from sophia.data.encode import PromptEncoder
from sophia.evaluation.evaluator import Evaluator, run_evaluator
from sophia.evaluation.resumable import evaluate_resumably
from sophia.rewards.digits_judge import DigitsJudge
from sophia.rollout.transformers.engine import TransformersEngine
from tests.short_run import AnyFormat, LetterShare

PROMPTS = DigitsDataset(split="heldout", num_prompts=12, seed=0)


def evaluator(folder: Path, encoder: PromptEncoder, **overrides: float) -> Evaluator:
    engine = TransformersEngine(
        policy_folder=folder, decode=encoder.decode, media_token_ids=encoder.media_token_ids,
        device="cpu", max_batch_size=64,
    )  # fmt: skip
    return run_evaluator(
        engine=engine, encoder=encoder, outcome=LetterShare(), format=AnyFormat(),
        judge=DigitsJudge(), max_new_tokens=4, **overrides,  # type: ignore[arg-type]
    )  # fmt: skip


def test_what_is_on_disk_is_not_made_again(
    tiny_folder: Path, encoder: PromptEncoder, tmp_path: Path
) -> None:
    def make() -> Evaluator:
        return evaluator(tiny_folder, encoder, num_samples=2, temperature=1.0)

    whole = evaluate_resumably(make, PROMPTS, tmp_path / "whole.jsonl", description="")
    assert [(r.uid, r.sample) for r in whole[:3]] == [
        ("digits-heldout-0-0", 0), ("digits-heldout-0-0", 1), ("digits-heldout-0-1", 0),
    ]  # fmt: skip
    killed = tmp_path / "killed.jsonl"
    lines = (tmp_path / "whole.jsonl").read_text().splitlines(keepends=True)
    killed.write_text("".join(lines[:7]) + lines[7][:40])
    assert evaluate_resumably(make, PROMPTS, killed, description="") == whole
    assert killed.read_text() == (tmp_path / "whole.jsonl").read_text()


def test_a_finished_evaluation_needs_no_model(
    tiny_folder: Path, encoder: PromptEncoder, tmp_path: Path
) -> None:
    path = tmp_path / "records.jsonl"
    whole = evaluate_resumably(
        lambda: evaluator(tiny_folder, encoder), PROMPTS, path, description=""
    )

    def refuse() -> Evaluator:
        raise AssertionError("the model was asked for")

    assert evaluate_resumably(refuse, PROMPTS, path, description="") == whole


def test_several_greedy_answers_are_refused(tiny_folder: Path, encoder: PromptEncoder) -> None:
    with pytest.raises(ValueError, match=r"several samples need a temperature"):
        evaluator(tiny_folder, encoder, num_samples=4)
