"""Policies on benchmarks: found, asked by one process or several, shown with published numbers."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from sophia.benchmarks.answering import Answers, Share, answer_resumably
from sophia.benchmarks.asked import BenchmarkPrompts
from sophia.benchmarks.grader import BenchmarkGrader
from sophia.benchmarks.predictions import write_predictions
from sophia.benchmarks.results import Column, Result
from sophia.benchmarks.table import behind, details, overview, print_whole
from sophia.chat.model import ChatModel
from sophia.cli.quiet import quiet_libraries
from sophia.cli.running.benchmarks import (
    Asked,
    benchmark_evaluator,
    benchmark_template,
    open_benchmarks,
)
from sophia.cli.running.build import build
from sophia.cli.running.data import prompt_fitter
from sophia.cli.running.parts import build_engine
from sophia.cli.running.shares import ask_in_processes, end_with_parent
from sophia.cli.verbs.evaluation import labels
from sophia.data.encode import PromptEncoder
from sophia.data.template import PromptTemplate
from sophia.protocols import RolloutEngine
from sophia.report.benchmarks import write_benchmarks_page
from sophia.run.convert import to_hf_folder
from sophia.run.opening import held

_ASKING = (
    "template", "benchmark_template", "sampling", "evaluation", "prompt_limits", "rollout", "seed",
)  # fmt: skip
"""The keys that decide what is answered to a question."""


class Policy:
    """One policy of a call; its engine is built when a question is to be asked."""

    def __init__(self, cfg: DictConfig, *, label: str, ckpt: str) -> None:
        self._cfg = cfg
        self.label = label
        self.ckpt = ckpt
        self.folder = to_hf_folder(Path(ckpt))
        self._closing = ExitStack()

    def answers(self, asked: Asked, output: Path, *, share: Share, blind: bool) -> Answers:
        """Its answers to a benchmark; what is on disk is not made again."""
        prompts = BenchmarkPrompts(
            name=asked.name,
            benchmark=asked.benchmark,
            items=asked.items,
            template=self._template,
            fitter=prompt_fitter(self._cfg, self._encoder),
            blind=blind,
        )
        grader = BenchmarkGrader(asked.benchmark, chat=self._chat)
        what = f"{asked.name}-blind" if blind else asked.name
        return answer_resumably(
            lambda: benchmark_evaluator(
                self._cfg, grader, engine=self._engine, encoder=self._encoder
            ),
            grader,
            prompts,
            asked.places,
            output / f"{what}-{self._digest(asked)}.jsonl",
            rules=self._rules(asked),
            share=share,
            description=f"{self.label} {what}",
        )

    def close(self) -> None:
        """End the engine and the connections to served models."""
        self._closing.close()

    @cached_property
    def _encoder(self) -> PromptEncoder:
        return PromptEncoder(self.folder)

    @cached_property
    def _engine(self) -> RolloutEngine:
        return build_engine(self._cfg, self.folder, self._encoder)

    @cached_property
    def _template(self) -> PromptTemplate:
        return benchmark_template(self._cfg)

    @cached_property
    def _chat(self) -> ChatModel | None:
        chat: ChatModel | None = build(self._cfg, "benchmark_judge")
        if chat is not None:
            self._closing.callback(chat.close)
        return chat

    def _digest(self, asked: Asked) -> str:
        """A hash of what decides the answers: the policy, how it is asked, and what."""
        cfg = self._plain
        weights = sorted(
            (f.name, f.stat().st_size, f.stat().st_mtime_ns)
            for f in self.folder.glob("*.safetensors")
        )
        return _hash(
            [cfg[key] for key in _ASKING],
            [cfg["benchmarks"][asked.name][key] for key in ("sources", "prompt")],
            weights,
            str(self.folder.resolve()),
            asked.contents,
        )

    def _rules(self, asked: Asked) -> str:
        """A hash of what decides the grades of answers."""
        own, chat = self._plain["benchmarks"][asked.name], self._cfg.benchmark_judge
        judge = [chat.url, chat.model] if chat and asked.benchmark.asked is not None else None
        return _hash([own.get(key) for key in ("rule", "strict", "asked")], judge)

    @cached_property
    def _plain(self) -> dict[str, Any]:
        cfg = OmegaConf.to_container(self._cfg, resolve=False)
        return cast("dict[str, Any]", cfg)


def _hash(*values: object) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:10]


def evaluate_benchmarks(cfg: DictConfig) -> None:
    """Ask every policy every benchmark, and show all of it; or only a share, and show nothing."""
    quiet_libraries()
    benchmarks = open_benchmarks(cfg, limit=cfg.limit)
    ckpts = [cfg.ckpt] if isinstance(cfg.ckpt, str) else [str(ckpt) for ckpt in cfg.ckpt]
    policies = [
        Policy(cfg, label=label, ckpt=ckpt)
        for label, ckpt in zip(labels(ckpts), ckpts, strict=True)
    ]
    output = _output_folder(cfg, policies)
    share = _share(cfg)
    if cfg.processes < 1:
        raise ValueError(f"processes is {cfg.processes}; it must be at least 1.")
    if share != Share():
        end_with_parent()
        with held(output / f"share-{share.index}-of-{share.of}"):
            _columns(cfg, policies, benchmarks, output, share)
        return
    with held(output):
        if cfg.processes > 1:
            answers = sum(len(asked.places) for asked in benchmarks) * len(policies)
            ask_in_processes(cfg.processes, output, total=answers * (2 if cfg.blind else 1))
        columns = _columns(cfg, policies, benchmarks, output, share)
        show(cfg, benchmarks, columns, output)


def _columns(
    cfg: DictConfig,
    policies: Sequence[Policy],
    benchmarks: Sequence[Asked],
    output: Path,
    share: Share,
) -> dict[str, list[Column]]:
    """Every policy's answers to each benchmark."""
    columns: dict[str, list[Column]] = {asked.name: [] for asked in benchmarks}
    for policy in policies:
        for asked in benchmarks:
            columns[asked.name].append(_column(cfg, policy, asked, output, share))
        policy.close()
    return columns


def _column(cfg: DictConfig, policy: Policy, asked: Asked, output: Path, share: Share) -> Column:
    sighted = policy.answers(asked, output, share=share, blind=False)
    blind = policy.answers(asked, output, share=share, blind=True) if cfg.blind else None
    return Column(
        label=policy.label,
        ckpt=policy.ckpt,
        benchmark=asked.benchmark,
        records=sighted.records,
        blind=None if blind is None else blind.records,
        seconds=sighted.seconds + (0.0 if blind is None else blind.seconds),
    )


def show(
    cfg: DictConfig,
    benchmarks: Sequence[Asked],
    columns: Mapping[str, Sequence[Column]],
    output: Path,
) -> None:
    """Write the results, the page and prediction files, and print the tables."""
    results = [
        Result(
            name=asked.name,
            benchmark=asked.benchmark,
            file=str(asked.items.path),
            is_official=asked.items.is_official,
            limited=len(asked.places) < len(asked.items),
            judged=bool(cfg.benchmark_judge),
            columns=columns[asked.name],
        )
        for asked in benchmarks
    ]
    _save(output, results)
    who = ", ".join(column.label for column in results[0].columns)
    write_benchmarks_page(
        output / "benchmarks.html",
        results,
        {asked.name: asked.items for asked in benchmarks},
        title=f"{who} on {len(results)} benchmarks"
        if len(results) > 1
        else f"{who} on a benchmark",
        subtitle=", ".join(result.title for result in results),
    )
    _predict(output, results)
    console = Console()
    for result in results:
        if len(result.names) > 1:
            print_whole(details(result))
    print_whole(behind(results))
    print_whole(overview(results))
    for result in results:
        if result.benchmark.notes:
            console.print(f"{result.title}: {result.benchmark.notes}", soft_wrap=True)
    files = "benchmarks.html, benchmarks.json, a .jsonl of answers per benchmark, predictions/"
    console.print(f"\nwritten to {output}: {files}", highlight=False, soft_wrap=True)


def _predict(output: Path, results: Sequence[Result]) -> None:
    """Write VLMEvalKit's prediction file of every policy for every benchmark in its format."""
    folder = output / "predictions"
    folder.mkdir(exist_ok=True)
    for result in results:
        table = Path(result.file)
        if table.suffix != ".tsv":
            continue
        for column in result.columns:
            name = f"{column.label.replace('/', '-')}_{table.stem}.tsv"
            write_predictions(table, column.records, folder / name)


def _save(output: Path, results: Sequence[Result]) -> None:
    partial = output / "benchmarks.partial"
    found = {result.name: result.as_json() for result in results}
    partial.write_text(json.dumps(found, indent=2) + "\n")
    os.replace(partial, output / "benchmarks.json")


def _output_folder(cfg: DictConfig, policies: Sequence[Policy]) -> Path:
    """Make ``run_dir``, or a folder that another call about the same policies finds again."""
    of = "".join(str(policy.folder.resolve()) for policy in policies)
    digest = hashlib.sha256(of.encode()).hexdigest()[:10]
    folder = Path(cfg.run_dir or Path("outputs") / "benchmarks" / digest)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"the folder of this evaluation cannot be made ({error}); name another one by run_dir=."
        ) from error
    return folder


def _share(cfg: DictConfig) -> Share:
    if cfg.share is None:
        return Share()
    index, _, of = str(cfg.share).partition("/")
    if not (index.isdecimal() and of.isdecimal() and int(index) < int(of)):
        raise ValueError(
            f"share is {cfg.share!r}; write INDEX/OF, such as share=0/4 for the first of four."
        )
    return Share(index=int(index), of=int(of))
