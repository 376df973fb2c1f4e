"""The number that a run comes down to, for sweeps and for sweepers that search."""

from __future__ import annotations

import json
from pathlib import Path


def final_accuracy(run_dir: Path) -> float | None:
    """Held-out accuracy of the trained policy; None when the run has not finished."""
    record = run_dir / "run.json"
    if not record.is_file():
        return None
    accuracy: float | None = json.loads(record.read_text())["accuracy_after"]
    return accuracy
