"""Writes what all systems read: one checkpoint with random weights, and the prompts of each shape.

    python -m experiments.speed.prepare

The checkpoint's end token is one that is never drawn, so that completions have their full length;
TRL, which has an end token of its own, is told to suppress it. Prompts are cut to equal lengths.
"""

from __future__ import annotations

import json
import random
from bisect import bisect_left
from pathlib import Path

from PIL import Image
from transformers import AutoTokenizer, GenerationConfig

from experiments.speed.shapes import SHAPES, STUDY, Shape
from sophia.data.encode import PromptEncoder
from sophia.models.tiny import TinyQwen25VL
from sophia.types import Media, Message, Prompt

WORDS = ("how", "many", "of", "the", "red", "small", "metal", "cubes", "are", "left", "now", "7")
NEVER_DRAWN = "<|video_pad|>"
MODEL = TinyQwen25VL(
    seed=0, vocab_size=320, hidden_size=256, num_layers=4, num_heads=4, num_kv_heads=2,
    intermediate_size=768, vision_hidden_size=96, vision_layers=4, vision_heads=4,
    initializer_range=0.08,
)  # fmt: skip


def main() -> None:
    """Write the checkpoint and a folder of rows per shape."""
    write_model(STUDY / "model")
    encoder = PromptEncoder(STUDY / "model")
    for name, shape in SHAPES.items():
        write_rows(STUDY / "rows" / name, shape, encoder)


def write_model(folder: Path) -> None:
    """The built-in model with four layers of 256, for images of up to 1,024 tokens."""
    MODEL.save(folder, corpus=[" ".join(WORDS)] * 8)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    GenerationConfig(
        eos_token_id=tokenizer.convert_tokens_to_ids(NEVER_DRAWN),
        pad_token_id=tokenizer.pad_token_id,
    ).save_pretrained(folder)
    preprocessor = folder / "preprocessor_config.json"
    settings = json.loads(preprocessor.read_text())
    settings["size"] = {"shortest_edge": 28 * 28, "longest_edge": 1024 * 28 * 28}
    preprocessor.write_text(json.dumps(settings))


def write_rows(folder: Path, shape: Shape, encoder: PromptEncoder) -> None:
    """As many prompts as a process needs, each with a noisy image of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = random.Random(0)
    rows = []
    for index in range(shape.prompts * shape.steps):
        image = Image.frombytes("RGB", (8, 8), draw.randbytes(192)).resize(shape.image_size)
        image.save(folder / f"{index}.png")
        rows.append(
            {
                "problem": question(draw, image, shape.prompt_tokens, encoder),
                "answer": "12345",
                "images": f"{index}.png",
            }
        )
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def question(
    draw: random.Random, image: Image.Image, prompt_tokens: int, encoder: PromptEncoder
) -> str:
    """Random words, cut to where the whole prompt has exactly so many tokens."""
    text = " ".join(draw.choices(WORDS, k=prompt_tokens))
    image_tokens = image.width * image.height // encoder.pixels_per_token_side**2

    def tokens(end: int) -> int:
        content = (Media(source=image), text[:end])
        message = Message(role="user", content=content)
        prompt = Prompt(uid="", messages=(message,), answer="", problem_type="")
        return len(encoder.unexpanded_ids(prompt)) - 1 + image_tokens

    near = bisect_left(range(len(text)), prompt_tokens, key=tokens)
    for end in range(max(near - 8, 1), near + 8):  # a longer text may have fewer tokens
        if tokens(end) == prompt_tokens:
            return text[:end]
    raise ValueError(f"no text of {len(text)} characters makes a prompt of {prompt_tokens} tokens")


if __name__ == "__main__":
    main()
