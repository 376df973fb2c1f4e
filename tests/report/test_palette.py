"""The colours of charts are told apart, also by those who see fewer of them."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import sophia.report
from sophia.report.charts import DASHES, MAX_LINES, NUM_COLORS, line_chart

CSS = (Path(sophia.report.__path__[0]) / "templates" / "style.css").read_text()
LIGHT, DARK = (
    re.findall(r"--c\d: (#[0-9a-f]{6});", part)
    for part in CSS.split("@media (prefers-color-scheme: dark)", 1)
)
Array = NDArray[np.float64]

# Machado, Oliveira, Fernandes 2009, severity 1, of linear RGB.
VISION = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
         [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
         [-0.011820, 0.042940, 0.968881]]
    ),
}  # fmt: skip
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
     [0.0193339, 0.1191920, 0.9503041]]
)  # fmt: skip


def linear(color: str) -> Array:
    values = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(color: str, vision: Array) -> Array:
    """CIE L*a*b* of what is seen: a distance of 2 is just noticeable."""
    xyz = TO_XYZ @ np.clip(vision @ linear(color), 0, 1) / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_every_two_colours_are_far_apart(palette: list[str], vision: str) -> None:
    assert len(palette) == NUM_COLORS
    seen = [lab(color, VISION[vision]) for color in palette]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 18


def test_colours_stand_out_from_the_card() -> None:
    def luminance(color: str) -> float:
        return float(linear(color) @ TO_XYZ[1])

    for color in LIGHT:
        assert 1.05 / (luminance(color) + 0.05) >= 3  # on white; WCAG 2.1, 1.4.11
    for color in DARK:
        assert (luminance(color) + 0.05) / (luminance("#1d232d") + 0.05) >= 3


def test_a_series_that_covers_another_lets_it_be_seen() -> None:
    same, other = [(0.0, 1.0), (1.0, 2.0)], [(0.0, 1.0), (1.0, 3.0)]
    chart = line_chart("x", {"reward": same, "outcome": list(same), "format": other})
    assert chart is not None
    assert [line.dash for line in chart.lines] == [0, 1, 0]


def test_no_two_series_of_a_chart_look_the_same() -> None:
    series = {str(i): [(0.0, float(i)), (1.0, float(i))] for i in range(MAX_LINES + 3)}
    chart = line_chart("many", series)
    assert chart is not None
    assert len({(line.color, line.dash) for line in chart.lines}) == len(chart.lines) == MAX_LINES
    assert max(line.dash for line in chart.lines) == len(DASHES) - 1
    assert chart.note == f"the first {MAX_LINES} of {MAX_LINES + 3}"
