"""How often a callback acts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Every:
    """One RL step in ``n_steps``, at least 1: the ``every_n_steps`` of a callback."""

    n_steps: int

    def __post_init__(self) -> None:
        if self.n_steps < 1:
            raise ValueError(f"every_n_steps is {self.n_steps}; it must be at least 1.")

    def due(self, step: int) -> bool:
        """Whether it is the turn of this step; 0 has its turn whatever ``n_steps`` is."""
        return step % self.n_steps == 0
