"""Settings that came after some runs, and what those runs did without them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Settings = dict[str, Any]


def with_later(settings: Mapping[str, Any]) -> Settings:
    """The settings of a run under today's keys; the values that it had stay what they were."""
    inner = {k: with_later(v) if isinstance(v, Mapping) else v for k, v in settings.items()}
    target = settings.get("_target_")
    if not isinstance(target, str):
        return inner
    target = _MOVED.get(target, target)
    today = _TODAY.get(target)
    inner = {**inner, "_target_": target}
    return today(inner) if today else inner


def _with_extract(settings: Settings) -> Settings:
    return {"extract": "tagged", **settings}


def _with_run_evaluator(settings: Settings) -> Settings:
    """The evaluator itself graded by the run's rules."""
    today = "sophia.evaluation.evaluator.run_evaluator"
    return {"extract": "tagged", **settings, "_target_": today}


def _with_policy_loss(settings: Settings) -> Settings:
    """The clip's settings were the loss's own."""
    if "policy" in settings:
        return settings
    former = {
        "epsilon_low": "epsilon_low", "epsilon_high": "epsilon_high", "dual_clip": "dual_clip",
        "importance_sampling_level": "ratio_level",
    }  # fmt: skip
    policy = {today: settings[key] for key, today in former.items() if key in settings}
    policy = {"_target_": "sophia.grpo.losses.clipped.Clipped", **policy, "max_log_ratio": 20.0}
    return {"policy": policy, **{k: v for k, v in settings.items() if k not in former}}


def _with_estimator(settings: Settings) -> Settings:
    """The estimator's settings were the update's."""
    if "estimator" in settings:
        return settings
    former = {"scale_rewards": "scale", "advantage_epsilon": "epsilon"}
    update = dict(settings.get("update", {}))
    estimator = {today: update.pop(key) for key, today in former.items() if key in update}
    estimator = {"_target_": "sophia.grpo.estimators.group.GroupAdvantages", **estimator}
    return {**settings, "estimator": estimator, "update": update}


def _with_format_blocks(settings: Settings) -> Settings:
    rest = {key: value for key, value in settings.items() if key != "pattern"}
    if settings.get("pattern") == "release":
        return {**rest, "_target_": "sophia.rewards.format.ReleaseFormat"}
    return {"blocks": ["think"], "final": "answer", "gap": "blank", **rest}


def _with_outcome_weight(settings: Settings) -> Settings:
    return {"outcome_weight": 1.0, **settings}


def _with_temperature(settings: Settings) -> Settings:
    return {"temperature": 0.0, **settings}


def _with_judge_prompt(settings: Settings) -> Settings:
    """What the judge sees was its own setting; there was one prompt."""
    if "sees" not in settings:
        return settings
    prompt = {
        "_target_": "sophia.rewards.judge.prompts.five_criteria.FiveCriteria",
        "sees": settings["sees"],
    }
    return {**{key: value for key, value in settings.items() if key != "sees"}, "prompt": prompt}


_MOVED: Mapping[str, str] = {
    "sophia.rewards.judge.calls.CallSettings": "sophia.chat.calls.CallSettings",
    "sophia.rewards.judge.ledger.Breaker": "sophia.chat.breaker.Breaker",
    "sophia.rewards.judge.ledger.Prices": "sophia.chat.prices.Prices",
}
"""Where a ``_target_`` of older settings is today."""

_TODAY: Mapping[str, Callable[[Settings], Settings]] = {
    "sophia.rewards.outcome.OutcomeReward": _with_extract,
    "sophia.evaluation.evaluator.Evaluator": _with_run_evaluator,
    "sophia.grpo.loss.LossConfig": _with_policy_loss,
    "sophia.training.grpo_module.GRPOModule": _with_estimator,
    "sophia.rewards.format.FormatRule": _with_format_blocks,
    "sophia.rewards.composer.RewardComposer": _with_outcome_weight,
    "sophia.chat.calls.CallSettings": _with_temperature,
    "sophia.rewards.judge.http.HTTPJudge": _with_judge_prompt,
}
"""What makes today's settings of older ones, by the ``_target_`` that takes them today."""
