"""Settings that came after some runs, and what those runs did without them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_LATER = (
    ("sophia.rewards.outcome.OutcomeReward", "extract", "tagged"),
    ("sophia.evaluation.evaluator.Evaluator", "extract", "tagged"),
)
"""The ``_target_`` that takes the setting, its key, and what stands for none."""


def with_later(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run, with a value for each key that came later; its own values stay."""
    filled = {k: with_later(v) if isinstance(v, Mapping) else v for k, v in settings.items()}
    own = {key: value for target, key, value in _LATER if settings.get("_target_") == target}
    return {**filled, **{key: value for key, value in own.items() if key not in filled}}
