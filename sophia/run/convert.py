"""From what a user calls a checkpoint to a folder that ``from_pretrained`` loads."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor
from torch.distributed.checkpoint.filesystem import FileSystemReader
from torch.distributed.checkpoint.metadata import TensorStorageMetadata
from torch.distributed.checkpoint.state_dict_loader import load

from sophia.models.adapters import merged_state
from sophia.models.export import export
from sophia.models.hub import cached_checkpoint
from sophia.run.checkpoint import is_whole
from sophia.run.folder import RunFolder, no_such_checkpoint

_PREFIX = "policy.model."


def to_hf_folder(ckpt: Path) -> Path:
    """The folder in Hugging Face format for what a user names as a checkpoint.

    That is the folder of a run, a checkpoint in one, a folder that has the format already, or a
    Hub id that is in the cache. A checkpoint is exported to ``exports/`` of its run, once; a run
    that has not finished stands for its last whole checkpoint.

    Raises:
        ValueError: it is none of these, or a run without a checkpoint.
    """
    if (ckpt / "config.json").is_file():
        return ckpt
    run = RunFolder(path=ckpt)
    if run.config.is_file():
        if (run.policy / "config.json").is_file():
            return run.policy
        if run.last_checkpoint is None:
            raise ValueError(f"the run in {ckpt} has no checkpoint yet; let it train some steps.")
        return _export(run.last_checkpoint)
    if ckpt.suffix == ".ckpt" and ckpt.exists():
        return _export(ckpt)
    cached = cached_checkpoint(str(ckpt))
    if cached is not None:
        return cached
    raise no_such_checkpoint(ckpt)


def resolve_checkpoint(path: Path) -> Path:
    """The path itself if it is a checkpoint, else the last whole checkpoint of that run folder.

    Raises:
        ValueError: it is neither.
    """
    if path.suffix == ".ckpt" and path.exists():
        return path
    last = RunFolder(path=path).last_checkpoint
    if last is None:
        raise ValueError(f"{path} is neither a checkpoint nor the folder of a run that has one.")
    return last


def export_checkpoint(ckpt: Path, folder: Path, *, max_shard_size: str = "5GB") -> None:
    """Write the policy in a checkpoint of a run to a folder in Hugging Face format.

    ``max_shard_size`` is the most bytes of a weight file, written as in ``5GB``.

    Raises:
        ValueError: the checkpoint is damaged, or not inside the folder of a run.
    """
    run = RunFolder(path=ckpt.parent.parent)
    if not (run.skeleton / "config.json").is_file():
        raise ValueError(f"{ckpt} is not inside a run folder: {run.skeleton} is missing.")
    if not is_whole(ckpt):
        raise ValueError(f"{ckpt} is damaged: it does not read back as it was written.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    weights = policy_state(ckpt).items()
    export(weights, run.skeleton, folder, max_shard_size=max_shard_size)


def policy_state(ckpt: Path) -> dict[str, Tensor]:
    """The policy's weights in a checkpoint by their Hugging Face names, adapters merged."""
    if ckpt.is_dir():
        meta = torch.load(ckpt / "meta.pt", map_location="cpu", weights_only=True)
        state = _sharded_state(ckpt)
    else:
        meta = torch.load(ckpt, map_location="cpu", mmap=True, weights_only=True)
        state = {n.removeprefix(_PREFIX): v for n, v in meta["state_dict"].items()}
    return merged_state(state, meta["adapter_scaling"])


def _sharded_state(ckpt: Path) -> dict[str, Tensor]:
    """The policy's weights in a sharded checkpoint; the optimizer's moments are not read."""
    reader = FileSystemReader(ckpt)
    prefix = f"state_dict.{_PREFIX}"
    state: dict[str, Tensor] = {
        name: torch.empty(entry.size, dtype=entry.properties.dtype)
        for name, entry in reader.read_metadata().state_dict_metadata.items()
        if name.startswith(prefix) and isinstance(entry, TensorStorageMetadata)
    }
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.distributed is disabled")  # is meant
        load(state, storage_reader=reader, no_dist=True)
    return {name.removeprefix(prefix): value for name, value in state.items()}


def _export(ckpt: Path) -> Path:
    folder = RunFolder(path=ckpt.parent.parent).exports / ckpt.stem
    if not folder.is_dir():
        export_checkpoint(ckpt, folder)
    return folder
