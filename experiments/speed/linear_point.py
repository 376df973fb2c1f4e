"""Time and memory of one forward and backward of the policy with shared rows.

    python -m experiments.speed.linear_point RESPONSE_TOKENS GROUPS IMAGES OUT

A process of its own per point, because the peak memory of a process never falls.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import torch
from PIL import Image

from experiments.speed.shapes import NUM_GENERATIONS, STUDY
from experiments.speed.step_log import peak_bytes
from sophia.data.encode import PromptEncoder
from sophia.grpo.batch import build_train_batch
from sophia.models.load import load_model
from sophia.models.scorer import TokenScorer
from sophia.types import Completion, Media, Message, Prompt, Rollout, TrainBatch

IMAGE_SIZE = (224, 224)  # 64 tokens
TEXT = "how many of the red cubes are left " * 8
REPEATS = 3


def main() -> None:
    """Write seconds (processor's, the least of some) and bytes above those of the model alone."""
    response_tokens, groups, images = map(int, sys.argv[1:4])
    batch = make_batch(response_tokens, groups, images)
    scorer = TokenScorer(load_model(STUDY / "model"), rows="shared", temperature=1.0)
    before = peak_bytes()
    seconds = [update_seconds(scorer, batch) for _ in range(REPEATS)]
    point = {
        "response_tokens": response_tokens,
        "groups": groups,
        "images": images,
        "seconds": round(min(seconds), 4),
        "bytes": peak_bytes() - before,
    }
    Path(sys.argv[4]).write_text(json.dumps(point))


def make_batch(response_tokens: int, groups: int, images: int) -> TrainBatch:
    """Random completions of prompts with some text and images."""
    encoder = PromptEncoder(STUDY / "model")
    torch.manual_seed(0)
    rollouts = []
    for _ in range(groups):
        media = tuple(Media(source=Image.new("RGB", IMAGE_SIZE)) for _ in range(images))
        message = Message(role="user", content=(*media, TEXT))
        prompt = Prompt(uid="", messages=(message,), answer="", problem_type="")
        drawn = torch.randint(8, 256, (NUM_GENERATIONS, response_tokens)).tolist()
        completions = tuple(completion(tokens) for tokens in drawn)
        rollouts.append(Rollout(prompt=prompt, encoded=encoder(prompt), completions=completions))
    return build_train_batch(rollouts)


def completion(tokens: list[int]) -> Completion:
    """Of given tokens."""
    return Completion(
        text="",
        token_ids=tuple(tokens),
        sampling_logps=(0.0,) * len(tokens),
        finish_reason="length",
        seed=0,
    )


def update_seconds(scorer: TokenScorer, batch: TrainBatch) -> float:
    """Processor seconds of a forward and a backward through everything."""
    begin = time.process_time()
    scorer(batch).per_token_logps.mean().backward()
    return time.process_time() - begin


if __name__ == "__main__":
    main()
