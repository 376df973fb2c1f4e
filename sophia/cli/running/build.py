"""Objects from the nodes of a configuration."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from sophia.cli.validation.offers import offered_to
from sophia.cli.validation.signatures import signature_of


def build(cfg: DictConfig, path: str, objects: Mapping[str, Any] | None = None) -> Any:
    """The object of the node at a dotted path; None for a node that is null or empty.

    ``objects`` is what the program offers to this node (``sophia.cli.validation.offers``): the
    constructor gets those that it names. Where the node has a node of that name, it was built
    before, and the object takes its place; a plain value in the node wins. Objects are passed
    outside Hydra, which would turn a dataclass back into a configuration.

    Raises:
        ValueError: what a constructor says about its arguments; OSError likewise. Hydra's own words
            around it, in which it wraps what nodes inside this one raise, are left out.
    """
    node, offered = OmegaConf.select(cfg, path), dict(objects or {})
    if not node:
        return None
    assert set(offered) <= set(offered_to(path)), f"{path}: offers.py does not say so"
    built = [key for key in offered if key in node and OmegaConf.is_config(node[key])]
    own = OmegaConf.masked_copy(node, [str(key) for key in node if key not in built])
    own._set_parent(node._get_parent())
    wanted = signature_of(node["_target_"]).parameters
    passed = {key: v for key, v in offered.items() if key in wanted and key not in own}
    try:
        make = instantiate(own, _convert_="all", _partial_=True)
    except InstantiationException as error:
        if isinstance(cause := error.__cause__, ValueError | OSError):
            raise cause from None  # what an object of the node says, without Hydra's frame
        raise
    return make(**passed)


def build_each(
    cfg: DictConfig, path: str, objects: Mapping[str, Any], *, without: Collection[str] = ()
) -> dict[str, Any]:
    """The objects of a node's members by name, in their order; null ones are left out."""
    names = [str(name) for name in OmegaConf.select(cfg, path) or () if name not in without]
    built = {name: build(cfg, f"{path}.{name}", objects) for name in names}
    return {name: one for name, one in built.items() if one is not None}
