"""A policy is asked in pieces: through kills, broken images and shares, with the same records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from sophia.benchmarks.answering import Answers, Share, answer_resumably
from sophia.benchmarks.asked import BenchmarkPrompts
from sophia.benchmarks.grader import BenchmarkGrader
from sophia.benchmarks.item import Graded, Item
from sophia.data.encode import PromptEncoder
from sophia.data.lengths import PromptFitter, PromptLimits
from sophia.data.template import PromptTemplate
from sophia.evaluation.evaluator import Evaluator
from sophia.evaluation.records import EvalRecord
from sophia.rollout.transformers.engine import TransformersEngine
from tests.benchmarks.listed import Listed, items, sums

TEMPLATE = PromptTemplate(
    system="", question="{question}", type_sentences={}, option="{text}", options_prefix="",
    options_separator="", images_first=False,
)  # fmt: skip


def prompts(encoder: PromptEncoder, rows: Listed, *, blind: bool = False) -> BenchmarkPrompts:
    limits = PromptLimits(
        min_pixels=784, max_pixels=4 * 784, max_prompt_tokens=512, on_overlong="refuse"
    )
    fitter = PromptFitter(
        limits,
        count_tokens=lambda prompt: len(encoder.unexpanded_ids(prompt)),
        factor=encoder.pixels_per_token_side,
    )
    return BenchmarkPrompts(
        name="sums", benchmark=sums(), items=rows, template=TEMPLATE, fitter=fitter, blind=blind
    )


class Policy:
    """A tiny policy whose text is made of its first token, so that some answers hold a digit."""

    def __init__(self, folder: Path, encoder: PromptEncoder) -> None:
        self._folder, self._encoder = folder, encoder
        self.made = 0
        self.grader = BenchmarkGrader(sums(), chat=None)

    def __call__(self) -> Evaluator:
        self.made += 1
        engine = TransformersEngine(
            policy_folder=self._folder, decode=lambda ids: f"it is {ids[0] % 12}"[:7],
            media_token_ids=self._encoder.media_token_ids, device="cpu", max_batch_size=8,
        )  # fmt: skip
        return Evaluator(
            engine=engine, encoder=self._encoder, grader=self.grader, max_new_tokens=2,
        )  # fmt: skip


def answers(
    make: Policy,
    asked: BenchmarkPrompts,
    path: Path,
    *,
    share: Share | None = None,
    places: Sequence[int] | None = None,
    grader: BenchmarkGrader | None = None,
    rules: str = "official",
) -> Answers:
    return answer_resumably(
        make, grader or make.grader, asked, range(len(asked)) if places is None else places, path,
        rules=rules, share=share or Share(), description="",
    )  # fmt: skip


def test_a_kill_loses_a_line_at_most(
    tiny_folder: Path, encoder: PromptEncoder, tmp_path: Path
) -> None:
    asked = prompts(encoder, items(10))
    whole = answers(Policy(tiny_folder, encoder), asked, tmp_path / "whole.jsonl")
    assert [r.uid for r in whole.records] == [f"sums/{i}" for i in range(10)]
    lines = (tmp_path / "whole.jsonl").read_text().splitlines(keepends=True)
    killed = tmp_path / "killed.jsonl"
    killed.write_text("".join(lines[:6]) + lines[6][:30])
    again = Policy(tiny_folder, encoder)
    assert answers(again, asked, killed).records == whole.records
    assert again.made == 1
    assert answers(again, asked, killed).records == whole.records
    assert again.made == 1, "nothing was missing"


def test_shares_put_together_are_the_whole(
    tiny_folder: Path, encoder: PromptEncoder, tmp_path: Path
) -> None:
    asked, policy = prompts(encoder, items(11)), Policy(tiny_folder, encoder)
    whole = answers(policy, asked, tmp_path / "whole.jsonl")
    path = tmp_path / "shared.jsonl"
    for index in range(3):
        own = answers(policy, asked, path, share=Share(index=index, of=3))
        assert {r.uid for r in own.records} >= {f"sums/{i}" for i in range(index, 11, 3)}
    assert not path.exists()
    made = policy.made
    assert answers(policy, asked, path).records == whole.records
    assert policy.made == made, "the shares held everything"


def test_a_broken_image_is_wrong_and_named_and_ends_nothing(
    tiny_folder: Path, encoder: PromptEncoder, tmp_path: Path
) -> None:
    asked = prompts(encoder, items(5, broken=[2]))
    found = answers(Policy(tiny_folder, encoder), asked, tmp_path / "a.jsonl").records
    assert [r.uid for r in found] == [f"sums/{i}" for i in range(5)]
    bad = found[2]
    assert (bad.outcome, bad.extracted, bad.graded_by) == (0.0, None, "nobody")
    assert "row 2" in bad.failure
    assert all(not r.failure for r in found if r is not bad)


def test_a_question_with_a_token_that_stands_for_an_image_ends_nothing(
    tiny_folder: Path, encoder: PromptEncoder, tmp_path: Path
) -> None:
    rows = list(items(3).items)
    rows[1] = replace(rows[1], question="What does <|image_pad|> mean?")
    asked = prompts(encoder, Listed(items=rows))
    found = answers(Policy(tiny_folder, encoder), asked, tmp_path / "a.jsonl").records
    assert [record.asked for record in found] == [True, False, True]
    assert "row 1" in found[1].failure
    assert "literal <|image_pad|>" in found[1].failure


def test_another_rule_grades_what_was_answered_and_asks_nothing(
    tiny_folder: Path, encoder: PromptEncoder, tmp_path: Path
) -> None:
    asked, policy = prompts(encoder, items(6, broken=[1])), Policy(tiny_folder, encoder)
    path = tmp_path / "a.jsonl"
    before = answers(policy, asked, path).records
    grader = BenchmarkGrader(sums(rule=AlwaysRight()), chat=None)
    again = answers(policy, asked, path, grader=grader, rules="lenient")
    assert policy.made == 1
    assert [r.text for r in again.records] == [r.text for r in before]
    assert [r.outcome for r in again.records] == [1.0, 0.0, 1.0, 1.0, 1.0, 1.0]
    assert again.records[1] == before[1], "it was not asked, so there is nothing to grade"
    assert answers(policy, asked, path, grader=grader, rules="lenient") == again
    assert again.seconds > 0.0


@dataclass(frozen=True)
class AlwaysRight:
    def __call__(self, item: Item, answer: str) -> Graded:
        return Graded(score=1.0, extracted=answer)


def test_blind_is_the_same_question_without_its_image(encoder: PromptEncoder) -> None:
    sighted, blind = (prompts(encoder, items(1), blind=b)[0] for b in (False, True))
    assert len(sighted.media) == 1
    assert blind.media == ()
    assert blind.question == sighted.question
    assert blind.uid == sighted.uid


def test_some_places_take_whole_units_and_are_the_same_every_time() -> None:
    from sophia.benchmarks.places import some_places

    rows = items(100)
    chosen = some_places(rows, 10)
    assert len(chosen) == 10
    assert chosen == some_places(rows, 10)
    assert list(chosen) == sorted(chosen)
    with pytest.raises(ValueError, match="the limit is 0; it must be at least 1"):
        some_places(rows, 0)
    assert list(some_places(rows, None)) == list(range(100)) == list(some_places(rows, 1000))


@pytest.mark.parametrize("right", [0.0, 1.0])
def test_a_record_comes_back_from_its_line(right: float, tmp_path: Path) -> None:
    import json
    from dataclasses import asdict

    from sophia.evaluation.records import parse_record

    record = EvalRecord(
        uid="sums/1", problem_type="sums", units=("1",), question="Q", problem="Q", answer="1",
        text="1", well_formed=True, outcome=right, thinking=None, labels={"category": "odd"},
        extracted="1", strict_outcome=None, graded_by="model", failure="",
    )  # fmt: skip
    assert parse_record(json.loads(json.dumps(asdict(record)))) == record
