"""Charts by hand."""

from __future__ import annotations

import pytest

from sophia.report.charts import HEIGHT, WIDTH, line_chart, share_chart, thinned


def test_a_line_spans_its_axes() -> None:
    chart = line_chart("kl", {"kl": [(0.0, 1.0), (10.0, 3.0)]})
    assert chart is not None
    # the left lower corner to the right upper one, inside the margins 44, 22, 16 and 8
    assert chart.lines[0].smooth == f"M44.0 {HEIGHT - 22:.1f}L{WIDTH - 16:.1f} 8.0"
    assert [tick.label for tick in chart.x_ticks] == ["0", "2", "4", "6", "8", "10"]
    assert [tick.label for tick in chart.y_ticks] == ["1", "1.5", "2", "2.5", "3"]


def test_a_long_series_is_smoothed_over_fifteen_steps() -> None:
    chart = line_chart("x", {"x": [(float(i), float(i % 2)) for i in range(31)]})
    assert chart is not None
    assert chart.lines[0].raw != ""
    middle = chart.lines[0].smooth.split("L")[15].split()[1]
    # step 15 and seven on either side, 8 to 22: seven of fifteen are odd
    assert float(middle) == pytest.approx(HEIGHT - 22 - 7 / 15 * (HEIGHT - 30), abs=0.1)


def test_a_constant_and_a_single_point_have_a_range() -> None:
    assert line_chart("x", {"x": [(0.0, 2.0), (1.0, 2.0)]}) is not None
    assert line_chart("x", {"x": [(0.0, 2.0)]}) is not None


def test_nothing_to_draw_is_no_chart() -> None:
    assert line_chart("x", {"x": []}) is None
    assert line_chart("x", {"x": [(0.0, float("nan"))]}) is None
    assert share_chart("x", {"a": [], "b": []}, colors=(0, 1)) is None


def test_shares_lie_on_top_of_each_other() -> None:
    chart = share_chart(
        "mix", {"a": [(0.0, 0.25), (1.0, 0.25)], "b": [(0.0, 0.75), (1.0, 0.75)]}, colors=(2, 4)
    )
    assert chart is not None
    assert chart.stacked
    assert [line.color for line in chart.lines] == [2, 4]
    top = chart.lines[1].smooth
    assert top.startswith("M44.0 8.0L")  # the second band reaches 1
    assert top.endswith("Z")


def test_long_series_are_thinned() -> None:
    assert len(thinned([(float(i), 0.0) for i in range(5000)])) <= 400
