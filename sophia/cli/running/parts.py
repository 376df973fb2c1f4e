"""What training, evaluation and `infer` share, each built once for one policy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from omegaconf import DictConfig

from sophia.cli.running.build import build
from sophia.data.encode import PromptEncoder
from sophia.evaluation.evaluator import Evaluator
from sophia.protocols import RolloutEngine, ThinkingJudge
from sophia.rewards.format import ResponseFormat
from sophia.rewards.outcome import OutcomeReward
from sophia.types import SamplingParams


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The objects around one policy. ``judge`` is None where nobody scores the thinking."""

    policy_folder: Path | str
    encoder: PromptEncoder
    sampling: SamplingParams
    outcome: OutcomeReward
    format: ResponseFormat
    judge: ThinkingJudge | None
    engine: RolloutEngine

    def close(self) -> None:
        """End the graders' processes and the judge's connections."""
        self.outcome.close()
        if self.judge is not None:
            self.judge.close()


def build_parts(cfg: DictConfig, policy_folder: Path | str) -> Parts:
    """Build the objects around the policy in this folder."""
    encoder = PromptEncoder(policy_folder)
    return Parts(
        policy_folder=policy_folder,
        encoder=encoder,
        sampling=build(cfg, "sampling"),
        judge=build(cfg, "judge"),
        outcome=build(cfg, "reward.outcome"),
        format=build(cfg, "reward.format"),
        engine=build_engine(cfg, policy_folder, encoder),
    )


def build_engine(
    cfg: DictConfig, policy_folder: Path | str, encoder: PromptEncoder
) -> RolloutEngine:
    """Build the rollout engine without moving the random state of the run."""
    with torch.random.fork_rng():
        engine: RolloutEngine = build(
            cfg,
            "rollout",
            {
                "policy_folder": policy_folder,
                "decode": encoder.decode,
                "media_token_ids": encoder.media_token_ids,
                "unexpanded_ids": encoder.unexpanded_ids,
                "seed": cfg.seed,
            },
        )
    return engine


def build_evaluator(cfg: DictConfig, parts: Parts) -> Evaluator:
    """Build what asks the engine and grades by the run's own rules and judge."""
    evaluator: Evaluator = build(
        cfg,
        "evaluation",
        {
            "engine": parts.engine,
            "encoder": parts.encoder,
            "outcome": parts.outcome,
            "format": parts.format,
            "judge": parts.judge,
        },
    )
    return evaluator
