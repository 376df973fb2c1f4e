"""What a resume may change: whatever leaves the steps behind it as they were."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from sophia.run.later import with_later

CHANGEABLE = (
    "num_steps", "name", "cache_dir",
    "algorithm.update.max_skipped_updates", "data.num_workers", "reward.outcome.num_workers",
    "judge.url", "judge.api_key", "judge.cache_path", "judge.breaker.*", "judge.prices.*",
    "judge.calls.max_concurrent", "judge.calls.timeout_s", "judge.calls.deadline_s",
    "judge.calls.max_attempts", "judge.calls.backoff_s",
    "logger.*",
    "benchmarks.*", "benchmark_*", "callbacks.benchmarks.*",
    "callbacks.checkpoint.*", "callbacks.validation.*", "callbacks.rollouts.*",
    "callbacks.samples.*", "callbacks.timeline.*", "callbacks.report.*", "callbacks.progress.*",
    "callbacks.heartbeat.*", "callbacks.health.*", "callbacks.histograms.*", "callbacks.profiler.*",
    "callbacks.rollout.sync.probe_every_n_steps", "callbacks.rollout.sync.max_probe_difference",
)  # fmt: skip
"""Patterns of dotted keys."""

_ABSENT = "(absent)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A setting of a run that is not what it was."""

    key: str
    theirs: Any
    yours: Any

    @property
    def is_harmless(self) -> bool:
        """Whether the steps that are done would have been the same with it."""
        # With the dot, ``logger.*`` is also no logger at all (logger=csv), or a callback left out.
        names = (self.key, f"{self.key}.")
        return any(fnmatchcase(name, pattern) for name in names for pattern in CHANGEABLE)

    def __str__(self) -> str:
        return f"{self.key}: {self.theirs} -> {self.yours}"


def changes(theirs: Mapping[str, Any], yours: Mapping[str, Any]) -> list[Change]:
    """The settings that differ, by their dotted keys; one that came later is no difference."""
    before, after = dict(_flat(with_later(theirs))), dict(_flat(with_later(yours)))
    return [
        Change(key=key, theirs=before.get(key, _ABSENT), yours=after.get(key, _ABSENT))
        for key in [*before, *(key for key in after if key not in before)]
        if before.get(key, _ABSENT) != after.get(key, _ABSENT)
    ]


def _flat(node: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        name = f"{path}{key}"
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{name}.")
        else:
            yield name, value
