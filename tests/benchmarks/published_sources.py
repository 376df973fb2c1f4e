"""The sources and prompts of the shipped benchmarks, as their configurations say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hydra
from omegaconf import OmegaConf

from sophia.benchmarks.item import Item, ItemPrompt, Items, Source
from sophia.cli.commands import CONFIGS

NAMES = sorted(path.stem for path in (CONFIGS / "benchmark").glob("*.yaml"))


def config(name: str) -> Any:
    return OmegaConf.load(CONFIGS / f"benchmark/{name}.yaml")


def sources(name: str) -> list[Source]:
    return [hydra.utils.instantiate(node, _convert_="all") for node in config(name).sources]


def prompt(name: str) -> ItemPrompt:
    made: ItemPrompt = hydra.utils.instantiate(config(name).prompt, _convert_="all")
    return made


def items(source: Source, root: Path) -> Items:
    """What the source reads below ``root``, with its cache beside it."""
    path = source.find(root)
    assert path is not None, source.expected(root)
    return source.read(path, cache=root / "cache")


def every(found: Items) -> list[Item]:
    return [found[place] for place in range(len(found))]
