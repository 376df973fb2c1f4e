"""metrics.csv grows, gains columns, and survives a kill in the middle of a row."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from sophia.run.loggers import CSVMetrics, HistogramLogger, TensorBoard
from sophia.run.metrics_file import read_metrics
from sophia.run.wandb_logger import WandB, completion_table
from sophia.types import Media, Message
from tests.builders import prompt, scored_group


def test_new_columns_appear_later(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    logger = CSVMetrics(path)
    logger.log_metrics({"reward": 0.5}, step=0)
    logger.log_metrics({"reward": 0.6, "kl": 0.1}, step=1)
    assert read_metrics(path) == [
        {"rl_step": "0", "reward": "0.5"},
        {"rl_step": "1", "reward": "0.6", "kl": "0.1"},
    ]


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    logger = CSVMetrics(tmp_path / "metrics.csv")
    metrics = {f"metric/{index}": 1.0 / (index + 3) for index in range(60)}
    logger.log_metrics(metrics, step=0)
    tracemalloc.start()
    for step in range(1, 200):
        logger.log_metrics(metrics, step=step)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 2**16  # 200 rows as text are 240 kB, as dictionaries of strings over 1 MB
    assert len(read_metrics(tmp_path / "metrics.csv")) == 200


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


def test_final_figures_stand_beside_the_settings_and_hide_nothing(tmp_path: Path) -> None:
    board = TensorBoard(run_dir=tmp_path, start_step=0)
    for step in range(3):
        board.log_metrics({"reward": float(step)}, step=step)
    board.finalize("success")
    board.log_results({"seed": 3, "reward.trust": True}, {"final/accuracy": 0.5})
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert [event.value for event in events.Scalars("reward")] == [0.0, 1.0, 2.0]
    assert [event.value for event in events.Scalars("final/accuracy")] == [0.5]
    start = events.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    content = HParamsPluginData.FromString(start)
    assert content.session_start_info.hparams["seed"].number_value == 3
    assert content.session_start_info.hparams["reward.trust"].number_value == 1


def test_tensorboard_calls_a_run_by_its_folder(tmp_path: Path) -> None:
    for name in ("quickstart/a", "quickstart/b"):
        board = TensorBoard(run_dir=tmp_path / name, start_step=0)
        board.log_metrics({"reward": 1.0}, step=0)
        board.save()
        board.finalize("success")
    runs = EventMultiplexer().AddRunsFromDirectory(str(tmp_path))
    assert sorted(runs.Reload().Runs()) == ["quickstart/a", "quickstart/b"]
    assert not list(tmp_path.rglob("hparams.yaml"))


def test_histograms_can_be_read_back(tmp_path: Path) -> None:
    board = TensorBoard(run_dir=tmp_path, start_step=0)
    assert isinstance(board, HistogramLogger)
    board.log_histograms({"distribution/reward": [0.0, 1.0, 1.0]}, rl_step=7)
    board.finalize("success")
    (event,) = EventAccumulator(str(tmp_path)).Reload().Histograms("distribution/reward")
    assert event.step == 7
    assert (event.histogram_value.num, event.histogram_value.sum) == (3.0, 2.0)
    assert (event.histogram_value.min, event.histogram_value.max) == (0.0, 1.0)


def test_completions_become_a_table() -> None:
    scan = Image.new("RGB", (2, 2))
    message = Message(role="user", content=(Media(source=scan), "2 + 2? Think."))
    asked = prompt(messages=(message,), problem="2 + 2?")
    group = scored_group([1.0, None])
    group = replace(group, rollout=replace(group.rollout, prompt=asked))
    table = completion_table([group])
    texts = [c.text for c in group.rollout.completions]
    assert table.columns[:5] == ("image", "question", "right answer", "completion", "reward")
    assert [row[:5] for row in table.rows] == [
        (scan, "2 + 2?", "4", texts[0], 1.0),
        (scan, "2 + 2?", "4", texts[1], None),
    ]
    assert {len(row) for row in table.rows} == {len(table.columns)}


def test_weights_and_biases_offline(tmp_path: Path) -> None:
    if find_spec("wandb") is None:
        pytest.skip("wandb is not installed; pip install -e '.[wandb]'")
    script = (
        "import sys; from pathlib import Path; from sophia.run.wandb_logger import WandB;"
        "from tests.builders import scored_group;"
        "w = WandB(run_dir=Path(sys.argv[1]), project='p', run_name=None, offline=True, notes='n');"
        "w.log_metrics({'reward': 1.0}, step=0);"
        "w.log_histograms({'distribution/reward': [0.0, 1.0]}, rl_step=0);"
        "w.log_completions([scored_group([1.0, 0.0])], rl_step=0);"
        "w.log_results({'seed': 3}, {'final/accuracy': 0.5});"
        "assert w.link is None"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    (written,) = tmp_path.glob("wandb/offline-run-*/run-*.wandb")
    for said in (b"final/accuracy", b"distribution/reward", b"completions", tmp_path.name.encode()):
        assert said in written.read_bytes()


@pytest.mark.skipif(find_spec("wandb") is not None, reason="wandb is installed")
def test_weights_and_biases_is_named_when_it_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"needs the package wandb: pip install"):
        WandB(run_dir=tmp_path, project="p", run_name=None, offline=True)
