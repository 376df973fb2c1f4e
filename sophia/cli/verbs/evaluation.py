"""Answers of one or several policies to the held-out prompts, side by side."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from sophia.cli.quiet import quiet_libraries
from sophia.cli.running.build import build
from sophia.cli.running.data import DataPart, build_dataset, open_checked, prompt_fitter
from sophia.cli.running.parts import build_evaluator, build_parts
from sophia.cli.running.preflight import ask_judge
from sophia.data.encode import PromptEncoder
from sophia.evaluation.compare import differences, summarise, summary_table
from sophia.evaluation.evaluator import Evaluator, Prompts
from sophia.evaluation.records import EvalRecord
from sophia.evaluation.resumable import evaluate_resumably
from sophia.report.evaluation import write_evaluation_page
from sophia.run.convert import to_hf_folder
from sophia.run.folder import run_around

_NOT_SETTINGS = ("ckpt", "run_dir", "debug", "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One of the policies that an evaluation asks.

    Args:
        label: its column in tables.
        ckpt: where it was said to be: a run folder, a checkpoint or a folder of weights.
        folder: its weights in Hugging Face format.
        prompts: the held-out prompts as this policy sees them.
        digest: a hash of everything that decides its records; part of their file's name.
    """

    label: str
    ckpt: str
    folder: Path
    prompts: Prompts
    digest: str


def find_policies(cfg: DictConfig) -> list[Policy]:
    """The policies that ``ckpt`` names, and the held-out prompts opened for each.

    Raises:
        ValueError: one of them is no policy, two are the same, or a prompt cannot be graded.
    """
    quiet_libraries()
    ckpts = [cfg.ckpt] if isinstance(cfg.ckpt, str) else [str(ckpt) for ckpt in cfg.ckpt]
    names = labels(ckpts)
    folders = [to_hf_folder(Path(ckpt)) for ckpt in ckpts]
    return [
        Policy(
            label=label,
            ckpt=ckpt,
            folder=folder,
            prompts=_prompts(cfg, folder),
            digest=_digest(cfg, folder),
        )
        for label, ckpt, folder in zip(names, ckpts, folders, strict=True)
    ]


def output_folder(cfg: DictConfig, policies: Sequence[Policy]) -> Path:
    """Make ``run_dir``, or a folder that the same evaluation finds again."""
    digest = hashlib.sha256("".join(policy.digest for policy in policies).encode()).hexdigest()
    folder = Path(cfg.run_dir or Path("outputs") / "evaluate" / digest[:10])
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def answer(cfg: DictConfig, policy: Policy, output: Path) -> list[EvalRecord]:
    """The records of one policy; what is on disk is not made again."""
    path = output / f"records-{policy.digest}.jsonl"
    with ExitStack() as closing:

        def make() -> Evaluator:
            ask_judge(cfg)
            parts = build_parts(cfg, policy.folder)
            closing.callback(parts.close)
            return build_evaluator(cfg, parts)

        return evaluate_resumably(make, policy.prompts, path, description=policy.label)


def show(
    cfg: DictConfig,
    output: Path,
    policies: Sequence[Policy],
    records: Sequence[list[EvalRecord]],
) -> None:
    """Write results.json and the page, and print the table."""
    columns = {policy.label: own for policy, own in zip(policies, records, strict=True)}
    prompts = policies[0].prompts
    title = f"Evaluation of {names_of(policies)}"
    asked = f"{len(prompts)} questions, seed {cfg.seed}, {_decoding(cfg)}"
    _save(cfg, output, columns, policies)
    page = output / "evaluation.html"
    write_evaluation_page(page, columns, prompts, title=title, subtitle=asked)
    console = Console()
    console.print(summary_table(columns, title=f"{title}: {asked}"))
    files = "results.json, evaluation.html, records-*.jsonl"
    console.print(f"\nwritten to {output}: {files}", highlight=False, soft_wrap=True)


def _prompts(cfg: DictConfig, folder: Path) -> Prompts:
    outcome = build(cfg, "reward.outcome")
    fitter = prompt_fitter(cfg, PromptEncoder(folder))
    datasets: dict[DataPart, Any] = {"heldout": build_dataset(cfg, "heldout")}
    opened = open_checked(datasets, fitter, outcome, seed=cfg.seed)
    outcome.close()
    return opened["heldout"]


def _save(
    cfg: DictConfig,
    output: Path,
    columns: Mapping[str, Sequence[EvalRecord]],
    policies: Sequence[Policy],
) -> None:
    first = columns[policies[0].label]
    figures = [
        {
            "label": policy.label,
            "ckpt": policy.ckpt,
            "figures": {n: asdict(e) for n, e in summarise(columns[policy.label]).items()},
            "change": {n: asdict(e) for n, e in differences(first, columns[policy.label]).items()},
        }
        for policy in policies
    ]
    result = {"seed": cfg.seed, "decoding": _decoding(cfg), "policies": figures}
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
    """A label for each path: the shortest end that tells them apart.

    Raises ValueError when two paths are the same.
    """
    parts = [Path(ckpt).parts for ckpt in ckpts]
    for length in range(1, max(map(len, parts)) + 1):
        ends = ["/".join(part[-length:]) for part in parts]
        if len(set(ends)) == len(ends):
            return ends
    raise ValueError(f"ckpt names the same policy twice: {', '.join(ckpts)}.")


def names_of(policies: Sequence[Policy]) -> str:
    """The runs that the policies are of, each once; what is of no run by its label."""
    runs = ((policy, run_around(Path(policy.ckpt))) for policy in policies)
    return ", ".join(dict.fromkeys(run.name if run else policy.label for policy, run in runs))


def _digest(cfg: DictConfig, folder: Path) -> str:
    """A hash of what decides the records of one policy: settings, and its weight files."""
    own = OmegaConf.to_container(cfg, resolve=False)
    assert isinstance(own, dict)
    settings = {k: v for k, v in own.items() if k not in _NOT_SETTINGS}
    files = [(f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in folder.glob("*.safetensors")]
    text = json.dumps([settings, str(folder.resolve()), sorted(files)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:10]
