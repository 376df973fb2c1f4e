"""Reading safetensors into a model that has no memory yet: each process takes only its own rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor
from torch.distributed.tensor import DTensor
from transformers.conversion_mapping import get_model_conversion_mapping
from transformers.core_model_loading import WeightConverter, WeightRenaming, rename_source_key

from sophia.models.adapters import base_name, is_adapter
from sophia.models.hub import INDEX, SINGLE
from sophia.models.sharding import local, local_rows


@torch.no_grad()
def fill(model: Any, folder: Path, *, device: torch.device, offload: bool) -> None:
    """Give a model on the meta device its memory and its weights.

    Args:
        model: a model on the meta device, sharded or not; changed in place.
        folder: the checkpoint, in Hugging Face format with safetensors.
        device: where parameters and buffers lie.
        offload: whether shards of parameters lie on the CPU instead.

    Raises:
        ValueError: the checkpoint lacks a parameter, or has it in another shape.
    """
    model.to_empty(device="cpu" if offload else device)
    model.tie_weights()
    for module in model.modules():
        if list(module.buffers(recurse=False)):
            model._init_weights(module)  # tables of rotary angles: computed, in no checkpoint
        for name, buffer in module.named_buffers(recurse=False):
            setattr(module, name, buffer.to(device))
    wanted = {base_name(n): p for n, p in model.named_parameters() if not is_adapter(n)}
    places = _places(model, folder)
    stored = set(model.state_dict()) & set(places)
    wanted |= {name: buffer for name, buffer in model.named_buffers() if name in stored}
    missing = sorted(set(wanted) - set(places))
    if missing:
        raise ValueError(
            f"{folder} has no weight for {missing[0]!r} and {len(missing) - 1} other parameters of"
            f" {type(model).__name__}; is the download complete, and of this architecture?"
        )
    for name, parameter in wanted.items():
        _read(parameter, *places[name])
        if offload and not isinstance(parameter, DTensor):
            parameter.data = parameter.data.to(device)


def stored_dtype(folder: Path, part: str) -> torch.dtype | None:
    """The type of the first stored weight, by name, that has ``part`` in it; None without one."""
    for key, file in sorted(checkpoint_files(folder).items()):
        if part in key:
            with safe_open(file, framework="pt") as tensors:
                dtype: torch.dtype = tensors.get_slice(key)[:0].dtype
                return dtype
    return None


def checkpoint_files(folder: Path) -> dict[str, Path]:
    """The file that holds each weight, by the weight's name in the checkpoint.

    Raises:
        ValueError: the folder holds no safetensors.
    """
    index = folder / INDEX
    if index.is_file():
        names: Mapping[str, str] = json.loads(index.read_text())["weight_map"]
        return {key: folder / file for key, file in names.items()}
    single = folder / SINGLE
    if not single.is_file():
        raise ValueError(f"{folder} holds neither {INDEX} nor {SINGLE}; is it downloaded?")
    with safe_open(single, framework="pt") as tensors:
        return dict.fromkeys(tensors.keys(), single)


def _places(model: Any, folder: Path) -> dict[str, tuple[Path, str]]:
    """The file of each parameter and its name there, by its name in the model."""
    transforms = get_model_conversion_mapping(model)
    renamings = [t for t in transforms if isinstance(t, WeightRenaming)]
    converters = [t for t in transforms if isinstance(t, WeightConverter)]
    own = {base_name(name): value for name, value in model.state_dict().items()}
    places = {}
    for key, file in checkpoint_files(folder).items():
        name, converter = rename_source_key(
            key, renamings, converters, model.base_model_prefix, own
        )
        if converter is not None:
            raise ValueError(
                f"weight {key!r} of {folder} has to be converted, which cannot be done process by"
                " process. Load the model with transformers, save it, and use that folder."
            )
        places[name] = (file, key)
    return places


def _read(parameter: Tensor, file: Path, key: str) -> None:
    """Read this process's rows of a weight into a parameter.

    The file is opened anew for each weight, so that pages that were read do not stay mapped.
    """
    with safe_open(file, framework="pt") as tensors:
        stored = tensors.get_slice(key)
        if tuple(stored.get_shape()) != tuple(parameter.shape):
            raise ValueError(
                f"weight {key!r} in {file} has shape {tuple(stored.get_shape())}, the model needs"
                f" {tuple(parameter.shape)}; config.json and weights do not belong together."
            )
        rows = local_rows(parameter)
        values = stored[rows] if parameter.dim() else tensors.get_tensor(key)
        local(parameter).copy_(values)
