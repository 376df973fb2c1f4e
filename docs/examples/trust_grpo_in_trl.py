"""Trust-GRPO's reward inside TRL: two digits in an image, what is their sum, which is larger?

    pip install trl
    python docs/examples/trust_grpo_in_trl.py MODEL [STEPS]

MODEL is a folder or a Hub id of a vision-language model; a run's policy, for example.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer

from sophia.data.digits import DigitsDataset
from sophia.library import Exponential, FormatRule, TrustGRPOReward
from sophia.rewards.digits_judge import score_thinking

NUM_GENERATIONS = 4


def judge(
    *, prompts: Sequence[Any], responses: Sequence[str], **columns: Sequence[Any]
) -> list[float | None]:
    """Scores in [0, 1], here by rule; a model of one's own would be asked here, None on failure."""
    digits = columns["digits"]
    return [score_thinking(text, (d[0], d[1])) for text, d in zip(responses, digits, strict=True)]


def rows(num_prompts: int) -> Dataset:
    """Prompts as TRL takes them, and the columns that the reward and the judge read."""
    prompts = DigitsDataset(split="train", num_prompts=num_prompts, seed=0)
    return Dataset.from_list(
        [
            {
                "prompt": [{"role": "user", "content": prompt.question}],
                "images": [prompt.media[0].source],
                "answer": prompt.answer,
                "problem_type": prompt.problem_type,
                "options": dict(prompt.options) or None,
                "digits": list(prompt.metadata["example"].digits),
            }
            for prompt in (prompts[place] for place in range(num_prompts))
        ]
    )


def main(model: str, num_steps: int) -> None:
    """Train for some steps on the CPU."""
    reward = TrustGRPOReward(
        judge=judge,
        annealing=Exponential(start=0.3, decay_steps=num_steps),
        num_generations=NUM_GENERATIONS,
        format=FormatRule(),
    )
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=reward,
        args=GRPOConfig(
            output_dir="outputs/trl",
            num_generations=NUM_GENERATIONS,
            per_device_train_batch_size=2 * NUM_GENERATIONS,  # whole groups
            max_completion_length=24,
            max_steps=num_steps,
            learning_rate=4e-4,
            logging_steps=1,
            save_strategy="no",
            report_to=[],
            use_cpu=True,
            bf16=False,
        ),
        train_dataset=rows(64),
    )
    trainer.train()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 20)
