"""What a comparison comes to for one benchmark: counts, and some pairs to look at."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sophia.benchmarks.overlap.match import KINDS, Compared, Kind, Match
from sophia.benchmarks.overlap.target import Target
from sophia.data.rows.row_error import Origin, origin_of
from sophia.types import Prompt

_SHOWN = 24
_RANK: dict[Kind, int] = {kind: rank for rank, kind in enumerate(KINDS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A training row and the question of the benchmark that it is near to."""

    match: Match
    prompt: Prompt

    @property
    def origin(self) -> Origin:
        """Where the training row stands."""
        return origin_of(self.prompt)


class Tally:
    """Counts the questions of a benchmark that training rows are near to."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.num_rows = 0
        """Training rows that are near to any question."""
        self.shown: dict[Kind, list[Pair]] = {kind: [] for kind in KINDS}
        """Some pairs of each kind, of different questions."""
        self._kinds: dict[int, Kind] = {}
        self._shown: set[tuple[Kind, int]] = set()

    def add(self, compared: Compared) -> None:
        """Count the matches of one row."""
        matches = compared.matches.get(self.target.name, ())
        self.num_rows += bool(matches)
        for match in matches:
            known = self._kinds.get(match.item)
            if known is None or _RANK[match.kind] < _RANK[known]:
                self._kinds[match.item] = match.kind
            if isinstance(compared.row, Prompt):
                self._show(compared.row, match)

    @property
    def counts(self) -> dict[Kind, int]:
        """How many questions are found, each counted once, by its strongest kind."""
        counted = Counter(self._kinds.values())
        return {kind: counted[kind] for kind in KINDS}

    @property
    def share(self) -> float:
        """Which share of the questions is found, in [0, 1]."""
        return len(self._kinds) / len(self.target.items) if len(self.target.items) else 0.0

    def _show(self, prompt: Prompt, match: Match) -> None:
        own = self.shown[match.kind]
        if len(own) < _SHOWN and (match.kind, match.item) not in self._shown:
            self._shown.add((match.kind, match.item))
            own.append(Pair(match=match, prompt=prompt))
