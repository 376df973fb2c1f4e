"""What tokens cost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Price per million tokens, in whatever currency ``NAME/cost`` shall have; None: unknown."""

    prompt: float | None
    completion: float | None

    def __post_init__(self) -> None:
        if (self.prompt is None) != (self.completion is None):
            raise ValueError(
                f"prices has prompt={self.prompt}, completion={self.completion}; expected"
                " both or neither."
            )

    def cost(self, *, prompt_tokens: int, completion_tokens: int) -> float | None:
        """What so many tokens cost; None where prices are unknown."""
        if self.prompt is None or self.completion is None:
            return None
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / 1e6
