"""Intervals for shares and means, by resampling units that several items may share.

Shapes: I items, U units, R replicates.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_REPLICATES = 2000
_SEED = 0

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A value with the bounds of its 95 % percentile interval; all NaN if nothing was averaged."""

    value: float
    low: float
    high: float


class UnitBootstrap:
    """Draws the units with replacement; an item weighs the product of its units' counts.

    (The pigeonhole bootstrap, Owen 2007, doi:10.1214/07-AOAS122: conservative when an item depends
    on several units.) The same replicates serve every estimate, so differences are paired.

    Args:
        units: the units that each item depends on, such as the scans in an image.
    """

    def __init__(self, units: Sequence[tuple[Hashable, ...]]) -> None:
        known = {unit: i for i, unit in enumerate(sorted({u for us in units for u in us}, key=str))}
        generator = np.random.default_rng(_SEED)
        share = np.full(len(known), 1.0 / len(known))
        counts = generator.multinomial(len(known), share, size=_REPLICATES)  # (R, U)
        self._weights = np.ones((_REPLICATES, len(units)))  # (R, I)
        for item, own in enumerate(units):
            for unit in set(own):
                self._weights[:, item] *= counts[:, known[unit]]

    def mean(self, values: Array, among: Array | None = None) -> Estimate:
        """The mean of (I,) values over the items where (I,) ``among`` is 1; None means all."""
        return _estimate(*self._ratio(values, among))

    def difference(
        self, before: Array, after: Array, among: tuple[Array | None, Array | None] = (None, None)
    ) -> Estimate:
        """The mean of (I,) ``after`` less that of (I,) ``before``, on the same replicates.

        ``among`` holds for each of the two the items that count, as in ``mean``.
        """
        first, second = self._ratio(before, among[0]), self._ratio(after, among[1])
        return _estimate(second[0] - first[0], second[1] - first[1])

    def _ratio(self, values: Array, among: Array | None) -> tuple[float, Array]:
        """The weighted mean itself and its (R,) replicates; NaN where nothing is left."""
        chosen = np.ones_like(values) if among is None else among
        total = float(chosen.sum())
        value = float((values * chosen).sum() / total) if total else float("nan")
        weights = self._weights @ chosen
        sums = self._weights @ (values * chosen)
        replicates = np.divide(sums, weights, out=np.full_like(sums, np.nan), where=weights > 0)
        return value, replicates


def _estimate(value: float, replicates: Array) -> Estimate:
    known = replicates[~np.isnan(replicates)]
    low, high = np.percentile(known, [2.5, 97.5]) if len(known) else (np.nan, np.nan)
    return Estimate(value=value, low=float(low), high=float(high))
