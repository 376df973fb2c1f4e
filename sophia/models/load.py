"""From a checkpoint to a Hugging Face model that is ready to be trained, whole or still empty."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    GenerationConfig,
)
from transformers.modeling_layers import GradientCheckpointingLayer

from sophia.models.adapters import Adapters
from sophia.models.family import FAMILIES, Part, part_of, tower_of
from sophia.models.hub import find_checkpoint
from sophia.models.tiny import TinyQwen25VL

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelLoader:
    """Where the policy's model comes from and what of it is trained.

    Args:
        path: a folder in Hugging Face format (or a hub name); None when ``tiny`` builds one.
        tiny: the built-in model, which is made when ``path`` is None.
        freeze: the parts that are not trained, of ``vision`` and ``projector``.
        attn_implementation: how attention is computed, as transformers names it; shared rows bring
            their own for the language model.
        gradient_checkpointing: whether activations are computed again in the backward, not kept.
        dtype: the type of the parameters; what is computed in is the trainer's choice. bfloat16
            only with ``lora``, whose adapters stay float32.
        lora: the adapters that are trained in place of the weights; None trains the weights.
    """

    path: str | None = None
    tiny: TinyQwen25VL | None = None
    freeze: tuple[Part, ...] = ()
    attn_implementation: str = "sdpa"
    gradient_checkpointing: bool = False
    dtype: Literal["float32", "bfloat16"] = "float32"
    lora: Adapters | None = None

    def __post_init__(self) -> None:
        if self.dtype == "bfloat16" and self.lora is None:
            raise ValueError(
                "model.dtype is bfloat16 with all weights trained: a bfloat16 weight has 8 bits, so"
                " a step at a learning rate of 5e-7 rounds to nothing (1 % of weights move in 20"
                " steps). Keep model.dtype=float32 and compute in bfloat16 (trainer=fsdp), or train"
                " adapters (model/lora=default)."
            )
        if (self.path is None) == (self.tiny is None):
            raise ValueError(
                f"model.path is {self.path!r} and model.tiny is"
                f" {'null' if self.tiny is None else 'the built-in model'}; give exactly one. For a"
                " model of your own begin with experiment=mine, or choose model=pretrained."
            )

    def load(self, folder: Path | str) -> Any:
        """The whole model with its weights, from a folder or a hub name."""
        model = load_model(
            folder,
            attn_implementation=self.attn_implementation,
            dtype=getattr(torch, self.dtype),
        )
        self._prepare(model)
        if self.lora is not None:
            self.lora.initialise(model)
        return model

    def empty(self, folder: Path | str) -> Any:
        """The same model on the meta device, without values: to be sharded and then filled."""
        model = empty_model(
            folder,
            attn_implementation=self.attn_implementation,
            dtype=getattr(torch, self.dtype),
        )
        self._prepare(model)
        return model

    def _prepare(self, model: Any) -> None:
        if self.gradient_checkpointing:
            checkpoint_activations(model)
        if self.lora is not None:
            self.lora.inject(model)
        freeze(model, self.freeze)
        report_parameters(model)


def load_model(
    folder: Path | str,
    *,
    attn_implementation: str = "sdpa",
    dtype: torch.dtype = torch.float32,
) -> Any:
    """The causal model of a checkpoint, with or without vision, in evaluation mode."""
    folder = find_checkpoint(folder)
    config = AutoConfig.from_pretrained(folder)
    model = auto_class(config).from_pretrained(
        folder, config=config, dtype=dtype, attn_implementation=attn_implementation
    )
    return model.eval()


def empty_model(
    folder: Path | str,
    *,
    attn_implementation: str = "sdpa",
    dtype: torch.dtype = torch.float32,
) -> Any:
    """The architecture of a checkpoint on the meta device, in evaluation mode."""
    folder = find_checkpoint(folder, "config")
    config = AutoConfig.from_pretrained(folder)
    with torch.device("meta"):
        model = auto_class(config).from_config(
            config, dtype=dtype, attn_implementation=attn_implementation
        )
    if (folder / "generation_config.json").is_file():
        model.generation_config = GenerationConfig.from_pretrained(folder)
    return model.eval()


def auto_class(config: Any) -> Any:
    """The class of transformers that loads a configuration's models, with vision or text-only."""
    has_vision = hasattr(config, "vision_config")
    return AutoModelForImageTextToText if has_vision else AutoModelForCausalLM


def checkpoint_activations(model: Any) -> None:
    """Have each layer computed again in the backward, so that its activations need not be kept.

    transformers does so only for layers in training mode, and silently not otherwise. The layers
    alone are switched: what is inside them stays in evaluation mode, without dropout.
    """
    model.gradient_checkpointing_enable({"use_reentrant": False})
    for module in model.modules():
        if isinstance(module, GradientCheckpointingLayer):
            module.training = True


def freeze(model: Any, parts: Sequence[Part]) -> None:
    """Switch off the gradients of some parts of a model.

    Raises ValueError when parts are named of a model without a vision tower that is known.
    """
    if parts and tower_of(model.config) is None:
        known = sorted(kind for family in FAMILIES if family.tower for kind in family.model_types)
        raise ValueError(
            f"cannot freeze {list(parts)} of a {model.config.model_type!r} model; its parts are"
            f" known for {known}. Add its vision tower to sophia/models/family.py."
        )
    for name, parameter in model.named_parameters():
        if part_of(name, model.config) in parts:
            parameter.requires_grad_(False)


def report_parameters(model: Any) -> None:
    """Log how many parameters of each part are trained and frozen."""
    for part, counts in count_parameters(model).items():
        log.info("parameters of %s: %s trained, %s frozen", part, *(f"{n:,}" for n in counts))


def count_parameters(model: Any) -> dict[str, tuple[int, int]]:
    """(trained, frozen) parameters by part; parts that the model lacks are left out."""
    counts: dict[str, list[int]] = {}
    for name, parameter in model.named_parameters():
        part = part_of(name, model.config) or "language model"
        own = counts.setdefault(part, [0, 0])
        own[0 if parameter.requires_grad else 1] += parameter.numel()
    return {part: (trained, frozen) for part, (trained, frozen) in sorted(counts.items())}
