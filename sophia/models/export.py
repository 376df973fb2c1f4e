"""From weights to a folder in Hugging Face format, and the run's copy of everything but weights."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoConfig

from sophia.models.hub import find_checkpoint, is_hub_id
from sophia.models.load import empty_model
from sophia.models.weights import all_weights

_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".gguf")
_ABOUT_ANOTHER = ("README.md", "curves.png", "sophia.yaml")
_MAX_SHARD_SIZE = "5GB"
_IN_HUB_CACHE = re.compile(r"models--([\w.-]+?)--([\w.-]+)")


def export_policy(model: Any, skeleton: Path, folder: Path, *, write: bool) -> None:
    """Write a policy, which may be sharded and adapted, to a folder in Hugging Face format.

    Every process must call this, one of them with ``write``. Weights are put together one by one
    and collected on the writer's CPU.

    Args:
        model: the policy, a Hugging Face model.
        skeleton: the folder with its config, tokenizer and image processor.
        folder: where the policy is written.
        write: whether this process is the one that writes.
    """
    weights = all_weights(model, dtype=export_dtype(skeleton))
    if write:
        export(weights, skeleton, folder)
    else:
        for _ in weights:
            pass


def export(
    weights: Iterable[tuple[str, Tensor]],
    skeleton: Path,
    folder: Path,
    *,
    max_shard_size: str = _MAX_SHARD_SIZE,
) -> None:
    """Write a folder that plain ``from_pretrained`` loads, under a temporary name first.

    Args:
        weights: the weights by their Hugging Face names.
        skeleton: the folder with config, tokenizer and image processor; weights are written in the
            type that its config names.
        folder: where everything is written; what was there is replaced.
        max_shard_size: the most bytes of a weight file, written as in ``5GB``; more weights become
            several files with an index.
    """
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    dtype = export_dtype(skeleton)
    model = empty_model(skeleton, dtype=dtype)
    state = {name: value.detach().to("cpu", dtype).contiguous() for name, value in weights}
    model.save_pretrained(partial, state_dict=state, max_shard_size=max_shard_size)
    for file in _files_without_weights(skeleton):
        if not (partial / file.name).exists():
            shutil.copy(file, partial)
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(partial, folder)


def export_dtype(skeleton: Path) -> torch.dtype:
    """The type of the weights that the config in a folder names; float32 when it names none."""
    named = AutoConfig.from_pretrained(skeleton).dtype
    return named if isinstance(named, torch.dtype) else torch.float32


def save_skeleton(source: Path | str, folder: Path) -> None:
    """Copy everything of a checkpoint but its weights, so that a run's folder explains itself.

    What an export says about the run it came from (card, curves, settings) is not copied: it is
    not about the weights to come. ``source`` is a local folder or a name on the hub.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for file in _files_without_weights(find_checkpoint(source)):
        shutil.copy(file, folder)


def hub_id(path: str | None) -> str | None:
    """The id on the Hub of a model that is named by it, or by its folder in the Hub's cache.

    None for any other folder.
    """
    if path is None:
        return None
    cached = _IN_HUB_CACHE.search(path)
    if cached:
        return f"{cached[1]}/{cached[2]}"
    return path if "/" in path and is_hub_id(path) and not Path(path).exists() else None


def _files_without_weights(folder: Path) -> list[Path]:
    return [
        file
        for file in sorted(folder.iterdir())
        if file.is_file()
        and file.suffix not in _WEIGHTS
        and ".index." not in file.name
        and file.name not in _ABOUT_ANOTHER
    ]
