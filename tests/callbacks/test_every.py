"""How often a callback acts."""

from __future__ import annotations

import pytest

from sophia.callbacks.every import Every


def test_one_step_in_three() -> None:
    assert [step for step in range(8) if Every(n_steps=3).due(step)] == [0, 3, 6]


def test_never_is_no_period() -> None:
    with pytest.raises(ValueError, match=r"every_n_steps is 0; it must be at least 1\."):
        Every(n_steps=0)
