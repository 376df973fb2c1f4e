"""TRL's trainers with what their losses and advantages read, and no model."""

from __future__ import annotations

from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor


class Accelerator:
    """One process, as far as a loss asks."""

    num_processes = 1
    process_index = 0
    device = torch.device("cpu")
    sync_gradients = True

    def gather(self, value: Tensor) -> Tensor:
        return value

    def gather_for_metrics(self, value: Tensor) -> Tensor:
        return value

    def reduce(self, value: Tensor, reduction: str = "sum") -> Tensor:
        return value


_ARGUMENTS: dict[str, Any] = {
    "delta": None,
    "gradient_accumulation_steps": 1,
    "gradient_checkpointing_kwargs": None,
    "per_device_train_batch_size": 8,
    "sapo_temperature_neg": 1.05,
    "sapo_temperature_pos": 1.0,
    "steps_per_generation": 1,
    "use_bias_correction_kl": False,
}
_ATTRIBUTES: dict[str, Any] = {
    "_entropy_bonus_enabled": False,
    "aux_loss_enabled": False,
    "beta": 0.0,
    "chat_template_kwargs": {},
    "current_gradient_accumulation_steps": 1,
    "environment_factories": None,
    "environments": None,
    "epsilon_high": 0.2,
    "epsilon_low": 0.2,
    "importance_sampling_level": "token",
    "log_multimodal": False,
    "loss_type": "grpo",
    "mask_truncated_completions": False,
    "multi_objective_aggregation": "sum_then_normalize",
    "normalize_advantages": False,
    "num_iterations": 1,
    "off_policy_mask_threshold": None,
    "pad_to_multiple_of": None,
    "ref_model": None,
    "reward_clip_range": None,
    "scale_rewards": "group",
    "tools": [],
    "top_entropy_quantile": 1.0,
    "use_adaptive_entropy": False,
    "use_vllm": False,
    "vllm_importance_sampling_correction": False,
}


def without_model(kind: type[Any], **settings: Any) -> Any:
    """A trainer of TRL's that was not constructed: its own code over attributes of ours."""
    made = object.__new__(kind)
    arguments = {k: settings.pop(k, default) for k, default in _ARGUMENTS.items()}
    for name, value in {**_ATTRIBUTES, **settings}.items():
        setattr(made, name, value)
    made.args = SimpleNamespace(**arguments)
    made.accelerator = Accelerator()
    made.model = SimpleNamespace(training=True, is_gradient_checkpointing=False)
    made._tokenizer = SimpleNamespace(pad_token_id=0)
    made._metrics = {"train": defaultdict(list)}
    made._logs = defaultdict(list, rewards=defaultdict(list), extra=defaultdict(list))
    made._pending_extra_logs, made._pending_metrics = defaultdict(list), defaultdict(list)
    return made
