"""The benchmarks that a call names: their files found and read, their questions set."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from sophia.benchmarks.asked import BenchmarkPrompts
from sophia.benchmarks.benchmark import Benchmark
from sophia.benchmarks.grader import BenchmarkGrader
from sophia.benchmarks.item import Items
from sophia.benchmarks.places import some_places
from sophia.callbacks.benchmarks import BenchmarkTrial
from sophia.cli.running.build import build, build_each
from sophia.cli.running.data import prompt_fitter
from sophia.data.encode import PromptEncoder
from sophia.data.template import PromptTemplate
from sophia.evaluation.evaluator import Evaluator
from sophia.protocols import RolloutEngine

_CACHE = Path("~/.cache/sophia/benchmarks")
_ROOT = "LMUData"
_OF_EVALUATION = ("max_new_tokens", "num_samples", "temperature", "sampling_seed")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One benchmark of this call: its name, what it is, its rows and which of them are asked."""

    name: str
    benchmark: Benchmark
    items: Items
    places: Sequence[int]

    @cached_property
    def contents(self) -> str:
        """A hash of all rows, and of the paths and sizes of their images."""
        digest = hashlib.sha256()
        for place in range(len(self.items)):
            item = self.items[place]
            files = [m.source for m in item.images if isinstance(m.source, Path)]
            sizes = [(str(file), file.stat().st_size) for file in files]
            digest.update(f"{replace(item, images=())!r} {sizes}".encode())
        return digest.hexdigest()


def benchmark_root(cfg: DictConfig) -> Path:
    """The folder with the files of benchmarks: as typed, else VLMEvalKit's own."""
    return Path(cfg.benchmark_root or os.environ.get(_ROOT) or f"~/{_ROOT}").expanduser()


def open_benchmarks(cfg: DictConfig, *, limit: int | None) -> list[Asked]:
    """The benchmarks of a call with their rows; about ``limit`` rows of each, None for all.

    Raises:
        ValueError: what is wrong with each file that cannot be used, all of them in one message.
    """
    root, cache = benchmark_root(cfg), _CACHE.expanduser()
    found, wrong = [], []
    for name, benchmark in build_each(cfg, "benchmarks", {}).items():
        try:
            items = benchmark.read(root, cache=cache)
        except ValueError as error:
            wrong.append(str(error))
            continue
        places = some_places(items, limit)
        found.append(Asked(name=name, benchmark=benchmark, items=items, places=places))
    if wrong:
        raise ValueError("\n".join(wrong))
    return found


def benchmark_template(cfg: DictConfig) -> PromptTemplate:
    """What stands around a benchmark's question: the template's system turn, or all of it."""
    template: PromptTemplate = build(cfg, "template")
    return template if cfg.benchmark_template == "whole" else template.system_alone()


def benchmark_evaluator(
    cfg: DictConfig, grader: BenchmarkGrader, *, engine: RolloutEngine, encoder: PromptEncoder
) -> Evaluator:
    """What asks a benchmark's questions as ``evaluation`` says."""
    settings = OmegaConf.to_container(cfg.evaluation, resolve=True)
    assert isinstance(settings, dict)
    own = {str(key): settings[key] for key in _OF_EVALUATION if key in settings}
    return Evaluator(engine=engine, encoder=encoder, grader=grader, **own)


def benchmark_trials(
    cfg: DictConfig, *, engine: RolloutEngine, encoder: PromptEncoder
) -> list[BenchmarkTrial]:
    """The benchmarks that a run asks while it trains, by their rules alone."""
    if not cfg.benchmarks:
        return []
    template, fitter = benchmark_template(cfg), prompt_fitter(cfg, encoder)
    trials = []
    for asked in open_benchmarks(cfg, limit=cfg.benchmark_limit):
        grader = BenchmarkGrader(asked.benchmark, chat=None)
        evaluator = benchmark_evaluator(cfg, grader, engine=engine, encoder=encoder)
        prompts = BenchmarkPrompts(
            name=asked.name,
            benchmark=asked.benchmark,
            items=asked.items,
            template=template,
            fitter=fitter,
        )
        trials.append(
            BenchmarkTrial(prompts=prompts, places=asked.places, evaluator=evaluator, grader=grader)
        )
    return trials
