"""Which questions of a benchmark are worded like a given one, by an inverted index."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sophia.benchmarks.overlap.words import Words, runs, similarity

_MOST = 50
"""So many questions are reported as alike to one, the most similar ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """How much a question of the benchmark is worded like the one that was asked about."""

    similarity: float
    num_words: int
    """The words of the benchmark's wording."""


class TextIndex:
    """The wordings of a benchmark's questions, findable by the runs of words in them."""

    def __init__(
        self, questions: Iterable[Sequence[Words]], *, run_words: int, min_similarity: float
    ) -> None:
        """Index the wordings of each question, in the order of the benchmark."""
        self._run_words = run_words
        self._min_similarity = min_similarity
        self._runs: list[frozenset[str]] = []
        self._num_words: list[int] = []
        owners: list[int] = []
        postings: dict[str, list[int]] = defaultdict(list)
        for item, wordings in enumerate(questions):
            for wording in wordings:
                own = runs(wording, length=run_words)
                for run in own:
                    postings[run].append(len(owners))
                owners.append(item)
                self._runs.append(own)
                self._num_words.append(len(wording))
        self._postings = {run: np.array(at, dtype=np.int32) for run, at in postings.items()}
        self._owners = np.array(owners, dtype=np.int64)
        self._sizes = np.array([len(own) for own in self._runs], dtype=np.int64)

    def alike(self, wordings: Sequence[Words]) -> dict[int, Alike]:
        """The questions that are similar enough, by their place in the benchmark."""
        found: dict[int, Alike] = {}
        for wording in wordings:
            for place, value in self._similar(runs(wording, length=self._run_words)):
                item = int(self._owners[place])
                if item not in found or value > found[item].similarity:
                    found[item] = Alike(similarity=value, num_words=self._num_words[place])
        return found

    def similarity(self, wordings: Sequence[Words], item: int) -> float:
        """How similar a question is to a certain one of the benchmark; 0 without any text."""
        mine = [runs(wording, length=self._run_words) for wording in wordings]
        begin, end = np.searchsorted(self._owners, [item, item + 1])
        pairs = ((one, other) for one in mine for other in self._runs[begin:end])
        return max((similarity(one, other) for one, other in pairs), default=0.0)

    def _similar(self, mine: frozenset[str]) -> list[tuple[int, float]]:
        """Places of wordings with their similarity, the most similar first."""
        shared = [found for run in mine if (found := self._postings.get(run)) is not None]
        if not shared:
            return []
        counts = np.bincount(np.concatenate(shared), minlength=len(self._sizes))
        values: NDArray[np.float64] = counts / (len(mine) + self._sizes - counts)
        places = np.flatnonzero(values >= self._min_similarity)
        nearest = places[np.argsort(-values[places], kind="stable")[:_MOST]]
        return [(int(place), float(values[place])) for place in nearest]
