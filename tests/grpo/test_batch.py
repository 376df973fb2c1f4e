"""Flat rows and their slices."""

import torch

from sophia.grpo.batch import (
    build_train_batch,
    group_span,
    slice_sequences,
    token_slice,
    with_advantages,
)
from tests.builders import completion, encoded, rollout


def two_groups() -> list:  # type: ignore[type-arg]
    first = (completion(token_ids=(1, 2), num_tokens=2), completion(token_ids=(3,), num_tokens=1))
    second = (completion(token_ids=(4, 5, 6)), completion(token_ids=(7,), num_tokens=1))
    return [
        rollout(completions=first, encoded=encoded((10, 11))),
        rollout(completions=second, encoded=encoded((20,))),
    ]


def test_build_keeps_ids_and_order() -> None:
    batch = build_train_batch(two_groups())
    assert batch.completion_ids.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert batch.sequence_ids.tolist() == [0, 0, 1, 2, 2, 2, 3]
    assert batch.group_ids.tolist() == [0, 0, 1, 1]
    assert batch.lengths.tolist() == [2, 1, 3, 1]


def test_slice_across_groups_renumbers() -> None:
    batch = build_train_batch(two_groups())
    part = slice_sequences(batch, 1, 3)
    assert part.completion_ids.tolist() == [3, 4, 5, 6]
    assert part.sequence_ids.tolist() == [0, 1, 1, 1]
    assert part.group_ids.tolist() == [0, 1]
    assert [p.prompt_ids.tolist() for p in part.prompts] == [[10, 11], [20]]
    assert token_slice(batch, 1, 3) == slice(2, 6)


def test_group_span() -> None:
    batch = build_train_batch(two_groups())
    assert group_span(batch, 1, 2) == (2, 4)


def test_completions_out_of_the_loss_are_masked() -> None:
    batch = build_train_batch(two_groups())
    scored = with_advantages(
        batch, torch.tensor([1.0, 2, 3, 4]), torch.tensor([True, False, True, False])
    )
    assert scored.loss_mask.tolist() == [True, True, False, True, True, True, False]
