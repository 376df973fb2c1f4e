"""What training and evaluation both need: data, encoder, judge, rules, engine, evaluator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig

from sophia.cli.build import build
from sophia.data.encode import PromptEncoder

ENGINE_ARGUMENTS = ("decode", "media_token_ids", "unexpanded_ids")
"""What an engine gets besides its node."""


def shared_parts(cfg: DictConfig, policy_folder: Path | str) -> dict[str, Any]:
    """Build each shared object once, for the policy in this folder."""
    shared: dict[str, Any] = {"policy_folder": policy_folder}
    shared["encoder"] = PromptEncoder(policy_folder)
    shared["sampling"] = build(cfg.sampling, shared)
    shared["judge"] = build(cfg.judge, shared)
    shared["outcome"] = build(cfg.reward.outcome, shared)
    shared["format"] = build(cfg.reward.format, shared)
    shared["engine"] = build_engine(cfg, shared)
    shared["evaluator"] = build(cfg.evaluation, shared)
    return shared


def build_engine(cfg: DictConfig, shared: dict[str, Any]) -> Any:
    """The rollout engine; constructing one must not move the random state of the run."""
    encoder: PromptEncoder = shared["encoder"]
    with torch.random.fork_rng():
        return build(
            cfg.rollout,
            {
                "seed": cfg.seed,
                **shared,
                "decode": encoder.decode,
                "media_token_ids": encoder.media_token_ids,
                "unexpanded_ids": encoder.unexpanded_ids,
            },
        )
