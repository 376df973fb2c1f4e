"""Histograms of a run, read back from TensorBoard's files."""

from __future__ import annotations

from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from sophia.callbacks.histograms import HistogramsCallback
from sophia.run.loggers import TensorBoard
from tests.short_run import LIGHTNINGS_REMARKS, Run

pytestmark = LIGHTNINGS_REMARKS


def test_a_run_leaves_histograms_of_every_other_step(tiny_folder: Path, tmp_path: Path) -> None:
    board = TensorBoard(run_dir=tmp_path, start_step=0)
    run = Run(tiny_folder, num_steps=3, callbacks=[HistogramsCallback(every_n_steps=2)])
    run.fit(logger=[run.logger, board])
    events = EventAccumulator(str(tmp_path), {"histograms": 0}).Reload()
    names = ["distribution/advantage", "distribution/length", "distribution/reward"]
    assert sorted(events.Tags()["histograms"]) == names
    for name in names:
        shown = events.Histograms(name)
        assert [event.step for event in shown] == [0, 2]
        assert [event.histogram_value.num for event in shown] == [16.0, 16.0]  # 4 groups of 4
    for place, row in ((0, 0), (1, 2)):  # the mean of the histogram is the metric of that step
        reward, length, advantage = (
            events.Histograms(f"distribution/{name}")[place].histogram_value
            for name in ("reward", "length", "advantage")
        )
        assert reward.sum / 16 == pytest.approx(run.logger.rows[row]["reward"], abs=1e-6)
        mean_length = run.logger.rows[row]["completions/mean_length"]
        assert length.sum / 16 == pytest.approx(mean_length, abs=1e-6)
        assert advantage.sum == pytest.approx(0.0, abs=1e-4)
