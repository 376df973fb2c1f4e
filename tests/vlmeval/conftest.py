"""These tests exist where VLMEvalKit is installed: `make test-vlmeval`."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

if importlib.util.find_spec("vlmeval") is None:
    collect_ignore_glob = ["test_*.py"]

# Remarks of VLMEvalKit and of what it imports; none is about this project's code.
REMARKS = (
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning",
    "ignore::SyntaxWarning", "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::pandas.errors.PerformanceWarning",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.vlmeval)
            for remark in REMARKS:
                item.add_marker(pytest.mark.filterwarnings(remark))


@pytest.fixture(autouse=True)
def plain_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As VLMEvalKit runs by default, and with its files in a folder of the test."""
    for name in ("VERBOSE", "EVAL_FORMAT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PRED_FORMAT", "tsv")
    monkeypatch.setenv("LMUData", str(tmp_path))
