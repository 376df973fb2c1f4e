"""How often a callback acts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Every:
    """One RL step in ``n_steps``; a callback's ``every_n_steps``."""

    n_steps: int

    def __post_init__(self) -> None:
        if self.n_steps < 1:
            raise ValueError(f"every_n_steps is {self.n_steps}; it must be at least 1.")

    def due(self, step: int) -> bool:
        """Whether it is this step's turn; step 0's always is."""
        return step % self.n_steps == 0
