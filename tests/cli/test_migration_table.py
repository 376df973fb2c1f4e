"""docs/algorithms.md has the current table of other programs' names."""

from __future__ import annotations

from sophia.cli.command_line.other_names import table
from tests.cli.migration_table import DOCUMENT, rendered

SHOWN = DOCUMENT.read_text(encoding="utf-8")


def test_document_is_up_to_date() -> None:
    assert rendered(SHOWN) == SHOWN, "run: python -m tests.cli.migration_table"


def test_every_name_and_value_is_shown() -> None:
    for entry in table():
        for name in entry.names:
            assert f"`{name}`" in SHOWN
        for value, typed in entry.values.items():
            assert f" `{value}` | `{typed}` |" in SHOWN


def test_the_rows_have_their_headings() -> None:
    assert "| **The advantage** |  |  |  |  |\n| `algorithm.estimator` |" in SHOWN
    assert "| **The run** |  |  |  |  |\n| `name` | `run_name` |" in SHOWN
