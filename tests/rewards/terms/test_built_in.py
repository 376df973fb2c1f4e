"""The reward terms that are shipped, by hand arithmetic."""

from __future__ import annotations

from typing import Any

import pytest

from sophia.cli.running.build import build
from sophia.cli.running.preflight import check_values
from sophia.protocols import RewardTerm
from sophia.rewards.terms.cosine_length import CosineLength
from sophia.rewards.terms.overlong import OverlongPenalty
from sophia.rewards.terms.reflection import ReflectionMarkers
from sophia.rewards.terms.repetition import RepetitionPenalty
from sophia.types import GradedGroup
from tests.builders import completion, graded, term_parts
from tests.composing import composed


def values(term: RewardTerm, group: GradedGroup) -> list[float | None]:
    return [part.value for part in term_parts(term, group)]


def of_lengths(*lengths: int, **overrides: Any) -> GradedGroup:
    return graded([completion(num_tokens=n) for n in lengths], **overrides)


def of_tokens(*token_ids: tuple[int, ...]) -> GradedGroup:
    return graded([completion(token_ids=ids) for ids in token_ids])


def test_overlong_penalty_has_the_numbers_of_dapo() -> None:
    # L 20,480 with a buffer of 4,096: it begins at 16,384, half of it is 18,432
    term = OverlongPenalty(max_tokens=20_480, buffer_share=0.2, weight=0.5)
    parts = term_parts(term, of_lengths(1, 16_384, 17_408, 18_432, 20_480, 20_481))
    assert [part.value for part in parts] == pytest.approx([0.0, 0.0, -0.25, -0.5, -1.0, -1.0])
    assert {part.weight for part in parts} == {0.5}


def test_an_overlong_buffer_may_be_the_whole_length() -> None:
    term = OverlongPenalty(max_tokens=10, buffer_share=1.0, weight=1.0)
    assert values(term, of_lengths(0, 1, 10)) == pytest.approx([0.0, -0.1, -1.0])
    for share in (0.0, -0.2, 1.5):
        with pytest.raises(ValueError, match=r"buffer_share is .*; it must lie in \(0, 1\]"):
            OverlongPenalty(max_tokens=10, buffer_share=share, weight=1.0)


def test_repetition_is_the_share_of_ngrams_that_occurred_before() -> None:
    term = RepetitionPenalty(ngram_size=2, weight=1.0)
    group = of_tokens(
        (1, 2, 3, 4),  # 12 23 34: none of three
        (1, 2, 1, 2, 1),  # 12 21 12 21: two of four
        (5, 5, 5, 5, 5),  # 55 four times: three of four
        (1,),  # no pair
        (),
    )
    assert values(term, group) == pytest.approx([0.0, -0.5, -0.75, 0.0, 0.0])


def test_repetition_in_longer_ngrams_is_rarer() -> None:
    loop = (1, 2, 3) * 4  # 12 tokens
    # 10 trigrams, 3 of them distinct; 9 4-grams, 3 distinct; 1 12-gram
    for size, expected in ((3, -0.7), (4, -6 / 9), (12, 0.0), (13, 0.0)):
        term = RepetitionPenalty(ngram_size=size, weight=1.0)
        assert values(term, of_tokens(loop)) == pytest.approx([expected])
    with pytest.raises(ValueError, match="ngram_size is 0; it must be at least 1"):
        RepetitionPenalty(ngram_size=0, weight=1.0)


COSINE = CosineLength(
    max_tokens=100, right=(2.0, 1.0), wrong=(-10.0, 0.0), exceeding=-10.0, weight=1.0
)


def test_cosine_length_goes_from_the_first_value_to_the_last() -> None:
    # (1 + cos(pi / 4)) / 2 = 0.853553, (1 + cos(pi / 2)) / 2 = 0.5
    lengths = (0, 25, 50, 75, 99)
    right = values(COSINE, of_lengths(*lengths))
    assert right == pytest.approx([2.0, 1.853553, 1.5, 1.146447, 1.000247], abs=1e-6)
    wrong = values(COSINE, of_lengths(*lengths, outcomes=(0.0,) * 5))
    assert wrong == pytest.approx([-10.0, -8.535534, -5.0, -1.464466, -0.002467], abs=1e-6)


def test_cosine_length_at_the_limit_and_without_an_outcome() -> None:
    parts = term_parts(COSINE, of_lengths(100, 120, 50, 50, outcomes=(1.0, 0.0, None, 0.5)))
    assert [part.value for part in parts] == [-10.0, -10.0, None, pytest.approx(1.5)]
    assert [part.weight for part in parts] == [1.0, 1.0, 0.0, 1.0]  # its siblings keep theirs


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2 + 2 = 5. Wait, that is 4.", 1.0),
        ("Hmm! Let me check: 4", 1.0),
        ("LET ME CHECK this", 1.0),
        ("The waiter awaits 4 hats.", 0.0),
        ("let me  check", 0.0),
        ("", 0.0),
    ],
)
def test_reflection_finds_whole_words(text: str, found: float) -> None:
    term = ReflectionMarkers(markers=("wait", "let me check"), weight=0.0)
    assert values(term, graded([completion(text), completion("4")])) == [found, 0.0]


def test_reflection_needs_markers() -> None:
    for markers in ((), ("wait", " ")):
        with pytest.raises(ValueError, match="give at least one, none empty"):
            ReflectionMarkers(markers=markers, weight=0.0)


def test_marks_of_regular_expressions_are_taken_as_they_are() -> None:
    term = ReflectionMarkers(markers=["wait (really?)"], weight=0.0)
    group = graded([completion("Wait (really?) no"), completion("wait really")])
    assert values(term, group) == [1.0, 0.0]


def test_the_shipped_choices_are_these_terms_with_the_papers_numbers() -> None:
    cfg = composed(
        "reward_terms=[overlong,repetition,cosine_length,reflection]", "sampling.max_new_tokens=50"
    )
    terms = {name: build(cfg, f"reward.extra.{name}") for name in cfg.reward.extra}
    assert terms["overlong"] == OverlongPenalty(max_tokens=50, buffer_share=0.2, weight=0.5)
    assert terms["repetition"].ngram_size == 40
    assert terms["reflection"].weight == 0.0
    # with the outcome it is the paper's: 2 to 1 for a right and -10 to 0 for a wrong answer
    group = of_lengths(0, 49, 0, 49, outcomes=(1.0, 1.0, 0.0, 0.0))
    said = values(terms["cosine_length"], group)
    assert said == pytest.approx([2.0 - 1, 1.001 - 1, -10.0, -0.01], abs=1e-3)


@pytest.mark.parametrize("term", ["overlong", "cosine_length"])
def test_a_limit_that_nothing_can_keep_to_is_refused_before_the_run(term: str) -> None:
    cfg = composed(f"reward_terms=[{term}]", f"reward.extra.{term}.max_tokens=0")
    with pytest.raises(ValueError, match=rf"reward.extra.{term}: max_tokens is 0; it must be at"):
        check_values(cfg)


def test_no_penalty_is_shown_without_a_sign() -> None:
    overlong = OverlongPenalty(max_tokens=10, buffer_share=0.2, weight=0.5)
    repetition = RepetitionPenalty(ngram_size=2, weight=0.5)
    for term in (overlong, repetition):
        assert str(values(term, of_tokens((1, 2, 3)))) == "[0.0]"
