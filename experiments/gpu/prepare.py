"""A checkpoint of a real model's shape with random weights, and rows with synthetic images.

    python experiments/gpu/prepare.py OUT [SHAPE]

SHAPE is a folder with a config.json (default: tests/shapes/qwen2_5_vl_3b).
"""

from __future__ import annotations

import json
import random
import shutil
import sys
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from transformers import AutoConfig, AutoModelForImageTextToText, AutoTokenizer, GenerationConfig

from sophia.models.tiny import TinyQwen25VL

ROOT = Path(__file__).parent.parent.parent
NUM_ROWS = 256
IMAGE_SIZE = (644, 476)  # 391 image tokens
COLOURS = ("red", "green", "blue", "black")
SMALLEST = TinyQwen25VL(
    seed=0, vocab_size=320, hidden_size=64, num_layers=1, num_heads=4, num_kv_heads=2,
    intermediate_size=64, vision_hidden_size=32, vision_layers=1, vision_heads=4,
    initializer_range=0.02,
)  # fmt: skip


def main() -> None:
    """Write OUT/model and OUT/rows."""
    out = Path(sys.argv[1])
    shape = Path(sys.argv[2]) if len(sys.argv) > 2 else ROOT / "tests/shapes/qwen2_5_vl_3b"
    questions = write_rows(out / "rows")
    write_model(out / "model", shape, questions)


def write_rows(folder: Path) -> list[str]:
    """Coloured squares to be counted; returns the questions."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = random.Random(0)
    rows = []
    for index in range(NUM_ROWS):
        image = Image.effect_noise(IMAGE_SIZE, 40).convert("RGB")
        colour, count = draw.choice(COLOURS), draw.randint(1, 9)
        pen = ImageDraw.Draw(image)
        for _ in range(count):
            x, y = draw.randint(0, 600), draw.randint(0, 430)
            pen.rectangle((x, y, x + 40, y + 40), fill=colour)
        image.save(folder / f"{index}.png")
        question = f"How many {colour} squares are there?"
        row = {"problem": question, "answer": str(count), "images": f"{index}.png"}
        rows.append({**row, "problem_type": "numerical", "uid": str(index)})
    (folder / "rows.json").write_text(json.dumps(rows))
    return [row["problem"] for row in rows]


def write_model(folder: Path, shape: Path, questions: list[str]) -> None:
    """Random bfloat16 weights behind the tokenizer of the built-in model."""
    SMALLEST.save(folder, corpus=questions)
    smallest = AutoConfig.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    preprocessor = folder / "preprocessor_config.json"
    sizes = json.loads(preprocessor.read_text())
    sizes["size"] = {"shortest_edge": 28 * 28, "longest_edge": 16384 * 28 * 28}
    config = AutoConfig.from_pretrained(shape)
    for name in (
        "image_token_id",
        "video_token_id",
        "vision_start_token_id",
        "vision_end_token_id",
    ):
        setattr(config, name, getattr(smallest, name))
    torch.manual_seed(0)
    model = AutoModelForImageTextToText.from_config(config, dtype=torch.bfloat16)
    model.generation_config = GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    for file in folder.glob("*.safetensors"):
        file.unlink()
    partial = folder.with_name("partial")
    model.save_pretrained(partial, max_shard_size="2GB")
    for file in partial.iterdir():
        shutil.move(file, folder / file.name)
    partial.rmdir()
    preprocessor.write_text(json.dumps(sizes))


if __name__ == "__main__":
    main()
