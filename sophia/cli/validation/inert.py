"""Keys of an evaluation that belong to the other kind: benchmarks, or the run's own questions."""

from __future__ import annotations

from collections.abc import Sequence

from omegaconf import DictConfig

_OF_BENCHMARKS = (
    "benchmark_judge", "benchmark_root", "benchmark_template", "blind", "limit", "processes",
    "share",
)  # fmt: skip
_OF_THE_RUN = ("data", "reward", "judge", "evaluation.extract")
_FROM_THE_RUN = "of_run"


def refuse_inert(cfg: DictConfig, typed: Sequence[str]) -> None:
    """Refuse a typed key that would change nothing.

    Args:
        cfg: the configuration of an evaluation.
        typed: the overrides of the command line, those that its run added among them.

    Raises:
        ValueError: naming the key.
    """
    pairs = [override.lstrip("+").partition("=") for override in typed]
    keys = [key for key, _, value in pairs if value != _FROM_THE_RUN]
    for key in keys:
        if not cfg.benchmarks and key.partition(".")[0] in _OF_BENCHMARKS:
            raise ValueError(
                f"{key} is about benchmarks, and none is asked here. Name some by"
                " benchmark=[mmstar,mme] (docs/benchmarks.md), or leave it out."
            )
        if cfg.benchmarks and (key in _OF_THE_RUN or key.partition(".")[0] in _OF_THE_RUN):
            raise ValueError(
                f"{key} has no effect on benchmarks, which bring their own questions and rules."
                " Leave it out, or ask the run's own questions by leaving benchmark out."
            )
