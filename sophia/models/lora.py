"""LoRA through peft: which layers are adapted, and what the adapters start from.

The model stays a plain Hugging Face model with adapted linear layers in it, so that rows, sharding
and export see the same modules with and without adapters.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Any

import torch
from peft import LoraConfig, inject_adapter_in_model

from sophia.models.adapters import is_adapter
from sophia.models.family import tower_of
from sophia.models.sharding import local, local_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class LoRA:
    """Adapters on linear layers of the language model: W + (alpha / rank) B A, W frozen.

    (Hu et al. 2021, arXiv:2106.09685, section 4.1.) The vision tower is left out unless asked for.

    Args:
        rank: the rank of the update B A.
        alpha: the update is scaled by alpha / rank.
        targets: which linear layers are adapted, by the last part of their name.
        vision: whether layers of the vision tower with such a name are adapted too.
        seed: decides, with a layer's name, the first values of A; B, and so the update, is zero.
    """

    rank: int
    alpha: int
    targets: tuple[str, ...] = (
        "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj",
    )  # fmt: skip
    vision: bool = False
    seed: int = 0

    def inject(self, model: Any) -> None:
        """Put adapters in float32 into the model, and freeze everything else."""
        tower = None if self.vision else tower_of(model.config)
        outside = "" if tower is None else rf"(?!.*\b{tower.attribute}\.)"
        config = LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,
            target_modules=rf"{outside}.*\.({'|'.join(self.targets)})",
        )
        model.requires_grad_(False)
        inject_adapter_in_model(config, model)
        for name, parameter in model.named_parameters():
            if is_adapter(name):
                parameter.requires_grad_(True)
                parameter.data = parameter.data.float()

    @torch.no_grad()
    def initialise(self, model: Any) -> None:
        """Set the adapters' first values: B to zero, A uniform in (-1, 1) / sqrt(columns of A).

        They follow from seed and name alone, so they are the same on any number of processes.
        """
        for name, parameter in model.named_parameters():
            if ".lora_B." in name:
                local(parameter).zero_()
            elif ".lora_A." in name:
                digest = hashlib.sha256(f"{self.seed}/{name}".encode()).digest()
                generator = torch.Generator().manual_seed(int.from_bytes(digest[:7]))
                bound = 1 / math.sqrt(parameter.shape[1])
                values = (2 * torch.rand(parameter.shape, generator=generator) - 1) * bound
                local(parameter).copy_(values[local_rows(parameter)])
