"""The built-in quick-start data: real handwritten digits, two in an image, and a question.

The scans are scikit-learn's ``load_digits`` (1,797 scans of 8x8 pixels). A quarter of the scans of
every class is held out, so no scan is in both splits (writers may overlap: no ids are published).
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits

from sophia.types import Media, Message, Prompt

DIGIT_PIXELS = 28
_HELD_OUT_SHARE = 0.25
Split = Literal["train", "heldout", "validation"]
_OPTIONS = {"A": "left", "B": "right", "C": "equal"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitsExample:
    """The two digits of an image, left and right; travels as ``Prompt.metadata['example']``.

    ``Prompt.metadata['units']`` are the numbers of the two scans, which a bootstrap resamples.
    """

    digits: tuple[int, int]
    demonstration: str
    """A right response in the asked-for format, for the supervised warm start."""


class DigitsDataset:
    """Questions about two digits: their sum (``numerical``), or the larger (``multiple choice``).

    The same seed and split give the same prompts, whatever order they are asked for in.
    ``validation`` asks other questions about the scans of ``heldout``.
    """

    def __init__(self, *, split: Split, num_prompts: int, seed: int) -> None:
        self._split = split
        self._num_prompts = num_prompts
        self._seed = seed

    def __len__(self) -> int:
        return self._num_prompts

    def __getitem__(self, index: int) -> Prompt:
        if not 0 <= index < self._num_prompts:
            raise IndexError(index)
        draw = random.Random(f"{self._seed}/{self._split}/{index // 2}")
        scans = _scans()["train" if self._split == "train" else "heldout"]
        pair = draw.choice(scans), draw.choice(scans)
        return _prompt(f"digits-{self._split}-{self._seed}-{index}", pair, larger=index % 2 == 1)


def _prompt(uid: str, pair: tuple[int, int], *, larger: bool) -> Prompt:
    labels = load_digits_once()[1]
    left, right = int(labels[pair[0]]), int(labels[pair[1]])
    problem, answer, thinking = _larger(left, right) if larger else _sum(left, right)
    options = _OPTIONS if larger else {}
    listed = "".join(f" {letter} {text}" for letter, text in options.items())
    demonstration = f"<think> {thinking} </think><answer> {answer} </answer>"
    image = Media(source=two_digits(*pair))
    return Prompt(
        uid=uid,
        messages=(Message(role="user", content=(image, problem + listed)),),
        answer=answer,
        problem_type="multiple choice" if larger else "numerical",
        options=options,
        problem=problem,
        metadata={
            "example": DigitsExample(digits=(left, right), demonstration=demonstration),
            "units": pair,
        },
    )


def _sum(left: int, right: int) -> tuple[str, str, str]:
    total = str(left + right)
    return "What is their sum?", total, f"{left} + {right} = {total}"


def _larger(left: int, right: int) -> tuple[str, str, str]:
    sign = ">" if left > right else "<" if left < right else "="
    answer = {">": "A", "<": "B", "=": "C"}[sign]
    return "Which is larger?", answer, f"{left} {sign} {right}"


def two_digits(left: int, right: int) -> Image.Image:
    """The RGB image, 56 pixels wide and 28 high, with two scans side by side.

    Both are dark on white and enlarged bilinearly; ``left`` and ``right`` number them as
    ``load_digits`` does.
    """
    image = Image.new("RGB", (2 * DIGIT_PIXELS, DIGIT_PIXELS))
    for slot, scan in enumerate((left, right)):
        image.paste(_enlarged(scan), (slot * DIGIT_PIXELS, 0))
    return image


@lru_cache(maxsize=2048)
def _enlarged(scan: int) -> Image.Image:
    pixels = load_digits_once()[0][scan]
    inverted = (255 - pixels * (255 / 16)).astype(np.uint8)
    size = (DIGIT_PIXELS, DIGIT_PIXELS)
    return Image.fromarray(inverted).resize(size, Image.Resampling.BILINEAR).convert("RGB")


@lru_cache(maxsize=1)
def load_digits_once() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """All scans as (1797, 8, 8) ink from 0 to 16, and their (1797,) labels from 0 to 9."""
    digits = load_digits()
    return digits.images, digits.target


@lru_cache(maxsize=1)
def _scans() -> dict[str, list[int]]:
    """The indices of the scans in ``train`` and ``heldout``; no seed of a run changes them."""
    labels = load_digits_once()[1]
    splits: dict[str, list[int]] = {"train": [], "heldout": []}
    for digit in range(10):
        indices = [int(i) for i in np.flatnonzero(labels == digit)]
        random.Random(f"held-out scans of {digit}").shuffle(indices)
        cut = round(len(indices) * _HELD_OUT_SHARE)
        splits["heldout"] += indices[:cut]
        splits["train"] += indices[cut:]
    return splits
