"""Fixtures that several rooms need."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sophia.data.digits import DigitsDataset
from sophia.data.encode import PromptEncoder
from sophia.models.tiny import TinyQwen25VL
from tests.commands import SMALL_RUN, run

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


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small Qwen2.5-VL with random weights, in Hugging Face format."""
    return _save(tmp_path_factory.mktemp("models") / "tiny", TINY)


@pytest.fixture(scope="session")
def larger_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some four million parameters, where the overhead of files does not show."""
    folder = tmp_path_factory.mktemp("models") / "larger"
    return _save(folder, replace(TINY, hidden_size=256, intermediate_size=1536))


def _save(folder: Path, model: TinyQwen25VL) -> Path:
    model.save(folder, corpus=corpus())
    return folder


@pytest.fixture(scope="session")
def encoder(tiny_folder: Path) -> PromptEncoder:
    """Of the small model."""
    return PromptEncoder(tiny_folder)


@pytest.fixture(scope="session")
def digits() -> DigitsDataset:
    """Some training prompts."""
    return DigitsDataset(split="train", num_prompts=64, seed=0)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where commands keep warm starts."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """The folder of an uninterrupted small run; not to be written to."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    run("train.py", *SMALL_RUN, f"run_dir={folder}", cache=cache)
    return folder
