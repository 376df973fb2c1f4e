"""The prompts of a benchmark's items, opened when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass

from sophia.benchmarks.benchmark import Benchmark
from sophia.benchmarks.item import Item, Items
from sophia.data.lengths import PromptFitter
from sophia.data.rows.row_error import Origin
from sophia.data.template import PromptTemplate, own_text
from sophia.types import Media, Prompt

ITEM = "item"
"""The key of ``Prompt.metadata`` under which the grader finds the item."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkPrompts:
    """What a policy is asked.

    Args:
        name: names the benchmark in uids.
        benchmark: how items become questions.
        items: its rows.
        template: what stands around a question: the system turn of the policy's run.
        fitter: opens images within the limits of the policy.
        blind: leaves every image out, so that only the text is left to answer from.
    """

    name: str
    benchmark: Benchmark
    items: Items
    template: PromptTemplate
    fitter: PromptFitter
    blind: bool = False

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, place: int, /) -> Prompt:
        """The prompt at a place, its images open. Raises RowError where that cannot be."""
        return self.fitter.open(self.closed(place))

    def closed(self, place: int) -> Prompt:
        """The prompt at a place with its images as references."""
        item = self.items[place]
        content = self.benchmark.prompt(item)
        if self.blind:
            content = tuple(part for part in content if not isinstance(part, Media))
        messages = self.template.render(content, problem_type="", options={})
        origin = Origin(source=self.name, file=str(self.items.path), row=place)
        return Prompt(
            uid=self.uid(item),
            messages=messages,
            answer=item.answer,
            problem_type=self.name,
            options=item.options,
            problem=own_text(content),
            metadata={ITEM: item, "origin": origin, "units": (item.unit or item.index,)},
        )

    def uid(self, item: Item) -> str:
        """Names an item among those of all benchmarks."""
        return f"{self.name}/{item.index}"
