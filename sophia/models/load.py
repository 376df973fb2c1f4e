"""From a checkpoint folder to a policy: loading, freezing, gradient checkpointing, export."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoTokenizer,
    GenerationConfig,
)
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from sophia.models.tiny import TinyQwen25VL

log = logging.getLogger(__name__)

Part = Literal["vision", "projector"]

# Parameter-name prefixes by model type: (vision tower with its projector, projector).
_PARTS = {
    "qwen2_vl": ("model.visual.", "model.visual.merger."),
    "qwen2_5_vl": ("model.visual.", "model.visual.merger."),
    "qwen3_vl": ("model.visual.", "model.visual.merger."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelLoader:
    """Where the policy comes from and what of it is trained.

    Args:
        path: a folder in Hugging Face format (or a hub name); None when ``tiny`` builds one.
        tiny: the built-in model.
        freeze: parts that are not trained.
        attn_implementation: as transformers names them.
        gradient_checkpointing: recompute activations in the backward.
    """

    path: str | None = None
    tiny: TinyQwen25VL | None = None
    freeze: tuple[Part, ...] = ()
    attn_implementation: str = "sdpa"
    gradient_checkpointing: bool = False

    def __post_init__(self) -> None:
        if (self.path is None) == (self.tiny is None):
            raise ValueError(
                f"model.path is {self.path!r} and model.tiny is {self.tiny!r}; give exactly one."
            )

    def load(self, folder: Path | str) -> Any:
        """The policy in float32: float32 weights move at lr 5e-7, bfloat16 ones do not."""
        model = load_model(folder, attn_implementation=self.attn_implementation)
        if self.gradient_checkpointing:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        freeze(model, self.freeze)
        return model


def load_model(folder: Path | str, *, attn_implementation: str = "sdpa") -> Any:
    """A vision-language or text-only causal model in float32, in evaluation mode."""
    check_folder(folder)
    config = AutoConfig.from_pretrained(folder)
    auto = AutoModelForImageTextToText if hasattr(config, "vision_config") else AutoModelForCausalLM
    model = auto.from_pretrained(
        folder, config=config, dtype=torch.float32, attn_implementation=attn_implementation
    )
    return model.eval()


def check_folder(folder: Path | str) -> None:
    """Refuse a local path that holds no model; a hub name cannot be checked here."""
    path = Path(folder)
    local = path.is_dir() or path.is_absolute() or str(folder).startswith(".")
    if local and not (path / "config.json").is_file():
        what = "has no config.json" if path.is_dir() else "does not exist"
        raise ValueError(
            f"{folder} is not a model in Hugging Face format: it {what}. Point model.path at a"
            " folder that from_pretrained can load."
        )


def freeze(model: Any, parts: Sequence[Part]) -> None:
    """Switch gradients off by part, and log how many parameters are trained and frozen."""
    if parts and model.config.model_type not in _PARTS:
        raise ValueError(
            f"cannot freeze {list(parts)} of a {model.config.model_type!r} model; its parts are"
            f" known for {sorted(_PARTS)}. Add its prefixes to sophia/models/load.py."
        )
    for name, parameter in model.named_parameters():
        if _part_of(name, model.config.model_type) in parts:
            parameter.requires_grad_(False)
    counts = {True: 0, False: 0}
    for parameter in model.parameters():
        counts[parameter.requires_grad] += parameter.numel()
    log.info("parameters: %s trained, %s frozen", f"{counts[True]:,}", f"{counts[False]:,}")


def _part_of(name: str, model_type: str) -> Part | None:
    tower, projector = _PARTS.get(model_type, (None, None))
    if projector is not None and name.startswith(projector):
        return "projector"
    return "vision" if tower is not None and name.startswith(tower) else None


def export(model: nn.Module, skeleton: Path, folder: Path) -> None:
    """Write a folder that plain ``from_pretrained`` loads, under a temporary name first.

    ``skeleton`` holds tokenizer and image processor.
    """
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    model.save_pretrained(partial)  # type: ignore[operator]
    for file in Path(skeleton).iterdir():
        if file.suffix != ".safetensors" and not (partial / file.name).exists():
            shutil.copy(file, partial)
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(partial, folder)


def save_skeleton(source: Path | str, folder: Path) -> None:
    """Everything of a checkpoint but its weights, so that a run's folder explains itself."""
    AutoConfig.from_pretrained(source).save_pretrained(folder)
    AutoTokenizer.from_pretrained(source).save_pretrained(folder)
    Qwen2VLImageProcessorPil.from_pretrained(source).save_pretrained(folder)
    GenerationConfig.from_pretrained(source).save_pretrained(folder)
