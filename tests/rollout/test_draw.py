"""A draw is from the distribution it says it is from."""

from __future__ import annotations

import pytest
import torch

from sophia.rollout.draw import FREE, Drawn, DrawRows, draw, uniform_numbers
from sophia.rollout.seeds import completion_seed
from sophia.types import SamplingParams

LOGITS = torch.tensor([0.5, 0.25, 0.15, 0.1, 1e-9]).log()


def drawn(sampling: SamplingParams, count: int) -> Drawn:
    uniform = torch.stack([uniform_numbers(seed, 1) for seed in range(count)])
    seen = torch.tensor([[True, False, False, False, False]]).expand(count, -1)
    rows = DrawRows(
        uniform=uniform,
        forced=torch.full((count, 1), FREE),
        seen=seen if sampling.repetition_penalty != 1.0 else None,
    )
    return draw(LOGITS.expand(count, -1), rows, sampling=sampling, banned=torch.tensor([4]))


def frequencies(sampling: SamplingParams, count: int = 4000) -> torch.Tensor:
    picked = drawn(sampling, count).as_scores(LOGITS.expand(count, -1))
    assert (picked.isfinite().sum(dim=1) == 1).all()
    return torch.bincount(picked.argmax(dim=1), minlength=5) / count


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        (SamplingParams(max_new_tokens=1), [0.5, 0.25, 0.15, 0.1, 0]),
        (SamplingParams(max_new_tokens=1, top_k=2), [2 / 3, 1 / 3, 0, 0, 0]),
        # 0.5 + 0.25 = 0.75 reaches top_p 0.7: two tokens are the smallest such set
        (SamplingParams(max_new_tokens=1, top_p=0.7), [2 / 3, 1 / 3, 0, 0, 0]),
        # squared probabilities: 0.25, 0.0625, 0.0225, 0.01 over 0.345
        (SamplingParams(max_new_tokens=1, temperature=0.5), [0.7246, 0.1812, 0.0652, 0.029, 0]),
        (SamplingParams(max_new_tokens=1, temperature=0.0), [1, 0, 0, 0, 0]),
        # min_p 0.4 of 0.5 is 0.2: two tokens are above
        (SamplingParams(max_new_tokens=1, min_p=0.4), [2 / 3, 1 / 3, 0, 0, 0]),
        # the prompt holds token 0; its logit log(0.5) doubles: 0.25 against 0.25, 0.15, 0.1
        (
            SamplingParams(max_new_tokens=1, repetition_penalty=2.0),
            [1 / 3, 1 / 3, 0.2, 2 / 15, 0],
        ),
    ],
)
def test_frequencies(sampling: SamplingParams, expected: list[float]) -> None:
    # 4000 draws: a standard error of at most 0.008
    torch.testing.assert_close(
        frequencies(sampling), torch.tensor(expected).float(), atol=0.03, rtol=0
    )


def test_logps_are_of_the_whole_distribution_at_the_temperature() -> None:
    sampling = SamplingParams(max_new_tokens=1, temperature=0.5, top_k=1)
    assert drawn(sampling, 1).logps.exp().item() == pytest.approx(0.7246, abs=1e-4)


def test_seeds_differ_by_everything_that_makes_a_completion() -> None:
    keys = [(0, 0, "a", 0), (1, 0, "a", 0), (0, 1, "a", 0), (0, 0, "b", 0), (0, 0, "a", 1)]
    assert len({completion_seed(*key) for key in keys}) == 5
    assert completion_seed(0, 0, "a", 0) == completion_seed(0, 0, "a", 0)
    assert all(0 <= completion_seed(*key) < 2**63 for key in keys)
