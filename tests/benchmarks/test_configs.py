"""Every shipped benchmark is composed, checked and built as evaluate.py does it."""

from __future__ import annotations

import pytest

from sophia.benchmarks.benchmark import Benchmark
from sophia.benchmarks.summary import summarise
from sophia.cli.commands import CONFIGS
from sophia.cli.running.build import build
from sophia.cli.validation.settings import EvaluateSettings
from sophia.cli.validation.validate import validate
from tests.composing import composed

NAMES = sorted(path.stem for path in (CONFIGS / "benchmark").glob("*.yaml"))


def benchmark(name: str) -> Benchmark:
    more = ["benchmarks.own.sources.0.file=mine"] if name == "own" else []
    cfg = composed("ckpt=here", f"benchmark=[{name}]", *more, config="evaluate")
    validate(cfg, EvaluateSettings)
    built: Benchmark = build(cfg, f"benchmarks.{name}")
    return built


@pytest.mark.parametrize("name", NAMES)
def test_it_can_be_built_and_is_of_its_kind(name: str) -> None:
    own = benchmark(name)
    assert own.title
    assert own.sources
    assert summarise(own, []) == {}
    assert own.needs_judge <= (own.asked is not None), "nobody could be asked"
