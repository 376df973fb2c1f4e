"""Settings that came after some runs, and what those runs did without them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Settings = dict[str, Any]


def with_later(settings: Mapping[str, Any]) -> Settings:
    """The settings of a run under today's keys; the values that it had stay what they were."""
    inner = {k: with_later(v) if isinstance(v, Mapping) else v for k, v in settings.items()}
    target = settings.get("_target_")
    today = _TODAY.get(target) if isinstance(target, str) else None
    return today(inner) if today else inner


def _with_extract(settings: Settings) -> Settings:
    return {"extract": "tagged", **settings}


def _with_format_blocks(settings: Settings) -> Settings:
    rest = {key: value for key, value in settings.items() if key != "pattern"}
    if settings.get("pattern") == "release":
        return {**rest, "_target_": "sophia.rewards.format.ReleaseFormat"}
    return {"blocks": ["think"], "final": "answer", "gap": "blank", **rest}


def _with_outcome_weight(settings: Settings) -> Settings:
    return {"outcome_weight": 1.0, **settings}


_TODAY: Mapping[str, Callable[[Settings], Settings]] = {
    "sophia.rewards.outcome.OutcomeReward": _with_extract,
    "sophia.evaluation.evaluator.Evaluator": _with_extract,
    "sophia.rewards.format.FormatRule": _with_format_blocks,
    "sophia.rewards.composer.RewardComposer": _with_outcome_weight,
}
"""What makes today's settings of older ones, by the ``_target_`` that takes them."""
