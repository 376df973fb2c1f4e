"""Trust-GRPO's reward in TRL's own trainer: what TRL trains on is what a run of ours would."""

from __future__ import annotations

import dataclasses
import inspect
import math
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from transformers import AutoTokenizer
from trl import GRPOConfig, GRPOTrainer, ModelConfig, ScriptArguments

from sophia.cli.command_line.other_names import table
from sophia.library import Exponential, TrustGRPOReward, advantages
from sophia.rewards.composer import RewardComposer
from sophia.rewards.format import FormatRule
from sophia.rewards.outcome import OutcomeReward
from sophia.rewards.thinking import JudgeAll
from tests.builders import TableJudge, prompt, rollout
from tests.commands import ROOT

GROUP = 8
ANNEALING = Exponential(start=0.3, decay_steps=2)
TOLERANCE = 0.6


def score(text: str) -> float | None:
    """A thinking score from the last digit; none for a 7."""
    return None if text.endswith("7") else int(text[-1]) / 9


def judge(
    *, prompts: Sequence[Any], responses: Sequence[str], **columns: Sequence[Any]
) -> list[float | None]:
    return [score(text) for text in responses]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What TRL had and made of it at one step."""

    number: int
    texts: list[str]
    answers: list[str]
    rewards: list[float]
    advantages: list[float]


class Recorded(GRPOTrainer):  # type: ignore[misc]
    """Keeps what its reward function gave, and the advantages that it made of that."""

    def __init__(self, **arguments: Any) -> None:
        self.steps: list[Step] = []
        super().__init__(**arguments)

    def _calculate_rewards(self, inputs: Any, prompts: Any, completions: Any, ids: Any) -> Any:
        rewards = super()._calculate_rewards(inputs, prompts, completions, ids)
        self.steps.append(
            Step(
                number=self.state.global_step,
                texts=[c[0]["content"] for c in completions],
                answers=[row["answer"] for row in inputs],
                rewards=rewards[:, 0].tolist(),
                advantages=[],
            )
        )
        return rewards

    def _generate_and_score_completions(self, inputs: Any) -> Any:
        outputs = super()._generate_and_score_completions(inputs)
        self.steps[-1].advantages.extend(outputs["advantages"].tolist())
        return outputs


@pytest.fixture(scope="module")
def trained(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Four steps of answers that are one digit; one question has no right answer."""
    tokenizer = AutoTokenizer.from_pretrained(tiny_folder)
    digits = {tokenizer.convert_tokens_to_ids(str(digit)) for digit in range(10)}
    assert len(digits) == 10
    content = [{"type": "text", "text": "What is 2 + 3?"}]
    rows = [
        {"prompt": [{"role": "user", "content": content}], "answer": answer, "tolerance": TOLERANCE}
        for answer in ("5", "3", "", "6")
    ]
    trainer = Recorded(
        model=str(tiny_folder),
        reward_funcs=TrustGRPOReward(judge=judge, annealing=ANNEALING, num_generations=GROUP),
        args=GRPOConfig(
            output_dir=str(tmp_path_factory.mktemp("trl")), num_generations=GROUP,
            per_device_train_batch_size=4 * GROUP, max_completion_length=1, max_steps=4,
            generation_kwargs={"suppress_tokens": sorted({*range(len(tokenizer))} - digits)},
            learning_rate=1e-3, logging_steps=1, save_strategy="no", report_to=[],
            disable_tqdm=True, use_cpu=True, bf16=False, gradient_checkpointing=False, seed=0,
        ),
        train_dataset=Dataset.from_list(rows),
    )  # fmt: skip
    trainer.train()
    return trainer


def ours(step: Step, place: int) -> list[float | None]:
    """The totals of one group by the composer of a run."""
    texts = step.texts[place : place + GROUP]
    composer = RewardComposer(
        annealing=ANNEALING, judge=TableJudge({text: score(text) for text in texts}),
        outcome=OutcomeReward(), format=FormatRule(), format_mode="weight", format_weight=0.0,
        thinking=JudgeAll(), trust=True, extra={},
    )  # fmt: skip
    question = prompt(answer=step.answers[place], tolerance=TOLERANCE)
    opened = composer.open_step(step.number)
    opened.submit(0, rollout(texts, prompt=question))
    group = opened.collect()[0]
    composer.close()
    return [reward.total for reward in group.rewards]


def test_rewards_in_trl_are_those_of_a_run(trained: Recorded) -> None:
    assert [step.number for step in trained.steps] == [0, 1, 2, 3]
    seen = set()
    for step in trained.steps:
        for place in range(0, len(step.texts), GROUP):
            totals = ours(step, place)
            got = step.rewards[place : place + GROUP]
            assert [math.nan if t is None else t for t in totals] == pytest.approx(
                got, nan_ok=True, abs=1e-6
            )
            expected = advantages(totals, epsilon=1e-4)  # TRL's
            assert step.advantages[place : place + GROUP] == pytest.approx(expected, abs=1e-4)
            seen |= {round(total, 3) for total in totals if total is not None}
    assert len(seen) > 8  # not all alike
    assert any(math.isnan(r) for step in trained.steps for r in step.rewards)


def test_the_weights_have_moved_and_the_figures_are_logged(
    trained: Recorded, tiny_folder: Path
) -> None:
    rows = [row for row in trained.state.log_history if "reward" in row]
    assert [row["thinking/weight"] for row in rows] == pytest.approx(
        [0.3 * math.exp(-step / 2) for step in range(4)], abs=1e-3
    )
    gammas = [row["trust/gamma"] for row in rows]
    assert 1 / math.e <= min(gammas) < 1.0
    counted = [row["thinking/frac_groups_counted"] for row in rows]
    assert min(counted) > 0.0
    assert max(counted) < 1.0
    assert all("rewards/trust_grpo/mean" in row for row in rows)
    before = type(trained.model).from_pretrained(tiny_folder)
    moved = zip(trained.model.parameters(), before.parameters(), strict=True)
    assert any(not torch.equal(left, right) for left, right in moved)


def test_the_example_runs(tiny_folder: Path, tmp_path: Path) -> None:
    script = ROOT / "docs" / "examples" / "trust_grpo_in_trl.py"
    done = subprocess.run(
        [sys.executable, str(script), str(tiny_folder), "2"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("'trust/gamma'") == 2
    assert done.stdout.count("'rewards/trust_grpo/mean'") == 2


def test_names_of_trl_are_trls() -> None:
    """The table of other programs' names, at the version that is installed."""
    fields = {f.name for kind in (GRPOConfig, ModelConfig, ScriptArguments)
              for f in dataclasses.fields(kind)}  # fmt: skip
    known = fields | set(inspect.signature(GRPOTrainer.__init__).parameters)
    assert not [name for entry in table() for name in entry.trl if name not in known]
