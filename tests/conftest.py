"""Fixtures that several rooms need, imported when they are asked for: most tests need no model."""

from __future__ import annotations

import gc
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.commands import SHORT_WARM_START, SMALL_RUN, run, run_cold
from tests.once import made_once
from tests.progress import pytest_configure

if TYPE_CHECKING:
    from sophia.data.digits import DigitsDataset
    from sophia.data.encode import PromptEncoder

__all__ = ["pytest_configure"]

gc.disable()  # until all tests are collected, which imports a great deal


def pytest_collection_finish() -> None:
    """Let the collector look at what tests make, not again and again at what is imported."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small Qwen2.5-VL with random weights, in Hugging Face format."""
    from tests.tiny import TINY, corpus

    return made_once(tmp_path_factory, "tiny", lambda folder: TINY.save(folder, corpus=corpus()))


@pytest.fixture(scope="session")
def larger_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some four million parameters, where the overhead of files does not show."""
    from tests.tiny import TINY, corpus

    larger = replace(TINY, hidden_size=256, intermediate_size=1536)
    return made_once(
        tmp_path_factory, "larger", lambda folder: larger.save(folder, corpus=corpus())
    )


@pytest.fixture(scope="session")
def encoder(tiny_folder: Path) -> PromptEncoder:
    """Of the small model."""
    from sophia.data.encode import PromptEncoder

    return PromptEncoder(tiny_folder)


@pytest.fixture(scope="session")
def digits() -> DigitsDataset:
    """Some training prompts."""
    from sophia.data.digits import DigitsDataset

    return DigitsDataset(split="train", num_prompts=64, seed=0)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where commands keep warm starts."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The quick start after a short warm start: its folder ``run``, and ``cache``."""

    def make(root: Path) -> object:
        sizes = (*SHORT_WARM_START, "num_steps=2", "data.heldout.num_prompts=8")
        return run("train.py", *sizes, f"run_dir={root / 'run'}", cache=root / "cache")

    return made_once(tmp_path_factory, "taught", make)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """The folder of an uninterrupted small run; not to be written to."""
    return made_once(
        tmp_path_factory,
        "finished",
        lambda folder: run_cold("train.py", *SMALL_RUN, f"run_dir={folder}", cache=cache),
    )
