"""What stands in front of the progress bar."""

from __future__ import annotations

from pathlib import Path

import pytest

from sophia.callbacks.progress import StepProgressBar, fitted, in_units
from sophia.failures import RunStopped
from tests.poison import Poison
from tests.short_run import LIGHTNINGS_REMARKS, Run

PARTS = ("quickstart", "0.9M Qwen2.5-VL", "digits")


@pytest.mark.parametrize(
    ("width", "text"),
    [
        (40, "quickstart · 0.9M Qwen2.5-VL · digits"),
        (37, "quickstart · 0.9M Qwen2.5-VL · digits"),
        (36, "quickstart · 0.9M Qwen2.5-VL"),
        (20, "quickstart"),
        (6, "quick…"),
    ],
)
def test_what_does_not_fit_is_left_out(width: int, text: str) -> None:
    assert fitted(PARTS, width=width) == text


def test_sizes_are_said_in_their_unit() -> None:
    counts = (12, 932_000, 7_600_000_000, 99_000)
    assert [in_units(n) for n in counts] == ["12", "0.9M", "7.6B", "99.0k"]


@LIGHTNINGS_REMARKS
@pytest.mark.parametrize("columns", [120, 60])
def test_the_bar_says_what_is_trained(
    columns: int,
    tiny_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    bar = StepProgressBar(name="quickstart", data_name="digits")
    run = Run(tiny_folder, num_steps=2, callbacks=[bar]).fit(enable_progress_bar=True)
    size = in_units(sum(p.numel() for p in run.module.hf_model.parameters()))
    words = f"quickstart · {size} Qwen2.5-VL · digits"
    shown = capsys.readouterr().out
    assert (words in shown) == (columns == 120)
    assert f"quickstart · {size} Qwen2.5-VL" in shown
    assert "Epoch" not in shown.rsplit("quickstart", 1)[1]


@LIGHTNINGS_REMARKS
def test_the_bar_is_over_when_the_run_stops(tiny_folder: Path) -> None:
    bar = StepProgressBar()
    run = Run(tiny_folder, num_steps=4, callbacks=[bar, Poison(0, 1, 2)])
    with pytest.raises(RunStopped):
        run.fit(enable_progress_bar=True)
    assert bar.train_progress_bar.n == 3
    assert bar.train_progress_bar.disable  # as tqdm calls a bar whose line has ended
