"""pass@k and majority vote by hand."""

from __future__ import annotations

import pytest

from sophia.evaluation.compare import summarise
from sophia.evaluation.samples import majority_is_right, pass_at_k, sample_figures
from tests.records import record


@pytest.mark.parametrize(
    ("num_right", "k", "expected"),
    [
        (0, 1, 0.0),
        (1, 1, 0.25),
        (1, 2, 0.5),  # 1 - C(3, 2) / C(4, 2) = 1 - 3/6
        (2, 2, 5 / 6),  # 1 - C(2, 2) / C(4, 2) = 1 - 1/6
        (1, 4, 1.0),
        (4, 1, 1.0),
    ],
)
def test_pass_at_k_of_four(num_right: int, k: int, expected: float) -> None:
    assert pass_at_k(4, num_right, k) == pytest.approx(expected)


def answers(*given: str) -> list[str]:
    return [f"<think>x</think><answer>{answer}</answer>" for answer in given]


def samples(uid: int, *given: str) -> list:  # type: ignore[type-arg]
    return [
        record(uid, text=text, sample=i, outcome=float(answer.strip().upper() == "A"))
        for i, (text, answer) in enumerate(zip(answers(*given), given, strict=True))
    ]


def test_the_commonest_answer_wins() -> None:
    assert majority_is_right(samples(0, "B", "A", " a "))
    assert not majority_is_right(samples(0, "A", "B", "B"))
    assert not majority_is_right(samples(0, "B", "A"))  # a tie goes to the first
    assert not majority_is_right([record(0, text="no answer", outcome=0.0)])


def test_figures_of_two_prompts() -> None:
    records = [*samples(0, "A", "A", "B", "B"), *samples(1, "B", "B", "B", "B")]
    figures = {name: estimate.value for name, estimate in sample_figures(records).items()}
    assert list(figures) == ["pass@1", "pass@2", "pass@4", "maj@4"]
    assert figures["pass@1"] == 0.25
    assert figures["pass@2"] == pytest.approx((5 / 6) / 2)
    assert figures["pass@4"] == 0.5
    assert figures["maj@4"] == 0.5
    assert summarise(records)["pass@1"].value == figures["pass@1"]
    assert summarise(records)["accuracy"].value == 0.25


def test_one_answer_each_has_no_sample_figures() -> None:
    assert sample_figures([record(0), record(1)]) == {}


def test_an_unscored_sample_is_left_out() -> None:
    records = [
        record(0, sample=0),
        record(0, sample=1, outcome=None),
        record(0, sample=2, outcome=0.0),
    ]
    assert sample_figures(records)["pass@1"].value == 0.5
