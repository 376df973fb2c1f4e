"""Intervals of sums of means, by drawing units with replacement; memory does not grow with rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sophia.benchmarks.figures.figure import Mean, Sum
from sophia.evaluation.bootstrap import Estimate

_REPLICATES = 2000
_AT_A_TIME = 100
_SEED = 0

Array = NDArray[np.float64]


def estimates(sums: Mapping[str, Sum]) -> dict[str, Estimate]:
    """Every number with its 95 % percentile interval, all from the same draws.

    A number that holds two policies, one subtracted, is therefore a paired difference. A replicate
    in which a mean has nothing to average is left out.
    """
    means = [mean for own in sums.values() for mean in own.means]
    if not means:
        return {}
    replicates = _replicates(means)
    found, start = {}, 0
    for name, own in sums.items():
        stop = start + len(own.means)
        found[name] = _estimate(own.value, replicates[:, start:stop].sum(axis=1))
        start = stop
    return found


def _replicates(means: list[Mean]) -> Array:
    """(replicates, means) scaled means of resampled units; NaN where nothing was drawn."""
    place = {unit: i for i, unit in enumerate(sorted({u for mean in means for u in mean.units}))}
    values, counts = (np.zeros((len(place), len(means))) for _ in range(2))
    for column, mean in enumerate(means):
        for unit, (value, count) in mean.units.items():
            values[place[unit], column], counts[place[unit], column] = mean.scale * value, count
    generator = np.random.default_rng(_SEED)
    share = np.full(len(place), 1.0 / len(place))
    pieces = []
    for _ in range(_REPLICATES // _AT_A_TIME):
        drawn = generator.multinomial(len(place), share, size=_AT_A_TIME).astype(np.float64)
        total, number = drawn @ values, drawn @ counts
        pieces.append(np.divide(total, number, out=np.full_like(total, np.nan), where=number > 0))
    return np.concatenate(pieces)


def _estimate(value: float, replicates: Array) -> Estimate:
    known = replicates[~np.isnan(replicates)]
    low, high = np.percentile(known, [2.5, 97.5]) if len(known) else (np.nan, np.nan)
    return Estimate(value=value, low=float(low), high=float(high))
