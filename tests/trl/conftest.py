"""These tests exist where TRL is installed: `make test-trl`."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

if importlib.util.find_spec("trl") is None:
    collect_ignore_glob = ["test_*.py"]

# Remarks of TRL and of what it imports; none is about this project's code.
REMARKS = ("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.trl)
            for remark in REMARKS:
                item.add_marker(pytest.mark.filterwarnings(remark))
