"""FSDP2 under Lightning: how a run is spread over processes, and its sharded checkpoints."""

from __future__ import annotations

import atexit
import shutil
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.strategies import ModelParallelStrategy
from torch import Tensor, distributed
from torch.distributed.checkpoint.state_dict_saver import save
from torch.utils import _pytree as pytree

from sophia.models.sharding import Sharding
from sophia.run.checkpoint import commit_folder

DType = Literal["float32", "bfloat16"]
Offloaded = Literal["optimizer", "reference"]

_LETTING_GO_S = 0.2
_META = "meta.pt"  # Lightning's name for what is neither weights nor moments


class ShardedStrategy(ModelParallelStrategy):
    """Policy and reference are sharded over all processes; one process works too.

    Args:
        compute_dtype: the type of forward and backward; master weights and moments stay float32.
        reduce_dtype: the type in which gradients are averaged over processes.
        offload: what lies on the CPU between its uses: ``optimizer`` (with the shards and
            gradients it works on) and ``reference``.
        reshard_after_forward: whether a layer's gathered weights are freed until its backward.
        asynchronous_checkpoints: whether training goes on while a copy of the state is written.
        timeout_s: seconds after which a collective that not all processes reached ends the run.
    """

    def __init__(
        self,
        *,
        compute_dtype: DType = "bfloat16",
        reduce_dtype: DType = "float32",
        offload: Sequence[Offloaded] = (),
        reshard_after_forward: bool = True,
        asynchronous_checkpoints: bool = False,
        timeout_s: float = 1800.0,
    ) -> None:
        super().__init__(timeout=timedelta(seconds=timeout_s))
        self.offload = tuple(offload)
        self._compute_dtype: torch.dtype = getattr(torch, compute_dtype)
        self._reduce_dtype: torch.dtype = getattr(torch, reduce_dtype)
        self._reshard_after_forward = reshard_after_forward
        self._asynchronous = asynchronous_checkpoints
        self._writer = ThreadPoolExecutor(max_workers=1) if asynchronous_checkpoints else None
        self._writers_group: Any = None  # collectives of the writer must not mix with training's
        self._saving: Future[None] | None = None

    @property
    def sharding(self) -> Sharding:
        """How models are to be sharded in this run; known once the processes have met."""
        return Sharding(
            mesh=self.device_mesh["data_parallel"],
            device=self.root_device,
            compute_dtype=self._compute_dtype,
            reduce_dtype=self._reduce_dtype,
            reshard_after_forward=self._reshard_after_forward,
        )

    def setup_environment(self) -> None:
        """Meet the other processes: each takes a part of the data, none a part of an operation."""
        self._data_parallel_size = self.num_nodes * self.num_processes
        self._tensor_parallel_size = 1
        super().setup_environment()
        if self._asynchronous:
            self._writers_group = distributed.new_group(backend="gloo")
        leave_at_exit()

    def model_to_device(self) -> None:
        """Do nothing: shards are where the module has put them."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], filepath: str | Path, storage_options: Any | None = None
    ) -> None:
        """Each process writes its shards to a folder that gets its name when it is whole."""
        self.finish_saving()
        target = Path(self.broadcast(str(filepath)))
        partial = target.with_suffix(".partial")
        state = {"state_dict": checkpoint.pop("state_dict")}
        for index, moments in enumerate(checkpoint.pop("optimizer_states", [])):
            state[f"optimizer_{index}"] = moments
        if self.is_global_zero:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            torch.save(checkpoint, partial / _META)
        self.barrier()
        if self._writer is None:
            _write(state, partial, target, group=None)
        else:
            frozen = _copied(state)
            self._saving = self._writer.submit(
                _write, frozen, partial, target, group=self._writers_group
            )
        self.barrier()

    def finish_saving(self) -> None:
        """Wait for a checkpoint that is still being written; raises what went wrong with it."""
        saving, self._saving = self._saving, None
        if saving is not None:
            saving.result()

    def load_checkpoint(
        self, checkpoint_path: str | Path, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read weights and moments into this run's shards, however many processes wrote them.

        Raises ValueError for a checkpoint that is one file, which another trainer wrote.
        """
        if not Path(checkpoint_path).is_dir():
            raise ValueError(
                f"{checkpoint_path} is not a sharded checkpoint; resume it with the trainer that"
                " wrote it, or start a run from its export."
            )
        self.finish_saving()
        state: dict[str, Any] = super().load_checkpoint(checkpoint_path, weights_only)
        return state

    def teardown(self) -> None:
        """Wait for a checkpoint that is being written, so that none stays behind half-written."""
        self.finish_saving()
        super().teardown()

    def setup(self, trainer: Trainer) -> None:
        """Raise ValueError for a trainer with autocast, which would round a second time."""
        if trainer.precision != "32-true":
            raise ValueError(
                f"trainer.precision is {trainer.precision!r}; with sharding it must be 32-true (the"
                " type of the master weights). What is computed in is"
                " trainer.strategy.compute_dtype."
            )
        super().setup(trainer)

    def _get_process_group_backend(self) -> str:
        # Metrics, offloaded gradients and checkpoints travel between CPUs.
        return "cpu:gloo,cuda:nccl" if self.root_device.type == "cuda" else "gloo"


def _write(state: Mapping[str, Any], partial: Path, target: Path, *, group: Any) -> None:
    """Write this process's shards; every process must call it, the first commits once all have."""
    save(dict(state), checkpoint_id=partial, process_group=group)
    if distributed.get_rank() == 0:
        commit_folder(partial, target)
    distributed.barrier(group)


def _copied(state: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of all tensors, to be written while training goes on changing them in place."""
    copied: dict[str, Any] = pytree.tree_map_only(Tensor, torch.clone, dict(state))
    return copied


def leave_at_exit() -> None:
    """Let gloo's threads come to rest before the interpreter goes.

    Such a thread lets go of a collective's tensors after the main thread has gone on, for which it
    needs the interpreter. If that is ending by then, the whole process aborts, however well the run
    went. Closing the groups is Lightning's (and vLLM's) business.
    """
    atexit.register(time.sleep, _LETTING_GO_S)
