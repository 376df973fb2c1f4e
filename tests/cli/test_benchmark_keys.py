"""A key of an evaluation that would change nothing is refused by name."""

from __future__ import annotations

import pytest

from sophia.cli.validation.inert import refuse_inert
from tests.composing import composed


@pytest.mark.parametrize("key", ["blind=true", "limit=5", "benchmark_judge=http", "processes=2"])
def test_a_key_of_benchmarks_needs_one(key: str) -> None:
    cfg = composed("ckpt=here", config="evaluate")
    with pytest.raises(ValueError, match=rf"{key.split('=')[0]} is about benchmarks"):
        refuse_inert(cfg, [key])


@pytest.mark.parametrize("key", ["data=example", "data.heldout.num_prompts=3", "judge=http"])
def test_a_key_of_the_run_has_no_effect_on_benchmarks(key: str) -> None:
    cfg = composed("ckpt=here", "benchmark=[digits]", config="evaluate")
    with pytest.raises(ValueError, match="has no effect on benchmarks"):
        refuse_inert(cfg, [key])
    refuse_inert(cfg, ["data=of_run", "judge=of_run", "evaluation.num_samples=4", "blind=true"])
