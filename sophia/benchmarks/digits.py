"""The quick start's digits as a benchmark file: VLMEvalKit's multiple choice, made on the spot."""

from __future__ import annotations

import base64
import random
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pandas
from PIL import Image

from sophia.benchmarks.item import Items
from sophia.benchmarks.readers.image_store import replace_file
from sophia.benchmarks.readers.tsv import TSV
from sophia.data.digits import DigitsDataset
from sophia.types import Prompt

_LETTERS = "ABCD"
_LARGEST_SUM = 18
_FOURTH = "neither"
"""Without a text in every row, ``read_csv`` would make floats of the numbers in this column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Digits:
    """Questions about two held-out handwritten digits each, as a TSV file in the cache.

    Args:
        num_rows: how many questions; two after another are about the same image.
        seed: what the questions are drawn by; the same seed gives the same file.
    """

    num_rows: int
    seed: int

    def find(self, root: Path) -> Path | None:
        """``root``: nothing has to be there."""
        return root

    def expected(self, root: Path) -> str:
        """That nothing is."""
        return "nothing: the digits are made on the spot"

    def read(self, path: Path, *, cache: Path) -> Items:
        """The rows of the file, which is written below ``cache`` where it is not there."""
        file = cache / f"digits-{self.seed}-{self.num_rows}-prompts.tsv"
        if not file.is_file():
            cache.mkdir(parents=True, exist_ok=True)
            replace_file(file, digits_tsv(num_rows=self.num_rows, seed=self.seed))
        layout = TSV(
            file=str(file),
            columns=("question", "A", "B", "C", "answer", "category"),
            labels={"category": "category"},
            extra=("prompt",),
        )
        return layout.read(file, cache=cache)


def digits_tsv(*, num_rows: int, seed: int) -> bytes:
    """A VLMEvalKit TSV file: ``index, image, question, prompt, A, B, C, D, answer, category``.

    ``prompt`` is what the quick start asks: a sum without its options. Every second row shows the
    image of the row before it, and says so by that row's index.
    """
    prompts = DigitsDataset(split="heldout", num_prompts=num_rows, seed=seed)
    rows = [_row(index, prompts[index], seed=seed) for index in range(num_rows)]
    text: str = pandas.DataFrame(rows).to_csv(sep="\t", index=False, lineterminator="\n")
    return text.encode()


def _row(index: int, prompt: Prompt, *, seed: int) -> Mapping[str, object]:
    asks_larger = bool(prompt.options)
    options = (
        {**prompt.options, "D": _FOURTH}
        if asks_larger
        else _sums(int(prompt.answer), random.Random(f"{seed}/{index}"))
    )
    right = prompt.answer if asks_larger else _letter(prompt.answer, options)
    (image,) = (media.source for media in prompt.media)
    assert isinstance(image, Image.Image)
    return {
        "index": index,
        "image": str(index - 1) if index % 2 else _encoded(image),
        "question": prompt.problem,
        "prompt": prompt.question,
        **options,
        "answer": right,
        "category": "larger" if asks_larger else "sum",
    }


def _sums(right: int, draw: random.Random) -> dict[str, str]:
    """Four sums, none of which is written inside another: "1" would be found in "12"."""
    texts = [str(right)]
    others = [str(number) for number in range(_LARGEST_SUM + 1)]
    draw.shuffle(others)
    for text in others:
        if len(texts) < len(_LETTERS) and not any(text in t or t in text for t in texts):
            texts.append(text)
    draw.shuffle(texts)
    return dict(zip(_LETTERS, texts, strict=True))


def _letter(text: str, options: Mapping[str, str]) -> str:
    return next(letter for letter, option in options.items() if option == text)


def _encoded(image: Image.Image) -> str:
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()
