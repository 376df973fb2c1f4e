"""The picture of a run's curves, without the panels that have nothing to show."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from PIL import Image

from sophia.evaluation.curves import draw_curves

THINKING = ("thinking/correct_mean", "trust/gamma")
OUTCOME = ("reward", "accuracy", "kl")


@pytest.mark.parametrize(
    ("names", "panels_high"), [((*OUTCOME, *THINKING), 2), (OUTCOME, 1), ((), 1)]
)
def test_panels_without_values_are_left_out(
    names: tuple[str, ...], panels_high: int, tmp_path: Path
) -> None:
    rows = [{"rl_step": str(i), **dict.fromkeys(names, "0.5")} for i in range(3)]
    before = plt.get_fignums()
    draw_curves(rows, tmp_path / "curves.png", title="mine")
    with Image.open(tmp_path / "curves.png") as image:
        assert image.size == (1430, int(panels_high * 3.1 * 110))
    assert plt.get_fignums() == before
