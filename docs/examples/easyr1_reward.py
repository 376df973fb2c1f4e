"""A reward written for EasyR1: the gold answer in a box, and a share for being short."""

from typing import Any

REWARD_TYPE = "batch"


def compute_score(
    reward_inputs: list[dict[str, Any]], short_weight: float = 0.1
) -> list[dict[str, float]]:
    """One dictionary per completion, of which ``overall`` counts."""
    scores = []
    for one in reward_inputs:
        accuracy = float("\\boxed{" + one["ground_truth"] + "}" in one["response"])
        short = 1.0 / (1.0 + one["response_length"] / 100)
        overall = (1 - short_weight) * accuracy + short_weight * short
        scores.append({"overall": overall, "accuracy": accuracy, "short": short})
    return scores
