"""`check`: goes through the data of a run before anything trains, and writes what it found."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from omegaconf import DictConfig
from rich.console import Console

from sophia.cli.quiet import quiet_libraries
from sophia.cli.running.advice import column_advice
from sophia.cli.running.build import build
from sophia.cli.running.data import build_dataset, data_check, prompt_fitter
from sophia.cli.running.inert import inert_settings
from sophia.cli.running.preflight import check_values
from sophia.data.check.check import rows_of
from sophia.data.check.figure import figure
from sophia.data.check.report import DataReport, write_counts, write_refused
from sophia.data.check.tables import tables
from sophia.data.dataset import RowDataset
from sophia.data.encode import PromptEncoder
from sophia.data.prompts import PromptDataset
from sophia.models.load import ModelLoader
from sophia.types import Prompt

log = logging.getLogger(__name__)

_CORPUS_PROMPTS = 1024


def check_or_exit(cfg: DictConfig) -> None:
    """Check, and exit with status 1 when rows were refused, which lets a script stop at them."""
    if check(cfg):
        sys.exit(1)


def check(cfg: DictConfig) -> int:
    """Check the training data against the held-out part, then that.

    Returns how many rows were refused and would stop a run.
    """
    quiet_libraries()
    check_values(cfg)
    train, heldout = build_dataset(cfg, "train"), build_dataset(cfg, "heldout")
    outcome = build(cfg, "reward.outcome")
    fitter = prompt_fitter(cfg, _encoder(cfg, train))
    rows_check = data_check(fitter, outcome, decode_images=cfg.decode_images)
    advice = column_advice(cfg, {"train": train, "heldout": heldout})
    for sentence in inert_settings(cfg):
        Console().print(f"no effect: {sentence}", highlight=False, markup=False, soft_wrap=True)
    folder = Path(cfg.run_dir)
    refused = 0
    for name, dataset, other in (("train", train, heldout), ("heldout", heldout, None)):
        report = rows_check.run(dataset, heldout=other, show_progress=True)
        skipped = _skipped(report, dataset)
        listed = {(refusal.file, refusal.row) for refusal in report.refused}
        stopping = report.num_refused - len(listed & skipped)
        _write(report, folder / name, [*advice, *_remarks(report, len(skipped), stopping)])
        refused += stopping
    outcome.close()
    return refused


def _skipped(report: DataReport, dataset: PromptDataset) -> set[tuple[str, int]]:
    """File and row of what a run leaves out by itself (``on_bad_row=skip``)."""
    if not isinstance(dataset, RowDataset) or not report.num_usable:
        return set()
    return {(error.origin.file, error.origin.row) for error in dataset.skipped}


def _remarks(report: DataReport, num_skipped: int, num_stopping: int) -> list[str]:
    """What follows from the report, in sentences."""
    remarks = []
    if num_skipped:
        remarks.append(
            f"on_bad_row=skip leaves {num_skipped:,} rows out; {num_stopping:,} others are refused"
            " and would stop a run."
        )
    if report.most_tokens > report.max_prompt_tokens:
        remarks.append(
            f"The longest prompt has {report.most_tokens:,} tokens:"
            f" prompt_limits.max_prompt_tokens={report.most_tokens} takes them all."
        )
    return remarks


def _encoder(cfg: DictConfig, train: PromptDataset) -> PromptEncoder:
    """The tokenizer of the checkpoint; the built-in model has one only after it is trained."""
    model: ModelLoader = build(cfg, "model")
    if model.tiny is None:
        assert model.path is not None
        return PromptEncoder(model.path)
    if "digits" not in cfg.data.train["_target_"]:
        log.warning(
            "model.path is not set: lengths are counted with the small built-in tokenizer, which"
            " makes some three times as many text tokens as a real one."
        )
    with TemporaryDirectory() as folder:
        rows = islice(rows_of(train), _CORPUS_PROMPTS)
        model.tiny.save(Path(folder), corpus=[r.question for r in rows if isinstance(r, Prompt)])
        return PromptEncoder(folder)


def _write(report: DataReport, folder: Path, remarks: Sequence[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    console = Console()
    console.rule(f"{folder.name}: {report.num_refused:,} of {report.num_rows:,} rows refused")
    console.print(tables(report))
    for remark in remarks:
        console.print(f"{remark}\n", highlight=False, markup=False, soft_wrap=True)
    figure(report).savefig(folder / "report.png", dpi=150)
    with (folder / "report.txt").open("w", encoding="utf-8") as file:
        Console(file=file, width=160).print(tables(report))
        file.writelines(f"{remark}\n" for remark in remarks)
    write_counts(report, folder / "report.json")
    write_refused(report, folder / "refused.csv")
    names = "report.png, report.txt, report.json, refused.csv"
    console.print(f"written to {folder}: {names}", highlight=False, soft_wrap=True)
