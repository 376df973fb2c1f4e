"""The picture of what overlaps."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from sophia.callbacks.timeline import TimelineCallback, draw_timeline
from sophia.timing import Span, Timeline
from tests.short_run import LIGHTNINGS_REMARKS, Run

pytestmark = LIGHTNINGS_REMARKS


def span(lane: str, phase: str, start: float, stop: float) -> Span:
    return Span(lane=lane, phase=phase, start=start, stop=stop)


def test_a_run_leaves_a_picture_with_every_lane_that_worked(
    tiny_folder: Path, tmp_path: Path
) -> None:
    callback = TimelineCallback(run_dir=tmp_path, num_steps=2)
    Run(tiny_folder, num_steps=2, callbacks=[callback]).fit()
    with Image.open(tmp_path / "timeline.png") as image:
        assert image.width > 600
    steps = dict(callback._latest)
    assert list(steps) == [0, 1]
    for spans in steps.values():
        assert {s.lane for s in spans} >= {"loader", "trainer", "rules"}
        assert {"rollout", "reference", "update"} <= {s.phase for s in spans}
        rollout = next(s for s in spans if s.phase == "rollout")
        rules = [s for s in spans if s.phase == "rules"]
        assert len(rules) == 4  # one per group
        assert all(s.start >= rollout.start for s in rules)


def test_too_few_steps_leave_none(tiny_folder: Path, tmp_path: Path) -> None:
    Run(tiny_folder, num_steps=2, callbacks=[TimelineCallback(run_dir=tmp_path)]).fit()
    assert not (tmp_path / "timeline.png").exists()


def test_bars_lie_where_the_work_was() -> None:
    figure = draw_timeline(
        {7: [span("trainer", "rollout", 100.0, 101.5), span("judge", "judge", 101.0, 102.0)]}
    )
    axes = figure.axes[0]
    boxes = [bars.get_paths()[0].get_extents() for bars in axes.collections]
    assert [(box.x0, box.x1) for box in boxes] == [(0.0, 1.5), (1.0, 2.0)]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["trainer", "judge"]
    assert "step 7" in [text.get_text() for text in axes.texts]


def test_phases_add_up_and_are_kept_apart() -> None:
    timeline = Timeline()
    for _ in range(2):
        with timeline.phase("update"):
            pass
    assert list(timeline.seconds) == ["update"]
    assert len(timeline.spans) == 2
    assert timeline.seconds["update"] == pytest.approx(
        sum(s.stop - s.start for s in timeline.spans), abs=1e-3
    )


def test_periods_are_checked(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="every_n_steps is 0"):
        TimelineCallback(run_dir=tmp_path, every_n_steps=0)
