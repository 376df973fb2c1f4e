"""Write rows.jsonl and images/, the example of rows of one's own (docs/recipes.md).

    python docs/examples/own_rows/make.py

Two handwritten digits in each image and a question about them, in the words of the quick start. The
scans are those that the quick start holds out.
"""

from __future__ import annotations

import json
from pathlib import Path

from sophia.data.digits import DigitsDataset

FOLDER = Path(__file__).parent
NUM_ROWS = 64


def main() -> None:
    """One line a row, one picture a row."""
    (FOLDER / "images").mkdir(exist_ok=True)
    lines = []
    for number, prompt in enumerate(DigitsDataset(split="heldout", num_prompts=NUM_ROWS, seed=7)):
        name = f"images/{number:02d}.png"
        prompt.media[0].source.convert("L").save(FOLDER / name, optimize=True)
        row = {
            "question": prompt.question,
            "ground_truth": prompt.answer,
            "kind": prompt.problem_type,
            "picture": name,
        }
        lines.append(json.dumps(row))
    (FOLDER / "rows.jsonl").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
