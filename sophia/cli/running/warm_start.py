"""The checkpoint a run starts from: given, or built and warm-started once and then cached."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from sophia.callbacks.progress import StepProgressBar
from sophia.cli.running.build import build
from sophia.data.datamodule import StepDataset, StepLoader, StepPlan
from sophia.data.encode import PromptEncoder
from sophia.data.prompts import PromptDataset
from sophia.models.export import export
from sophia.models.hub import find_checkpoint
from sophia.models.load import ModelLoader
from sophia.models.weights import all_weights
from sophia.rollout.seeds import completion_seed
from sophia.rollout.transformers.engine import TransformersEngine
from sophia.training.sft import (
    SFTModule,
    StopAtAccuracy,
    WarmStartConfig,
    demonstration,
    learn_by_example,
)
from sophia.types import GenerationRequest, Prompt, SamplingParams

log = logging.getLogger(__name__)

_FORMAT = 1  # raise when a cached warm start of older code must not be used
_CORPUS_PROMPTS = 1024
_NOT_IN_IT: Mapping[str, Any] = {"lora": None, "dtype": "float32", "gradient_checkpointing": False}
"""The model's settings that a warm start leaves out, with what it has instead."""


def initial_policy(cfg: DictConfig, model: ModelLoader, train: PromptDataset) -> Path:
    """The folder of the policy that RL starts from.

    Raises:
        ValueError: there is no model at ``model.path``, or the warm start missed its accuracy.
    """
    if model.tiny is None:
        assert model.path is not None
        return find_checkpoint(model.path)
    folder = Path(cfg.cache_dir) / f"warm_start-{_key(cfg)}"
    if folder.is_dir():
        log.info("warm start: cached in %s", folder)
        return folder
    return _make(cfg, model, train, folder)


def _key(cfg: DictConfig) -> str:
    """A hash of everything that decides the warm-started weights."""
    model, warm_start, data = (
        OmegaConf.to_container(node, resolve=True)
        for node in (cfg.model, cfg.warm_start, cfg.data.train)
    )
    assert isinstance(model, dict)
    settings = {
        "format": _FORMAT,
        "seed": cfg.seed,
        "model": {**model, **_NOT_IN_IT},
        "warm_start": warm_start,
        "data": data,
    }
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def _make(cfg: DictConfig, model: ModelLoader, train: PromptDataset, folder: Path) -> Path:
    """Make the cached policy, under a temporary name until it is finished."""
    assert model.tiny is not None
    partial = folder.with_name(f"{folder.name}.partial-{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        prompts = [train[index] for index in range(min(len(train), _CORPUS_PROMPTS))]
        model.tiny.save(partial, corpus=[_corpus_text(prompt) for prompt in prompts])
        if cfg.warm_start:
            accuracy = _train(cfg, model, train, partial)
            log.info("warm start: sampled accuracy %.2f, kept in %s", accuracy, folder)
        if not folder.is_dir():  # another process may have been faster
            os.replace(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def _corpus_text(prompt: Prompt) -> str:
    return f"user\n{prompt.question}\nassistant\n{demonstration(prompt)}"


def _train(cfg: DictConfig, model: ModelLoader, train: PromptDataset, folder: Path) -> float:
    """Learn in place; returns the sampled accuracy that was reached."""
    config: WarmStartConfig = build(cfg, "warm_start")
    encoder = PromptEncoder(folder)
    end = (encoder.tokenizer.eos_token_id,)
    module = SFTModule(
        replace(model, **_NOT_IN_IT).load(folder),
        tokenize=lambda text: (*encoder.tokenizer(text)["input_ids"], *end),
        config=config,
    )
    plan = StepPlan(num_prompts=len(train), prompts_per_step=config.batch_size, seed=cfg.seed)
    steps = StepDataset(train, encoder, plan, rank=0, world_size=1)
    accuracy = learn_by_example(
        module,
        StepLoader(steps, num_steps=config.max_steps, num_workers=0),
        stop=_stop_callback(cfg, config, encoder, train, folder),
        config=config,
        accelerator=cfg.trainer.accelerator,
        progress=StepProgressBar(description="warm start"),
    )
    export(all_weights(module.policy.model), folder, folder)
    return accuracy


def _stop_callback(
    cfg: DictConfig,
    config: WarmStartConfig,
    encoder: PromptEncoder,
    train: PromptDataset,
    folder: Path,
) -> StopAtAccuracy:
    sampling: SamplingParams = build(cfg, "sampling")
    prompts = [train[len(train) - 1 - index] for index in range(config.check_prompts)]
    requests = [
        GenerationRequest(
            prompt=prompt,
            encoded=encoder(prompt),
            seeds=tuple(
                completion_seed(cfg.seed, -1, prompt.uid, i) for i in range(config.check_samples)
            ),
        )
        for prompt in prompts
    ]
    # Not the run's engine: weights change every few steps here, and a small model needs no vLLM.
    engine = TransformersEngine(
        policy_folder=folder,
        decode=encoder.decode,
        media_token_ids=encoder.media_token_ids,
        device=cfg.rollout.get("device", "auto"),
        max_batch_size=cfg.rollout.get("max_batch_size", 256),
    )
    return StopAtAccuracy(
        engine,
        requests,
        grade=build(cfg, "reward.outcome"),
        sampling=replace(sampling, stop=()),
        config=config,
    )
