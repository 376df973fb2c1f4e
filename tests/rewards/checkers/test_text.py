"""ROUGE is rouge-score's, at any length in little time."""

from __future__ import annotations

import random
import time

import pytest
from rouge_score.rouge_scorer import RougeScorer

from sophia.rewards.checkers.text import MAX_CHARACTERS, mean_rouge
from sophia.rewards.outcome import OutcomeReward
from tests.rewards.builders import answering, prompt

_MEASURES = ("rouge1", "rouge2", "rougeL")


@pytest.mark.parametrize("length", [0, 1, 2, 3, 10, 60])
def test_numbers_are_rouge_scores(length: int) -> None:
    generator = random.Random(length)
    words = ["the", "cats", "are", "running", "a", "run", "Cat", "red-hot", "it's", "3.5", "größer"]
    scorer = RougeScorer(_MEASURES, use_stemmer=True)
    for _ in range(30):
        gold = " ".join(generator.choices(words, k=length))
        answer = " ".join(generator.choices(words, k=generator.randrange(1, 2 * length + 2)))
        scores = scorer.score(gold, answer)
        expected = sum(scores[measure].fmeasure for measure in _MEASURES) / 3
        assert mean_rouge(gold, answer, latin_only=True) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("problem_type", ["free-form", "OCR"])
def test_long_golds_cost_little_and_absurd_ones_are_unscored(problem_type: str) -> None:
    reward = OutcomeReward(ocr="one_minus_cer")
    generator = random.Random(0)
    words = [f"w{generator.randrange(3000)}" for _ in range(4000)]
    gold, answer = " ".join(words[:2000]), " ".join(words[2000:])
    row = prompt(answer=gold, problem_type=problem_type)
    reward(row, answering("first"))  # brings what is imported on first use
    started = time.perf_counter()
    score = reward(row, answering(answer))
    assert time.perf_counter() - started < 1.0
    assert score is not None
    assert 0.0 < score < 1.0
    longest = prompt(answer="x" * MAX_CHARACTERS, problem_type=problem_type)
    assert reward(longest, answering("x" * MAX_CHARACTERS)) == 1.0
    longer = prompt(answer="x" * (MAX_CHARACTERS + 1), problem_type=problem_type)
    assert reward(longer, answering("x" * (MAX_CHARACTERS + 1))) is None
    assert reward(row, answering("x " * MAX_CHARACTERS)) == 0.0
