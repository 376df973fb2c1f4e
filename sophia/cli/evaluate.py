"""`evaluate`: greedy answers of one policy to the held-out prompts."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from sophia.cli.build import SHARED
from sophia.cli.parts import ENGINE_ARGUMENTS, shared_parts
from sophia.cli.prompts import build_dataset, open_checked, prompt_fitter
from sophia.cli.quiet import quiet_libraries
from sophia.cli.settings import EvaluateSettings
from sophia.cli.validate import validate
from sophia.evaluation.compare import summarise, summary_table
from sophia.evaluation.evaluator import Evaluator
from sophia.evaluation.records import save_records
from sophia.models.convert import to_hf_folder

log = logging.getLogger(__name__)


def validate_evaluate(cfg: DictConfig) -> None:
    """Refuse what cannot work, before anything is built."""
    validate(cfg, EvaluateSettings, shared=(*SHARED, *ENGINE_ARGUMENTS))


def evaluate(cfg: DictConfig) -> None:
    """One evaluation, from its configuration to its table."""
    validate_evaluate(cfg)
    if cfg.ckpt is None:
        raise ValueError("ckpt is missing; python evaluate.py ckpt=<run folder, checkpoint, ...>.")
    quiet_libraries()
    folder = to_hf_folder(Path(cfg.ckpt))
    shared = shared_parts(cfg, folder)
    fitter = prompt_fitter(cfg, shared["encoder"])
    parts = {"heldout": build_dataset(cfg, "heldout")}
    heldout = open_checked(parts, fitter, shared["outcome"], seed=cfg.seed)["heldout"]
    evaluator: Evaluator = shared["evaluator"]
    records = evaluator.evaluate(heldout, description="evaluation")
    shared["judge"].close()
    shared["outcome"].close()
    output = Path(cfg.run_dir)
    output.mkdir(parents=True, exist_ok=True)
    save_records(output / "records.jsonl", records)
    figures = {name: asdict(estimate) for name, estimate in summarise(records).items()}
    result = {"ckpt": str(cfg.ckpt), "seed": cfg.seed, "figures": figures}
    (output / "results.json").write_text(json.dumps(result, indent=2) + "\n")
    console = Console()
    title = f"{cfg.ckpt}, {len(records)} questions, seed {cfg.seed}"
    console.print(summary_table({"policy": records}, title=title))
    console.print(f"\nwritten to {output}: results.json, records.jsonl", highlight=False)
