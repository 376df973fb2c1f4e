"""The three shapes of the study, and the settings that all systems share. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

STUDY = Path("outputs/studies/speed")
NUM_GENERATIONS = 8
BETA = 0.04
LEARNING_RATE = 1e-6
WEIGHT_DECAY = 0.01
MAX_GRAD_NORM = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a step is made of. All prompts of a shape have equally many tokens."""

    prompt_tokens: int
    """Image tokens included."""
    image_size: tuple[int, int]
    """Pixels, in whole tokens of 28 x 28."""
    response_tokens: int
    prompts: int
    """Of a step; each has ``NUM_GENERATIONS`` completions."""
    warmup_steps: int
    timed_steps: int

    @property
    def completions(self) -> int:
        """Of a step."""
        return self.prompts * NUM_GENERATIONS

    @property
    def steps(self) -> int:
        """Of a process."""
        return self.warmup_steps + self.timed_steps

    @property
    def image_tokens(self) -> int:
        """Of a prompt."""
        return self.image_size[0] * self.image_size[1] // 28**2


SHAPES = {
    "quickstart": Shape(
        prompt_tokens=30, image_size=(56, 28), response_tokens=18,
        prompts=16, warmup_steps=2, timed_steps=3,
    ),
    "medium": Shape(
        prompt_tokens=320, image_size=(224, 224), response_tokens=64,
        prompts=4, warmup_steps=1, timed_steps=2,
    ),
    "long": Shape(
        prompt_tokens=1500, image_size=(560, 420), response_tokens=128,
        prompts=1, warmup_steps=1, timed_steps=1,
    ),
}  # fmt: skip
