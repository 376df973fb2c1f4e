"""The rule of the quick start, by hand."""

import pytest

from sophia.rewards.digits_judge import DigitsJudge, score_thinking
from tests.builders import completion, prompt


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("<think> 6 + 3 = 9 </think><answer> 9 </answer>", 1.0),
        ("<think> 6 + 4 = 10 </think><answer> 10 </answer>", 0.7),  # a digit misread
        ("<think> 6 + 3 = 8 </think><answer> 8 </answer>", 0.8),  # the sum is wrong
        ("<think> 6 + 3 = 9 </think><answer> 8 </answer>", 0.9),  # the answer does not follow
        ("<think> 6 + 3 = 9 6 + 3 = 9 </think><answer> 9 </answer>", 0.9),  # said twice
        ("<think> 6 > 3 </think><answer> A </answer>", 1.0),
        ("<think> 6 < 3 </think><answer> B </answer>", 0.8),
        ("<think> 6 = 3 </think><answer> C </answer>", 0.8),
        ("<think> nine </think><answer> 9 </answer>", 0.0),
        ("<answer> 9 </answer>", 0.0),
    ],
)
def test_scores(text: str, score: float) -> None:
    assert score_thinking(text, (6, 3)) == score


def test_other_data_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="prompt 'p0' is not from the digits data"):
        DigitsJudge().open_step().submit(prompt(), [completion()])
