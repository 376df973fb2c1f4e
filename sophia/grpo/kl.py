"""Per-token estimates of KL(policy || reference) from one sampled token.

k1, k2 and k3 as named by Schulman, "Approximating KL Divergence" (2020).
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor

KLEstimator = Literal["k1", "k2", "k3"]

# Without these, one token that the reference finds impossible makes the loss overflow.
MAX_LOG_RATIO = 20.0
_MAX_KL = 10.0


def kl_estimate(logps: Tensor, ref_logps: Tensor, estimator: KLEstimator) -> Tensor:
    """(N,) estimate per token; d = logps - ref_logps clamped to +-20, the result to +-10.

    k1 = d (unbiased, any sign), k2 = d^2 / 2, k3 = exp(-d) - 1 + d (unbiased, never negative).
    """
    diff = (logps - ref_logps).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)
    if estimator == "k1":
        kl = diff
    elif estimator == "k2":
        kl = 0.5 * diff.square()
    else:
        kl = (-diff).exp() - 1.0 + diff
    return kl.clamp(-_MAX_KL, _MAX_KL)
