"""Compositions of the shipped configs, as the command line makes them."""

from __future__ import annotations

import copy
import functools

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

import sophia.cli.start  # noqa: F401  (which shows Hydra where our launcher is)
from sophia.cli.commands import CONFIGS
from sophia.cli.validation.missing import open_keys


def composed(*overrides: str, config: str = "train") -> DictConfig:
    """The configuration of `python train.py OVERRIDES`, to do with as one likes."""
    return copy.deepcopy(_composed_once(overrides, config))


@functools.cache
def _composed_once(overrides: tuple[str, ...], config: str) -> DictConfig:
    with initialize_config_dir(version_base="1.3", config_dir=str(CONFIGS)):
        return compose(config, overrides=["run_dir=nowhere", *overrides])


def filled(cfg: DictConfig) -> DictConfig:
    """The configuration with something in the place of what only a user can say."""
    for key in open_keys(OmegaConf.to_container(cfg, resolve=False)):
        OmegaConf.update(cfg, key, "somewhere")
    return cfg


def options(group: str) -> list[str]:
    """The shipped choices of a group."""
    return sorted(path.stem for path in (CONFIGS / group).glob("*.yaml"))
