"""Whether a completion looks back at what it has said."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sophia.rewards.terms.rule import RuleTerm
from sophia.types import GradedGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class ReflectionMarkers(RuleTerm):
    """1 for a completion with at least one of the markers, else 0.

    The mean is the share of completions that reflect, which VisualThinker-R1-Zero
    (arXiv:2503.05132) saw rise with accuracy. As a reward it teaches to say the word, so its weight
    should stay 0, where it is only logged.

    Args:
        markers: words and phrases, found as whole words in upper or lower case.
        weight: what it is multiplied by.
    """

    markers: Sequence[str]
    weight: float

    def __post_init__(self) -> None:
        if not self.markers or not all(marker.strip() for marker in self.markers):
            raise ValueError(f"markers are {list(self.markers)}; give at least one, none empty.")

    def values(self, group: GradedGroup) -> list[float]:
        """Whether each completion has one."""
        words = "|".join(re.escape(marker) for marker in self.markers)
        found = re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE)
        return [float(found.search(c.text) is not None) for c in group.rollout.completions]
