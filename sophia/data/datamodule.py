"""Which prompts belong to which RL step, and their way into it."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lightning import LightningDataModule
from torch import distributed
from torch.utils.data import DataLoader, Dataset, Sampler

from sophia.data.prompts import PromptDataset
from sophia.step import StepBatch
from sophia.types import EncodedPrompt, Prompt

Encode = Callable[[Prompt], EncodedPrompt]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPlan:
    """Which prompts each RL step has: pieces of one endless walk over the shuffled data set.

    Every epoch has an order of its own, which follows from ``seed`` and the epoch.
    ``prompts_per_step`` counts the prompts of all processes together.
    """

    num_prompts: int
    prompts_per_step: int
    seed: int

    def indices(self, rl_step: int, *, rank: int = 0, world_size: int = 1) -> list[int]:
        """Indices of the prompts that process ``rank`` has in an RL step.

        All processes together have the same prompts, however many they are.
        """
        start = rl_step * self.prompts_per_step
        mine = range(start + rank, start + self.prompts_per_step, world_size)
        places = [divmod(position, self.num_prompts) for position in mine]
        return [_order(self.num_prompts, self.seed, epoch)[place] for epoch, place in places]


@lru_cache(maxsize=2)  # a step lies in one epoch, or across the border of two
def _order(num_prompts: int, seed: int, epoch: int) -> list[int]:
    order = list(range(num_prompts))
    random.Random(f"{seed}/{epoch}").shuffle(order)
    return order


class StepDataset(Dataset[StepBatch]):
    """The batch of each RL step; prompts are opened and encoded here, in the loader's workers."""

    def __init__(
        self, prompts: PromptDataset, encode: Encode, plan: StepPlan, *, rank: int, world_size: int
    ) -> None:
        self._prompts = prompts
        self._encode = encode
        self._plan = plan
        self._rank = rank
        self._world_size = world_size

    def __getitem__(self, rl_step: int) -> StepBatch:
        start = time.time()
        indices = self._plan.indices(rl_step, rank=self._rank, world_size=self._world_size)
        prompts = [self._prompts[index] for index in indices]
        batch = StepBatch(prompts, [self._encode(prompt) for prompt in prompts])
        batch.timeline.add("loader", "images", start)
        return batch


class _StepSampler(Sampler[int]):
    def __init__(self, num_steps: int) -> None:
        self.start = 0
        self._num_steps = num_steps

    def __len__(self) -> int:
        return self._num_steps

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.start, self._num_steps))


class StepLoader(DataLoader[StepBatch]):
    """One batch per RL step; Lightning saves and restores its position through the state dict."""

    def __init__(self, steps: StepDataset, *, num_steps: int, num_workers: int) -> None:
        self._position = _StepSampler(num_steps)
        super().__init__(
            steps, batch_size=None, sampler=self._position, num_workers=num_workers,
            worker_init_fn=_leave_interrupts_to_the_run,
        )  # fmt: skip
        self._handed_out = 0

    def __iter__(self) -> Iterator[StepBatch]:  # type: ignore[override]
        self._handed_out = self._position.start
        for batch in super().__iter__():
            self._handed_out += 1
            yield batch

    def state_dict(self) -> dict[str, Any]:
        """How many steps were handed to the trainer; what workers fetched ahead does not count."""
        return {"rl_step": self._handed_out}

    def rewind(self, rl_step: int) -> None:
        """Hand this RL step out again after a resume, since it was not trained on."""
        self._handed_out = rl_step

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on at the saved RL step."""
        self._position.start = state["rl_step"]


def _leave_interrupts_to_the_run(worker: int) -> None:
    """A Ctrl-C reaches every process of a terminal; the run still wants this worker's batches."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class StepDataModule(LightningDataModule):
    """Training prompts by RL step; held-out prompts for evaluation.

    Args:
        train: prompts to learn from, with open images.
        heldout: prompts to evaluate on before and after the run, disjoint from ``train``.
        encoder: turns a prompt into tensors.
        num_steps: how many RL steps the run has.
        prompts_per_step: how many prompts an RL step has, over all processes together.
        seed: decides the order of the training prompts.
        num_workers: how many processes load and encode, at most one per core; 0 does so in the
            training process.
        validation: prompts to validate on during the run, disjoint from ``train``; None for none.
    """

    def __init__(
        self,
        *,
        train: PromptDataset,
        heldout: PromptDataset,
        encoder: Encode,
        num_steps: int,
        prompts_per_step: int,
        seed: int,
        num_workers: int,
        validation: PromptDataset | None = None,
    ) -> None:
        super().__init__()
        self.train = train
        self.heldout = heldout
        self.validation = validation
        self._encoder = encoder
        self._num_steps = num_steps
        self._num_workers = min(num_workers, os.cpu_count() or 1)
        self.plan = StepPlan(num_prompts=len(train), prompts_per_step=prompts_per_step, seed=seed)

    def train_dataloader(self) -> StepLoader:
        """One batch per RL step, with this process's share of its prompts.

        Raises:
            ValueError: the processes cannot share ``prompts_per_step`` evenly, or they do not see
                the same number of prompts.
        """
        assert self.trainer is not None
        world_size = self.trainer.world_size
        self._check_agreement()
        if self.plan.prompts_per_step % world_size:
            near = self.plan.prompts_per_step // world_size * world_size
            raise ValueError(
                f"prompts_per_step is {self.plan.prompts_per_step}, which {world_size} processes"
                f" cannot share evenly; nearest are {near} and {near + world_size}."
            )
        steps = StepDataset(
            self.train,
            self._encoder,
            self.plan,
            rank=self.trainer.global_rank,
            world_size=world_size,
        )
        return StepLoader(steps, num_steps=self._num_steps, num_workers=self._num_workers)

    def _check_agreement(self) -> None:
        """See that all processes have as many prompts; a collective where there are several.

        Each leaves bad rows out by itself: a file that only some of them can read would give them
        prompts of different steps.
        """
        if not distributed.is_initialized() or distributed.get_world_size() == 1:
            return
        counts = [0] * distributed.get_world_size()
        distributed.all_gather_object(counts, len(self.train))
        if len(set(counts)) > 1:
            raise ValueError(
                f"the processes have {counts} training prompts, by rank; they must read the same"
                " rows and images. Look for files that only some of them can open, or leave the"
                " rows out for all by data.train.exclude=refused.csv."
            )
