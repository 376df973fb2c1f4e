"""`evaluate`: answers of one or several policies to the held-out prompts, side by side."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from sophia.cli.build import SHARED, build
from sophia.cli.parts import ENGINE_ARGUMENTS, shared_parts
from sophia.cli.prompts import build_dataset, open_checked, prompt_fitter
from sophia.cli.quiet import quiet_libraries
from sophia.cli.settings import EvaluateSettings
from sophia.cli.validate import validate
from sophia.data.encode import PromptEncoder
from sophia.evaluation.compare import differences, summarise, summary_table
from sophia.evaluation.evaluator import Evaluator, Prompts
from sophia.evaluation.records import EvalRecord
from sophia.evaluation.resumable import evaluate_resumably
from sophia.report.evaluation import write_evaluation_page
from sophia.run.convert import to_hf_folder

log = logging.getLogger(__name__)

_NOT_SETTINGS = ("ckpt", "run_dir", "debug", "name")


def validate_evaluate(cfg: DictConfig) -> None:
    """Refuse what cannot work, before anything is built."""
    validate(cfg, EvaluateSettings, shared=(*SHARED, *ENGINE_ARGUMENTS))


def evaluate(cfg: DictConfig) -> None:
    """One evaluation, from its configuration to its table, file and page."""
    validate_evaluate(cfg)
    if not cfg.ckpt:
        raise ValueError("ckpt is missing; python evaluate.py ckpt=<run folder, checkpoint, ...>.")
    quiet_libraries()
    ckpts = [cfg.ckpt] if isinstance(cfg.ckpt, str) else list(cfg.ckpt)
    policies = dict(zip(labels(ckpts), [to_hf_folder(Path(c)) for c in ckpts], strict=True))
    prompts = {label: _prompts(cfg, folder) for label, folder in policies.items()}
    digests = {label: _digest(cfg, folder) for label, folder in policies.items()}
    output = Path(cfg.run_dir or Path("outputs") / "evaluate" / _joined(digests.values()))
    output.mkdir(parents=True, exist_ok=True)
    columns = {
        label: _records(
            cfg, folder, prompts[label], output / f"records-{digests[label]}.jsonl", label
        )
        for label, folder in policies.items()
    }
    shown = next(iter(prompts.values()))
    title = f"{len(shown)} questions, seed {cfg.seed}, {_decoding(cfg)}"
    _save(cfg, output, columns, ckpts)
    write_evaluation_page(output / "evaluation.html", columns, shown, subtitle=title)
    console = Console()
    console.print(summary_table(columns, title=title))
    files = "results.json, evaluation.html, records-*.jsonl"
    console.print(f"\nwritten to {output}: {files}", highlight=False, soft_wrap=True)


def _prompts(cfg: DictConfig, folder: Path) -> Prompts:
    """The held-out prompts as this policy sees them."""
    outcome = build(cfg.reward.outcome, {})
    fitter = prompt_fitter(cfg, PromptEncoder(folder))
    parts = {"heldout": build_dataset(cfg, "heldout")}
    heldout = open_checked(parts, fitter, outcome, seed=cfg.seed)["heldout"]
    outcome.close()
    return heldout


def _records(
    cfg: DictConfig, folder: Path, prompts: Prompts, path: Path, label: str
) -> list[EvalRecord]:
    """Of one policy; what is on disk is not made again."""
    shared: dict[str, Any] = {}

    def make() -> Evaluator:
        shared.update(shared_parts(cfg, folder))
        evaluator: Evaluator = shared["evaluator"]
        return evaluator

    records = evaluate_resumably(make, prompts, path, description=label)
    for part in ("judge", "outcome"):
        if part in shared:
            shared[part].close()
    return records


def _save(
    cfg: DictConfig,
    output: Path,
    columns: Mapping[str, Sequence[EvalRecord]],
    ckpts: Sequence[str],
) -> None:
    first = next(iter(columns.values()))
    policies = [
        {
            "label": label,
            "ckpt": ckpt,
            "figures": {name: asdict(e) for name, e in summarise(records).items()},
            "change": {name: asdict(e) for name, e in differences(first, records).items()},
        }
        for ckpt, (label, records) in zip(ckpts, columns.items(), strict=True)
    ]
    result = {"seed": cfg.seed, "decoding": _decoding(cfg), "policies": policies}
    text = json.dumps(json.loads(json.dumps(result), parse_constant=lambda _: None), indent=2)
    partial = output / "results.partial"
    partial.write_text(text + "\n")
    os.replace(partial, output / "results.json")


def _decoding(cfg: DictConfig) -> str:
    setting = cfg.evaluation
    if setting.temperature == 0:
        return "greedy"
    return f"{setting.num_samples} samples each at temperature {setting.temperature}"


def labels(ckpts: Sequence[str]) -> list[str]:
    """The shortest ends of the paths that tell them apart."""
    parts = [Path(ckpt).parts for ckpt in ckpts]
    for length in range(1, max(map(len, parts)) + 1):
        ends = ["/".join(part[-length:]) for part in parts]
        if len(set(ends)) == len(ends):
            return ends
    raise ValueError(f"ckpt names the same policy twice: {', '.join(ckpts)}.")


def _digest(cfg: DictConfig, folder: Path) -> str:
    """Of everything that decides the records of one policy: settings, and its weight files."""
    own = OmegaConf.to_container(cfg, resolve=False)
    assert isinstance(own, dict)
    settings = {k: v for k, v in own.items() if k not in _NOT_SETTINGS}
    files = [(f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in folder.glob("*.safetensors")]
    text = json.dumps([settings, str(folder.resolve()), sorted(files)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _joined(digests: Sequence[str] | Any) -> str:
    return hashlib.sha256("".join(digests).encode()).hexdigest()[:10]
