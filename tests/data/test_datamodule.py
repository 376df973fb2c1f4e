"""Steps, ranks, epochs, and going on at a step."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import Counter

import pytest

from sophia.data.datamodule import StepDataset, StepLoader, StepPlan
from sophia.data.digits import DigitsDataset
from tests.builders import encoded


def plan(**overrides: int) -> StepPlan:
    return StepPlan(**{"num_prompts": 10, "prompts_per_step": 4, "seed": 0, **overrides})


def test_every_prompt_comes_once_per_epoch() -> None:
    walk = [i for step in range(5) for i in plan().indices(step)]
    assert sorted(walk[:10]) == list(range(10))
    assert sorted(walk[10:]) == list(range(10))
    assert walk[:10] != walk[10:]


def test_ranks_share_a_step_that_does_not_depend_on_them() -> None:
    alone = plan().indices(3)
    shared = [i for rank in range(2) for i in plan().indices(3, rank=rank, world_size=2)]
    assert Counter(shared) == Counter(alone)


def test_order_depends_on_the_seed() -> None:
    assert plan(seed=1).indices(0) != plan(seed=2).indices(0)


def loader(num_workers: int = 0) -> StepLoader:
    prompts = DigitsDataset(split="train", num_prompts=10, seed=0)
    steps = StepDataset(prompts, lambda _: encoded(), plan(), rank=0, world_size=1)
    return StepLoader(steps, num_steps=6, num_workers=num_workers)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_loader_goes_on_where_it_was_saved(num_workers: int) -> None:
    first = loader(num_workers)
    whole = [[p.uid for p in batch.prompts] for batch in first]
    walk = iter(loader(num_workers))
    interrupted = loader(num_workers)
    walk = iter(interrupted)
    seen = [[p.uid for p in next(walk).prompts] for _ in range(2)]
    state = interrupted.state_dict()
    del walk
    assert state == {"rl_step": 2}  # not what workers fetched ahead
    resumed = loader(num_workers)
    resumed.load_state_dict(state)
    assert seen + [[p.uid for p in batch.prompts] for batch in resumed] == whole
    assert len(resumed) == 6


def test_a_worker_leaves_interrupts_to_the_run() -> None:
    before = set(multiprocessing.active_children())
    steps = iter(loader(1))
    first = next(steps)
    (worker,) = set(multiprocessing.active_children()) - before
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGINT)
    assert len([first, *steps]) == 6
