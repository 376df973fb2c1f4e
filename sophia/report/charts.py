"""Curves as vector paths: a page draws them without a library and without a network."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import fmean

WIDTH, HEIGHT = 360, 190
LEFT, RIGHT, TOP, BOTTOM = 44, 16, 8, 22
_WINDOW = 15
_MAX_POINTS = 400
NUM_COLORS = 7
"""How many colours the style sheet has, ``--c0`` and so on."""
DASHES = ("", "7 3", "2 3", "9 3 2 3")
"""Patterns of lines by which series of the same colour differ."""
MAX_LINES = NUM_COLORS * len(DASHES)
"""How many series a chart can tell apart."""

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One series of a chart: a faint path, a clear one on top of it, and its points.

    ``raw`` is the SVG path through every point, "" when it would equal ``smooth``, the path of the
    running mean; in a stacked chart ``smooth`` is the outline of a band. ``color`` and ``dash``
    number the colours and the patterns of the page from 0.
    """

    label: str
    color: int
    dash: int
    raw: str
    smooth: str
    points: Points


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A number on an axis, as text, and where it stands in the view box."""

    label: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What a page draws; places are in a view box ``WIDTH`` wide and ``HEIGHT`` high.

    ``x_range`` is in the unit of the x axis; ``stacked`` says that lines are bands.
    """

    title: str
    note: str
    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    x_range: tuple[float, float]
    stacked: bool = False


def line_chart(title: str, series: Mapping[str, Points], *, note: str = "") -> Chart | None:
    """A chart with a curve for each series, by label; None when no series has a point.

    One that covers an earlier one is dashed, so that both are seen. Of more series than
    ``MAX_LINES`` the first ones are drawn, and the note says so.
    """
    known = {label: thinned(points) for label, points in series.items() if points}
    known = {label: points for label, points in known.items() if points}
    if not known:
        return None
    if len(known) > MAX_LINES:
        note = f"{note}; the first {MAX_LINES} of {len(known)}".removeprefix("; ")
        known = dict(islice(known.items(), MAX_LINES))
    axes = _Axes([point for points in known.values() for point in points])
    drawn = list(known.values())
    lines = tuple(
        Line(
            label=label,
            color=place % NUM_COLORS,
            dash=place // NUM_COLORS or int(len(known) <= NUM_COLORS and points in drawn[:place]),
            raw=axes.path(points) if len(points) > _WINDOW else "",
            smooth=axes.path(_running_mean(points)),
            points=points,
        )
        for place, (label, points) in enumerate(known.items())
    )
    return _chart(title, note, lines, axes, stacked=False)


def share_chart(
    title: str, series: Mapping[str, Points], *, colors: Sequence[int], note: str = ""
) -> Chart | None:
    """A chart of shares that add up to one, as bands on top of each other.

    ``colors`` has a number for each series, in order. None when the series have no points, or not
    at the same steps.
    """
    known = {label: _running_mean(thinned(points)) for label, points in series.items() if points}
    if not known:
        return None
    steps = [x for x, _ in next(iter(known.values()))]
    if any([x for x, _ in points] != steps for points in known.values()):
        return None
    axes = _Axes([(x, y) for x in steps for y in (0.0, 1.0)])
    below = [0.0] * len(steps)
    lines = []
    for color, (label, points) in zip(colors, known.items(), strict=False):
        above = [low + y for low, (_, y) in zip(below, points, strict=True)]
        edge = list(zip(steps, above, strict=True))
        floor = list(zip(steps, below, strict=True))[::-1]
        band = axes.path([*edge, *floor]) + "Z"
        lines.append(Line(label=label, color=color, dash=0, raw="", smooth=band, points=points))
        below = above
    return _chart(title, note, tuple(lines), axes, stacked=True)


def _chart(title: str, note: str, lines: tuple[Line, ...], axes: _Axes, *, stacked: bool) -> Chart:
    return Chart(
        title=title,
        note=note,
        lines=lines,
        x_ticks=tuple(Tick(label=_number(x), at=axes.x(x)) for x in _ticks(*axes.x_range, 5)),
        y_ticks=tuple(Tick(label=_number(y), at=axes.y(y)) for y in _ticks(*axes.y_range, 4)),
        x_range=axes.x_range,
        stacked=stacked,
    )


class _Axes:
    """Turns numbers into places in the view box; the axes span the given points."""

    def __init__(self, points: Sequence[tuple[float, float]]) -> None:
        self.x_range = _span(x for x, _ in points)
        self.y_range = _span(y for _, y in points)

    def x(self, value: float) -> float:
        low, high = self.x_range
        return round(LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        low, high = self.y_range
        share = (value - low) / (high - low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    def path(self, points: Points) -> str:
        """The SVG path through the points."""
        return "M" + "L".join(f"{self.x(x)} {self.y(y)}" for x, y in points)


def _span(values: Iterable[float]) -> tuple[float, float]:
    found = list(values)
    low, high = min(found), max(found)
    if low == high:
        return (low - 0.5, high + 0.5) if low else (0.0, 1.0)
    return low, high


def _ticks(low: float, high: float, count: int) -> list[float]:
    """About ``count`` round numbers inside the range, evenly spaced."""
    rough = (high - low) / count
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(s * size for s in (1, 2, 5, 10) if s * size >= rough)
    first = math.ceil(low / step - 1e-9)
    return [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _number(value: float) -> str:
    return f"{value:.6g}" if abs(value) >= 1e-3 or value == 0 else f"{value:.0e}"


def thinned(points: Points) -> list[tuple[float, float]]:
    """The points with a finite value, evenly thinned to at most 400."""
    finite = [(x, y) for x, y in points if math.isfinite(y)]
    stride = -(-len(finite) // _MAX_POINTS)
    return finite[::stride] if stride > 1 else finite


def _running_mean(points: Points) -> list[tuple[float, float]]:
    """Each point's mean over the 15 points around it; shorter series stay as they are."""
    if len(points) <= _WINDOW:
        return list(points)
    half = _WINDOW // 2
    return [
        (x, fmean(y for _, y in points[max(i - half, 0) : i + half + 1]))
        for i, (x, _) in enumerate(points)
    ]
