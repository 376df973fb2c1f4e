"""`export`: a checkpoint of a run -> a folder for others, with a card, and on to the Hub."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from sophia.cli.command_line.portable import SETTINGS_FILE, portable, settings_to_share
from sophia.cli.quiet import quiet_libraries
from sophia.cli.running.build import build
from sophia.models.export import hub_id
from sophia.models.processor import loading_problem, sees_images, write_chat_template
from sophia.report.card import Asking, Weights, model_card, steps_trained
from sophia.run.checkpoint import step_of
from sophia.run.convert import export_checkpoint, resolve_checkpoint
from sophia.run.folder import RunFolder, run_around
from sophia.run.hub import HubTarget, push_folder
from sophia.run.record import versions
from sophia.types import Media

log = logging.getLogger(__name__)

_QUESTION = "{question}"
_OF_THE_CARD = (
    "name", "seed", "num_steps", "prompts_per_step", "num_generations", "sampling", "model", "data",
    "template", "prompt_limits", "reward", "annealing", "judge", "evaluation",
)  # fmt: skip
_SETTINGS_HEAD = """\
# How the run that trained this model asked its questions, and graded the answers: sophia's evaluate
# and infer take it from here, unless the command line says otherwise.
"""


def export(cfg: DictConfig) -> None:
    """Write the policy of a checkpoint to one folder with a card; upload it where that is asked."""
    if cfg.ckpt is None or (cfg.out is None and cfg.push is None):
        raise ValueError(
            "say python -m sophia export ckpt=<run folder or checkpoint> out=<folder>, and"
            " push=USER/NAME to upload that folder to the Hugging Face Hub."
        )
    target = _target(cfg)
    quiet_libraries()
    folder = _exported_before(cfg) if cfg.out is None else _export(cfg)
    if target is not None:
        log.info("uploading %s to %s", folder, target.name)
        address = push_folder(
            folder, target, message=f"Trained and exported by sophia {_version()}"
        )
        log.info("uploaded: %s", address)


def _target(cfg: DictConfig) -> HubTarget | None:
    if cfg.push is None:
        return None
    return HubTarget(
        name=cfg.push,
        private=cfg.private,
        token=os.environ.get("HF_TOKEN"),
        endpoint=os.environ.get("HF_ENDPOINT"),
    )


def _exported_before(cfg: DictConfig) -> Path:
    folder = Path(cfg.ckpt)
    if not all((folder / name).is_file() for name in ("config.json", "README.md")):
        raise ValueError(
            f"ckpt={folder} is no folder that was exported (it lacks config.json or README.md);"
            " to export it first, add out=<folder>."
        )
    return folder


def _export(cfg: DictConfig) -> Path:
    out = Path(cfg.out)
    if out.exists():
        raise ValueError(f"out={out} exists already; name a new folder.")
    run, steps = _write_weights(Path(cfg.ckpt), out, max_shard_size=cfg.max_shard_size)
    write_chat_template(out)
    behind = _write_about(run, out, name=cfg.push or out.name, steps=steps)
    if behind:
        log.info(
            "%s does not hold %s: there are paths of this machine or classes of your own in it, so"
            " whoever evaluates this folder elsewhere says it on the command line",
            SETTINGS_FILE, " and ".join(behind),
        )  # fmt: skip
    problem = loading_problem(out)
    if problem is not None:
        log.warning("%s", problem)
    return out


def _write_weights(given: Path, out: Path, *, max_shard_size: str) -> tuple[RunFolder, int | None]:
    """Write the folder without card; its run, and how many RL steps the weights have behind them.

    A finished run whose checkpoints are gone still has its trained policy.
    """
    run = run_around(given)
    if run is not None and (run.policy / "config.json").is_file():
        gone = given == run.path and run.last_checkpoint is None
        if gone or given == run.policy:
            shutil.copytree(run.policy, out)
            log.info("%s -> %s", run.policy, out)
            return run, steps_trained(run)
    ckpt = resolve_checkpoint(given)
    export_checkpoint(ckpt, out, max_shard_size=max_shard_size)
    log.info("%s -> %s", ckpt, out)
    return RunFolder(path=ckpt.parent.parent), step_of(ckpt)


def _write_about(run: RunFolder, out: Path, *, name: str, steps: int | None) -> tuple[str, ...]:
    """Write card, curves and settings of the run; the groups of settings that stay behind."""
    raw = OmegaConf.to_container(OmegaConf.load(run.config), resolve=False)
    assert isinstance(raw, dict)
    settings = {str(key): value for key, value in raw.items()}
    shared, behind = settings_to_share(settings)
    (out / SETTINGS_FILE).write_text(
        _SETTINGS_HEAD + OmegaConf.to_yaml(OmegaConf.create({"sophia": _version(), **shared}))
    )
    if run.curves.is_file():
        shutil.copy(run.curves, out / run.curves.name)
    readable = portable(settings)
    resolved = _resolved(readable)
    card = model_card(
        run,
        resolved,
        settings_text=OmegaConf.to_yaml(OmegaConf.create(readable)),
        weights=Weights(
            name=name,
            base_model=_base_model(run, settings),
            steps=steps,
            sees_images=sees_images(out),
            curves=run.curves.is_file(),
        ),
        asking=_asking(resolved, images=sees_images(out)),
        version=_version(),
    )
    (out / "README.md").write_text(card, encoding="utf-8")
    return behind


def _resolved(settings: Mapping[str, Any]) -> dict[str, Any]:
    cfg = OmegaConf.create(dict(settings))
    nodes = {key: cfg[key] for key in _OF_THE_CARD if key in cfg}
    return {
        key: OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node
        for key, node in nodes.items()
    }


def _base_model(run: RunFolder, settings: Mapping[str, Any]) -> str | None:
    path = settings["model"].get("path")
    named = json.loads((run.skeleton / "config.json").read_text()).get("_name_or_path")
    return hub_id(path) or (hub_id(named) if path is not None else None)


def _asking(settings: Mapping[str, Any], *, images: bool) -> Asking:
    """The messages that the run's template makes of a question with one image before it."""
    template = build(OmegaConf.create({"template": settings["template"]}), "template")
    media = (Media(source=Path("picture.png")),) if images else ()
    messages = template.render((*media, _QUESTION), problem_type="", options={})
    content = messages[-1].content
    texts = [part if isinstance(part, str) else None for part in content]
    place = texts.index(None) if images else 0
    return Asking(
        system="".join(message.text for message in messages[:-1]),
        before="".join(text for text in texts[:place] if text),
        after="".join(text for text in texts[place:] if text),
        sentences=settings["template"].get("type_sentences") or {},
    )


def _version() -> str:
    return versions().get("sophia-grpo", "unknown")
