"""What can be known to fail is tried before the first evaluation takes its minutes."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from omegaconf import DictConfig

from sophia.cli.running.build import build
from sophia.cli.running.plan import disk_plan
from sophia.data.encode import PromptEncoder
from sophia.measure.memory import GIB
from sophia.models.load import ModelLoader
from sophia.protocols import RewardTerm
from sophia.rewards.terms.named import NamedTerm
from sophia.types import Completion, GradedGroup, Prompt, Rollout

_VALUES = (
    "sampling", "prompt_limits", "annealing", "algorithm.estimator", "algorithm.loss",
    "algorithm.update", "algorithm.lr_schedule", "callbacks.rollout.sync",
    "callbacks.health.limits", "warm_start", "reward.format",
)  # fmt: skip
"""Nodes that are plain values, which check themselves."""


def check_values(cfg: DictConfig) -> None:
    """Build the nodes of a run that are plain values.

    Raises:
        ValueError: what the first of them says that is none, behind its dotted path.
    """
    for path in (*_VALUES, *_built_in_terms(cfg)):
        try:
            build(cfg, path)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
    _check_generations(cfg)


def _check_generations(cfg: DictConfig) -> None:
    needed = build(cfg, "algorithm.estimator").min_generations
    if cfg.num_generations < needed:
        target = cfg.algorithm.estimator["_target_"].rpartition(".")[2]
        raise ValueError(
            f"num_generations is {cfg.num_generations}; algorithm.estimator ({target}) compares the"
            f" completions of a prompt and needs at least {needed}, usual is 8. Set"
            " algorithm/estimator=batch to compare all completions of a step"
            f"{', or its min_generations=1' if target == 'OwnAdvantages' else ''}."
        )


def _built_in_terms(cfg: DictConfig) -> list[str]:
    """Reward terms that are shipped; to build one of a user's own is to run their file."""
    extra = cfg.reward.get("extra") or {}
    ours = [n for n, t in extra.items() if t and t._target_.startswith("sophia.rewards.terms.")]
    return [f"reward.extra.{name}" for name in ours]


def try_rewards(
    rewards: Mapping[str, RewardTerm], prompt: Prompt, encoder: PromptEncoder, *, group_size: int
) -> None:
    """Ask every reward term once about a group that gives the prompt's gold answer.

    Raises:
        RunStopped: one raised, or answered what is no number.
    """
    if not rewards:
        return
    group = _made_up_group(prompt, encoder, group_size)
    for name, reward in rewards.items():
        term = NamedTerm(name, reward, rl_step=0)
        term.parts(group, term.submit(group))


def _made_up_group(prompt: Prompt, encoder: PromptEncoder, group_size: int) -> GradedGroup:
    text = f"<think>A made-up completion.</think><answer>{prompt.answer}</answer>"
    token_ids = tuple(encoder.tokenizer(text, add_special_tokens=False)["input_ids"])
    made_up = Completion(
        text=text,
        token_ids=token_ids,
        sampling_logps=(0.0,) * len(token_ids),
        finish_reason="stop",
        seed=0,
    )
    return GradedGroup(
        rollout=Rollout(
            prompt=prompt, encoded=encoder(prompt), completions=(made_up,) * group_size
        ),
        well_formed=(True,) * group_size,
        answered=(True,) * group_size,
        outcomes=(1.0,) * group_size,
    )


def ask_judge(cfg: DictConfig) -> None:
    """Ask a judge behind a server once, if there is one; raises ValueError when none answers."""
    judge = build(cfg, "judge")
    if not any(base.__name__ == "HTTPJudge" for base in type(judge).__mro__):
        return

    from sophia.rewards.judge.check import ping  # and the client of servers, half a second

    with closing(judge):
        ping(judge)


def check_disk(cfg: DictConfig, loader: ModelLoader, policy: Path | str, folder: Path) -> None:
    """Raise ValueError when the checkpoints of the run will not fit on the disk of its folder."""
    needed, free = disk_plan(cfg, loader.empty(policy), policy).sum, shutil.disk_usage(folder).free
    if needed > free:
        raise ValueError(
            f"the run will write some {needed / GIB:.3g} GiB of checkpoints and weights to"
            f" {folder}, where {free / GIB:.3g} GiB are free. Choose another run_dir, or keep fewer"
            " (callbacks.checkpoint.keep_last, keep_best, callbacks.validation.save_best=false)."
        )
