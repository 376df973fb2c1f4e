"""metrics.csv grows, gains columns, and survives a kill in the middle of a row."""

from __future__ import annotations

from pathlib import Path

from sophia.loggers import CSVMetrics, read_metrics


def test_new_columns_appear_later(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    logger = CSVMetrics(path)
    logger.log_metrics({"reward": 0.5}, step=0)
    logger.log_metrics({"reward": 0.6, "kl": 0.1}, step=1)
    assert read_metrics(path) == [
        {"rl_step": "0", "reward": "0.5"},
        {"rl_step": "1", "reward": "0.6", "kl": "0.1"},
    ]


def test_a_resumed_run_replaces_rows_from_its_step_on(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    killed = CSVMetrics(path)
    for step in range(4):
        killed.log_metrics({"reward": float(step), "kl": 1.0}, step=step)
    with path.open("a") as file:
        file.write("4,4.0")  # killed in the middle of a row
    resumed = CSVMetrics(path)
    resumed.log_metrics({"reward": 20.0, "kl": 1.0}, step=2)
    assert [row["reward"] for row in read_metrics(path)] == ["0.0", "1.0", "20.0"]


def test_a_torn_row_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    CSVMetrics(path).log_metrics({"reward": 1.0, "kl": 1.0}, step=0)
    with path.open("a") as file:
        file.write("1,2.0")
    assert [row["rl_step"] for row in read_metrics(path)] == ["0"]
