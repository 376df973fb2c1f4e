"""Objects from configuration nodes, each shared one exactly once."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from sophia.cli.validate import locate

SHARED = (
    "annealing",
    "composer",
    "encoder",
    "engine",
    "evaluator",
    "format",
    "judge",
    "model",
    "num_generations",
    "num_steps",
    "outcome",
    "policy_folder",
    "prompts_per_step",
    "run_dir",
    "sampling",
    "seed",
    "start_step",
    "sync",
    "template",
    "validation_prompts",
)
"""What is passed by name to whatever asks for them, when its node does not set them."""


def build(node: DictConfig | None, shared: dict[str, Any], **explicit: Any) -> Any:
    """The object of a node; None for a node that is null or empty. ``explicit`` wins over the node.

    Objects are passed outside Hydra, which would turn a dataclass back into a configuration.
    """
    if not node:
        return None
    wanted = inspect.signature(locate("", node["_target_"])).parameters
    own = OmegaConf.masked_copy(node, [str(key) for key in node if key not in explicit])
    own._set_parent(node._get_parent())
    passed = {k: v for k, v in shared.items() if k in wanted and k not in own}
    return instantiate(own, _convert_="all", _partial_=True)(**{**passed, **explicit})


def build_all(nodes: Iterable[DictConfig | None], shared: dict[str, Any]) -> list[Any]:
    """The objects of some nodes, in their order; null ones are left out."""
    return [build(node, shared) for node in nodes if node is not None]
