"""Ten steps on a CPU are the ten steps they were when this file was written.

A change that moves them must say why; then write them anew: `python -m tests.test_golden`.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest

from sophia.rollout.sync import SyncSettings
from sophia.training.update import UpdateConfig
from tests.short_run import Run

GOLDEN = Path(__file__).parent / "golden" / "ten_steps.json"
NAMES = ("reward", "loss", "kl", "entropy", "grad_norm", "completions/mean_length")

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*does not have many workers",
    "ignore:.*module\\(s\\) in eval mode",
    "ignore:.*treespec, LeafSpec",
)


def trajectory(folder: Path) -> list[dict[str, float]]:
    """Off-policy, so that ratio and clip take part."""
    update = UpdateConfig(micro_batch_tokens=120, optimizer_steps_per_rollout=2)
    run = Run(folder, num_steps=10, update=update, sync=SyncSettings()).fit()
    return [{name: round(row[name], 6) for name in NAMES} for row in run.logger.rows]


def test_ten_steps(tiny_folder: Path) -> None:
    expected = json.loads(GOLDEN.read_text())
    for got, golden in zip(trajectory(tiny_folder), expected, strict=True):
        assert got == pytest.approx(golden, rel=2e-3, abs=2e-4)


def main() -> None:
    from tests.tiny import TINY, corpus

    with tempfile.TemporaryDirectory() as folder:
        TINY.save(Path(folder), corpus=corpus())
        GOLDEN.parent.mkdir(exist_ok=True)
        rows = ",\n ".join(json.dumps(row) for row in trajectory(Path(folder)))
        GOLDEN.write_text(f"[{rows}]\n")


if __name__ == "__main__":
    main()
