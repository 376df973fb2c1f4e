"""Writes a synthetic data set in the shape of SophiaVL-R1-130k, with a known number of faults.

Usage: python experiments/data_report/make_rows.py FOLDER [ROWS]
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

CATEGORIES = ("Chart", "General", "Knowledge", "Math", "OCR")
TEXT_SHARE = 0.15
POOL = 64
ROWS_PER_FAULT = 2000  # one row in so many has each of the faults
WORDS = ("how", "many", "of", "the", "red", "small", "metal", "cubes", "are", "left", "now")
FAULTS = ("missing image", "broken image", "markers", "empty answer", "type", "duplicate")


def main() -> None:
    folder = Path(sys.argv[1])
    num_rows = int(sys.argv[2]) if len(sys.argv) > 2 else 130_000
    draw = random.Random(0)
    pool = [encoded_image(draw) for _ in range(POOL)]
    per_file = num_rows // len(CATEGORIES)
    for place, category in enumerate(CATEGORIES):
        images = folder / category / "images"
        images.mkdir(parents=True, exist_ok=True)
        rows = list(category_rows(folder, category, place * per_file, per_file, pool, draw))
        (folder / f"{category}.json").write_text(json.dumps(rows, indent=4))
        print(category, len(rows), "rows")
    print("of each fault:", per_file // ROWS_PER_FAULT * len(CATEGORIES), FAULTS)


def category_rows(
    folder: Path, category: str, first: int, count: int, pool: list[bytes], draw: random.Random
) -> Iterator[dict[str, object]]:
    kept: dict[str, object] = {}
    for number in range(count):
        row = one_row(category, first + number, draw)
        place = ROWS_PER_FAULT - 1 - number % ROWS_PER_FAULT
        fault = FAULTS[place] if place < len(FAULTS) else None
        if fault == "duplicate":
            row = {**kept, "problem_id": row["problem_id"]}
        elif fault is not None:
            spoil(row, fault)
        else:
            kept = row
        if row["data_type"] == "image" and fault not in ("missing image", "duplicate"):
            data = b"not an image" if fault == "broken image" else draw.choice(pool)
            # Bytes behind the end of a JPEG are ignored, and make every file a different one.
            (folder / str(row["path"])).write_bytes(data + str(number).encode())
        yield row


def one_row(category: str, number: int, draw: random.Random) -> dict[str, object]:
    is_text = draw.random() < TEXT_SHARE and number % ROWS_PER_FAULT < ROWS_PER_FAULT - len(FAULTS)
    is_choice = draw.random() < 0.4
    question = " ".join(draw.choices(WORDS, k=draw.randint(8, 120)))
    return {
        "problem_id": number,
        "problem": f"{question} ({number})?",
        "data_type": "text" if is_text else "image",
        "problem_type": "multiple choice" if is_choice else "numerical",
        "options": ["A. none", "B. one", "C. two"] if is_choice else [],
        "solution": f"<answer>{'ABC'[number % 3] if is_choice else number}</answer>",
        "path": "" if is_text else f"./{category}/images/{number}.jpg",
        "data_source": "synthetic",
    }


def spoil(row: dict[str, object], fault: str) -> None:
    if fault == "markers":
        row["problem"] = f"<image> <image> {row['problem']}"
    elif fault == "empty answer":
        row["solution"] = "<answer></answer>"
    elif fault == "type":
        row["problem_type"] = "riddle"


def encoded_image(draw: random.Random) -> bytes:
    """A JPEG of 200 to 1,600 pixels a side with some detail."""
    width, height = draw.randint(200, 1600), draw.randint(200, 1600)
    noise = np.random.default_rng(draw.getrandbits(32)).integers(0, 256, (30, 40, 3), np.uint8)
    picture = Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=70)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
