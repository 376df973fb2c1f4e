"""A benchmark from its file to its records, its answers written down instead of generated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sophia.benchmarks.asked import BenchmarkPrompts
from sophia.benchmarks.benchmark import Benchmark
from sophia.benchmarks.grader import BenchmarkGrader
from sophia.benchmarks.summary import summarise
from sophia.cli.running.build import build
from sophia.data.lengths import PromptFitter, PromptLimits
from sophia.data.template import PromptTemplate
from sophia.evaluation.records import EvalRecord
from tests.composing import composed

if TYPE_CHECKING:
    from sophia.chat.model import ChatModel  # the client of servers, which few need


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A benchmark of its YAML file with the questions of a file."""

    benchmark: Benchmark
    prompts: BenchmarkPrompts

    @property
    def golds(self) -> list[str]:
        """The right answer to each question."""
        return [self.prompts[place].answer for place in range(len(self.prompts))]

    def records(
        self, answers: Sequence[str | Sequence[str]], *, chat: ChatModel | None = None
    ) -> list[EvalRecord]:
        """The records of a response to each question, or of several."""
        grading = BenchmarkGrader(self.benchmark, chat=chat).open()
        pending = [
            grading.graded(self.prompts[place], text, sample)
            for place, own in zip(range(len(self.prompts)), answers, strict=True)
            for sample, text in enumerate([own] if isinstance(own, str) else own)
        ]
        return [record() for record in pending]

    def figures(self, records: Sequence[EvalRecord]) -> dict[str, float]:
        """Every number that is reported of them."""
        return {name: own.value for name, own in summarise(self.benchmark, records).items()}


def whole(name: str, root: Path, *overrides: str) -> Whole:
    """`benchmark=[NAME]` with the files below ``root``."""
    cfg = composed("ckpt=here", f"benchmark=[{name}]", *overrides, config="evaluate")
    benchmark: Benchmark = build(cfg, f"benchmarks.{name}")
    template: PromptTemplate = build(cfg, "template")
    prompts = BenchmarkPrompts(
        name=name,
        benchmark=benchmark,
        items=benchmark.read(root, cache=root / "cache"),
        template=template.system_alone(),
        fitter=_fitter(),
    )
    return Whole(benchmark=benchmark, prompts=prompts)


def _fitter() -> PromptFitter:
    limits = PromptLimits(
        min_pixels=784, max_pixels=4 * 784, max_prompt_tokens=4096, on_overlong="refuse"
    )
    return PromptFitter(limits, count_tokens=lambda prompt: len(prompt.question))
