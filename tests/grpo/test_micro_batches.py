"""Cutting by tokens: bounded, even, equally many, groups whole where possible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch

from sophia.grpo.batch import build_train_batch, slice_sequences
from sophia.grpo.micro_batches import SequenceSpan, TokenBudget
from sophia.types import TrainBatch
from tests.builders import completion, encoded, rollout


def batch(groups: Sequence[tuple[int, Sequence[int]]], *, patches: int = 0) -> TrainBatch:
    """Groups of (prompt tokens, completion tokens of each), each with an image of some patches."""
    rollouts = []
    for prompt, lengths in groups:
        one = encoded(tuple(range(prompt)))
        if patches:
            one = replace(one, image_grid_thw=torch.tensor([[1, 1, patches]]))
        answers = tuple(completion(num_tokens=n) for n in lengths)
        rollouts.append(rollout(completions=answers, encoded=one))
    return build_train_batch(rollouts)


def spans(
    cut: TrainBatch, tokens: int, *, at_least: int = 0, **settings: Any
) -> list[SequenceSpan]:
    budget = TokenBudget(tokens=tokens, **{"rows": "shared", **settings})
    return budget.spans(cut, most=lambda mine: max(mine, at_least))


FOUR = [(11, (5, 5)), (11, (5, 5)), (11, (5, 5)), (11, (5, 5))]  # 20 tokens each, shared


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        (80, [(0, 8)]),
        (79, [(0, 4), (4, 8)]),  # even: not three groups and one
        (40, [(0, 4), (4, 8)]),
        (39, [(0, 2), (2, 4), (4, 6), (6, 8)]),
        (15, [(i, i + 1) for i in range(8)]),  # a group alone is over it
        (1, [(i, i + 1) for i in range(8)]),  # a completion alone is over it
    ],
)
def test_cut_at_groups_and_evenly(tokens: int, expected: list[SequenceSpan]) -> None:
    assert spans(batch(FOUR), tokens) == expected


def test_a_large_group_is_split_and_its_prompt_counted_twice() -> None:
    assert spans(batch([(11, (10, 10, 10, 10))]), 49) == [(0, 2), (2, 4)]


def test_naive_rows_count_copies_and_padding() -> None:
    ragged = batch([(10, (2, 2, 30, 2))])
    assert spans(ragged, 10 - 1 + 36) == [(0, 4)]
    assert spans(ragged, 160, rows="naive") == [(0, 4)]  # four rows of 40
    assert spans(ragged, 159, rows="naive") == [(0, 2), (2, 4)]


def test_images_count_once_per_group_or_once_per_copy_or_not_at_all() -> None:
    pictures = batch(FOUR[:2], patches=40)
    vision: dict[str, Any] = {"tokens_per_patch": 0.5}
    assert spans(pictures, 79, **vision) == [(0, 2), (2, 4)]
    assert spans(pictures, 80, **vision) == [(0, 4)]
    naive: dict[str, Any] = {"rows": "naive", **vision}
    assert len(spans(pictures, 4 * 16 + 4 * 20, **naive)) == 1
    assert len(spans(pictures, 4 * 16 + 4 * 20 - 1, **naive)) == 2
    known = tuple(replace(p, image_features=(torch.ones(1, 1),)) for p in pictures.prompts)
    assert spans(replace(pictures, prompts=known), 40, **vision) == [(0, 4)]


@pytest.mark.parametrize("number", range(1, 9))
def test_as_many_as_the_process_with_the_most(number: int) -> None:
    made = spans(batch(FOUR), 1000, at_least=number)
    assert len(made) == number
    assert made[0][0] == 0
    assert made[-1][1] == 8
    assert all(before[1] == after[0] for before, after in pairwise(made))


def test_more_of_them_are_evened_out_too() -> None:
    assert spans(batch(FOUR), 1000, at_least=2) == [(0, 4), (4, 8)]
    assert spans(batch(FOUR), 1000, at_least=5)[-1] != (0, 8)


@pytest.mark.parametrize("rows", ["shared", "naive"])
@pytest.mark.parametrize("tokens", [40, 60, 100, 200])
def test_no_micro_batch_is_over_the_budget(rows: str, tokens: int) -> None:
    generator = torch.Generator().manual_seed(0)
    groups = [
        (int(torch.randint(5, 20, (), generator=generator)),
         torch.randint(1, 21, (4,), generator=generator).tolist())
        for _ in range(12)
    ]  # fmt: skip
    whole = batch(groups)
    for span in spans(whole, tokens, rows=rows):
        part = slice_sequences(whole, *span)
        prompts = torch.tensor([len(p.prompt_ids) for p in part.prompts])
        taken = int((prompts - 1).sum() + part.lengths.sum())
        if rows == "naive":
            taken = len(part.lengths) * int((prompts[part.group_ids] + part.lengths).max())
        assert taken <= tokens
