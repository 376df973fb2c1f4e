"""What a program of one's own imports: Trust-GRPO on plain numbers and texts. docs/library.md

Importing it needs no torch; ``advantages`` does.
"""

from __future__ import annotations

from collections.abc import Sequence

from sophia.rewards.for_trl import TrustGRPOReward
from sophia.rewards.format import FormatRule, ReleaseFormat
from sophia.rewards.group import GroupRewards, trust_grpo_rewards
from sophia.rewards.lenient import lenient_answer
from sophia.rewards.outcome import OutcomeReward, grade
from sophia.rewards.tags import extract_answer, extract_thinking
from sophia.rewards.thinking import JudgeAll, JudgeMixedGroups, ReleaseRule
from sophia.rewards.trust import trust_weight
from sophia.schedules import Constant, Cosine, Exponential, Linear

__all__ = [
    "Constant",
    "Cosine",
    "Exponential",
    "FormatRule",
    "GroupRewards",
    "JudgeAll",
    "JudgeMixedGroups",
    "Linear",
    "OutcomeReward",
    "ReleaseFormat",
    "ReleaseRule",
    "TrustGRPOReward",
    "advantages",
    "extract_answer",
    "extract_thinking",
    "grade",
    "lenient_answer",
    "trust_grpo_rewards",
    "trust_weight",
]


def advantages(
    rewards: Sequence[float | None], *, scale_by_std: bool = True, epsilon: float = 1e-6
) -> list[float]:
    """How much better each completion of a group is than its siblings (arXiv:2505.17018, eq. 6).

    (R - mean(R)) / (std(R) + epsilon), with the unbiased deviation; without ``scale_by_std`` the
    division is left out (Dr.GRPO). None leaves the group and gets 0, as do all of a group with
    fewer than two rewards or with equal ones.
    """
    import torch  # the rest of this module does without

    from sophia.grpo.estimators.group import GroupAdvantages
    from sophia.grpo.estimators.scores import Scores

    none = torch.zeros(len(rewards), dtype=torch.long)
    scores = Scores(
        totals=torch.tensor([r or 0.0 for r in rewards], dtype=torch.float64),
        parts={},
        families=none,
        valid=torch.tensor([r is not None for r in rewards], dtype=torch.bool),
        lengths=none,
        truncated=none.bool(),
    )
    estimator = GroupAdvantages(scale="group" if scale_by_std else "none", epsilon=epsilon)
    found: list[float] = estimator(scores, everywhere=lambda mine: mine).tolist()
    return found
