"""The table over all runs of a sweep, by hand."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from rich.console import Console

from sophia.report.sweep import load_runs, mean_over, settings, sweep_table, write_sweep
from tests.browser import opened


def make_run(folder: Path, accuracy: float, *overrides: str, thinking: float | None = 0.5) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("name: quickstart\n")
    after: dict[str, dict[str, float | None]] = {"accuracy": {"value": accuracy}}
    if thinking is not None:
        after |= {"thinking": {"value": thinking}, "right_wrong_thinking": {"value": None}}
    record = {
        "overrides": [*overrides, f"run_dir={folder}"], "accuracy_before": 0.5,
        "evaluation": {"after": after},
        "wall_time_s": {"total": 90.0},
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(record))
    (folder / "metrics.csv").write_text("rl_step,accuracy,kl\n0,0.5,0.0\n1,0.75,0.1\n")
    return folder


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    return [
        make_run(tmp_path / "a0", 0.6, "annealing=constant", "seed=0", "num_steps=4"),
        make_run(tmp_path / "a1", 0.8, "annealing=constant", "seed=1", "num_steps=4"),
        make_run(tmp_path / "b0", 0.9, "annealing=linear", "seed=0", "num_steps=4"),
    ]


def test_seeds_are_averaged_and_the_rest_is_compared(folders: list[Path]) -> None:
    best, other = settings(load_runs(folders))
    assert best.values == {"annealing": "linear"}
    assert best.means["accuracy"].value == 0.9
    assert best.means["accuracy"].half_width is None  # one run has no interval
    assert other.means["accuracy"].value == pytest.approx(0.7)
    # t(1 degree) 12.71 x std 0.1414 / sqrt(2) = 1.27, which says nothing of a share
    assert other.means["accuracy"].half_width is None
    assert other.means["accuracy"].runs == (0.6, 0.8)


def test_three_runs_have_an_interval_unless_it_is_wider_than_is_possible() -> None:
    # t(2 degrees) 4.303 x std 0.02 / sqrt(3) = 0.0497
    assert mean_over([0.72, 0.68, 0.7]).half_width == pytest.approx(0.0497, abs=1e-4)
    # 4.303 x std 0.3 / sqrt(3) = 0.745 around 0.5
    assert mean_over([0.2, 0.5, 0.8]).half_width is None
    assert mean_over([0.2, 0.8, 0.5]).runs == (0.2, 0.5, 0.8)


def test_a_missing_figure_is_no_zero() -> None:
    assert mean_over([None, None]).value is None
    assert mean_over([None, 0.5]).value == 0.5


def test_a_sweep_over_seeds_alone_is_one_setting(folders: list[Path]) -> None:
    (setting,) = settings(load_runs(folders[:2]))
    assert setting.values == {}
    assert len(setting.runs) == 2


def test_table_file_and_page(folders: list[Path], tmp_path: Path) -> None:
    runs = load_runs([*folders, tmp_path / "died"])
    write_sweep(tmp_path, runs, failed=[tmp_path / "died"])
    console = Console(record=True, width=120)
    console.print(sweep_table(settings(runs), title="3 runs"))
    text = console.export_text()
    assert "70.0 (60.0, 80.0)" in text
    assert "±" not in text.partition("└")[0]
    with (tmp_path / "sweep.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["annealing"], r["seed"], r["accuracy"]) for r in rows][2] == ("linear", "0", "0.9")
    page = (tmp_path / "sweep.html").read_text()
    assert 'href="b0/report.html"' in page
    assert "annealing=constant" in page  # a curve's label
    assert "not finished, see output.log" in page
    assert "<title>Sweep of quickstart: annealing</title>" in page
    assert "<h1>Sweep of quickstart: annealing</h1>" in page


def test_a_swept_list_is_shown_as_it_was_typed(tmp_path: Path) -> None:
    typed = ["reward_terms=[]", "reward_terms=[overlong]", "reward_terms=[overlong,reflection]"]
    runs = load_runs([make_run(tmp_path / str(i), 0.5, term) for i, term in enumerate(typed)])
    console = Console(record=True, width=120)
    console.print(sweep_table(settings(runs), title="3 runs"))
    text = console.export_text()
    assert all(f" {term.partition('=')[2]} " in text for term in typed)


def test_without_a_judge_nothing_is_said_about_thinking(tmp_path: Path) -> None:
    runs = load_runs([make_run(tmp_path / "a", 0.6, thinking=None)])
    write_sweep(tmp_path, runs, failed=[])
    console = Console(record=True, width=120)
    console.print(sweep_table(settings(runs), title="1 run"))
    assert "thinking" not in console.export_text()
    assert "thinking" not in (tmp_path / "sweep.csv").read_text()
    assert "hinking" not in re.sub("<style>.*</style>", "", (tmp_path / "sweep.html").read_text())


def test_a_narrow_screen_scrolls_the_tables_and_not_the_page(
    folders: list[Path], tmp_path: Path
) -> None:
    write_sweep(tmp_path, load_runs(folders), failed=[])
    with opened(tmp_path / "sweep.html", width=420) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 420
