"""From what a user calls a checkpoint to a folder that ``from_pretrained`` loads."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText

from sophia.models.load import export
from sophia.run_folder import RunFolder

_PREFIX = "policy.model."


def to_hf_folder(ckpt: Path) -> Path:
    """A Hugging Face folder for a run folder, a checkpoint file of a run, or such a folder itself.

    A checkpoint is exported to ``exports/`` of its run, once. A run that has not finished is
    represented by its last checkpoint.
    """
    if (ckpt / "config.json").is_file():
        return ckpt
    if (ckpt / "config.yaml").is_file():
        run = RunFolder(path=ckpt)
        if (run.policy / "config.json").is_file():
            return run.policy
        if run.last_checkpoint is None:
            raise ValueError(f"the run in {ckpt} has no checkpoint yet; let it train some steps.")
        return _export(run.last_checkpoint)
    if ckpt.suffix == ".ckpt" and ckpt.is_file():
        return _export(ckpt)
    found = "does not exist" if not ckpt.exists() else "is neither of them"
    raise ValueError(
        f"ckpt={ckpt} {found}; give a run folder, a checkpoint step_*.ckpt in one, or a folder in"
        " Hugging Face format."
    )


def _export(file: Path) -> Path:
    run = RunFolder(path=file.parent.parent)
    if not (run.skeleton / "config.json").is_file():
        raise ValueError(f"{file} is not inside a run folder: {run.skeleton} is missing.")
    folder = run.path / "exports" / file.stem
    if folder.is_dir():
        return folder
    config = AutoConfig.from_pretrained(run.skeleton)
    auto = AutoModelForImageTextToText if hasattr(config, "vision_config") else AutoModelForCausalLM
    model = auto.from_config(config, dtype=torch.float32)
    state = torch.load(file, map_location="cpu", weights_only=True)["state_dict"]
    model.load_state_dict({name.removeprefix(_PREFIX): value for name, value in state.items()})
    folder.parent.mkdir(exist_ok=True)
    export(model, run.skeleton, folder)
    return folder
