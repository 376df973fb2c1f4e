"""The small model of the tests."""

from __future__ import annotations

from sophia.data.digits import DigitsDataset
from sophia.models.tiny import TinyQwen25VL

TINY = TinyQwen25VL(
    seed=0,
    vocab_size=320,
    hidden_size=64,
    num_layers=2,
    num_heads=4,
    num_kv_heads=2,
    intermediate_size=96,
    vision_hidden_size=32,
    vision_layers=2,
    vision_heads=4,
    initializer_range=0.08,
)


def corpus() -> list[str]:
    """What the small model's tokenizer is trained on."""
    prompts = DigitsDataset(split="train", num_prompts=200, seed=0)
    return [
        f"user\n{prompts[i].question}\nassistant\n{prompts[i].metadata['example'].demonstration}"
        for i in range(200)
    ]
