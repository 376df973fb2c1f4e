"""Settings that change nothing beside the others of a run; read without importing its parts."""

from __future__ import annotations

from omegaconf import DictConfig

_BUILT_IN = "sophia.grpo.losses."
_OWN = "sophia.grpo.losses.own."  # of a function nobody can say


def inert_settings(cfg: DictConfig) -> list[str]:
    """A sentence for every set of keys that has no effect, and why."""
    loss, update = cfg.algorithm.loss, cfg.algorithm["update"]
    said = []
    target: str = loss.policy["_target_"]
    if update.optimizer_steps_per_rollout == update.num_iterations == 1 and (
        target.startswith(_BUILT_IN) and not target.startswith(_OWN)
    ):
        keys = [str(k) for k, v in loss.policy.items() if k != "_target_" and v is not None]
        if loss.sampling_correction is not None and "ratio_level" in keys:
            keys.remove("ratio_level")  # tokens weigh differently: it says to whom a weight goes
        said.append(
            f"algorithm.loss.policy: {', '.join(keys)}. With one update per rollout policy / old"
            " policy is 1; algorithm.update.optimizer_steps_per_rollout=4 lets them act."
        )
    if loss.beta == 0:
        said.append("algorithm.loss.kl_estimator: beta is 0, no reference is loaded.")
    elif loss.kl_estimator == "k1":
        said.append(
            "algorithm.loss.beta: in a loss, k1 has a gradient of mean 0 and holds nothing near the"
            " reference; kl_estimator=k2 and k3 do."
        )
    if cfg.num_generations == 1 and cfg.reward.thinking is not None:
        said += _alone(cfg.reward.thinking["_target_"], trust=cfg.reward.trust)
    return said


def _alone(thinking: str, *, trust: bool) -> list[str]:
    """What does nothing where a prompt has one completion; the rule of the release acts there."""
    if thinking.endswith(".JudgeMixedGroups"):
        return [
            "reward.thinking: one completion per prompt is never right and wrong, so nothing is"
            " judged; reward=paper judges every answer."
        ]
    if thinking.endswith(".JudgeAll") and trust:
        return ["reward.trust: one completion per prompt compares nothing, gamma is 1."]
    return []
