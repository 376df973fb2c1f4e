"""The model card of an exported policy as Markdown: what it is, how to ask it, how it did."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from sophia.evaluation.compare import figure_label
from sophia.evaluation.records import load_records
from sophia.report.page import percent
from sophia.run.folder import RunFolder
from sophia.run.metrics_file import read_metrics

_CARDS = jinja2.Environment(
    loader=jinja2.PackageLoader("sophia.report", "templates"),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_CARDS.filters["number"] = lambda value: _number(value)
_CARDS.filters["json"] = lambda value: json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The weights that a card is about.

    Args:
        name: what the model is called, also in the lines that load it.
        base_model: the id on the Hub of the model that training began with; None if unknown.
        steps: how many RL steps they have behind them; None if unknown.
        sees_images: whether the model takes images.
        curves: whether the picture of the curves lies beside the card.
    """

    name: str
    base_model: str | None
    steps: int | None
    sees_images: bool
    curves: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How the run asked: chat messages of a question that stands as ``{question}``.

    Args:
        system: text of the system turn, "" for none.
        before: text of the user turn before the image; "" where the image comes first.
        after: text of the user turn behind the image, or all of it for a language model.
        sentences: what follows the question, by problem type.
    """

    system: str
    before: str
    after: str
    sentences: Mapping[str, str]


def model_card(
    run: RunFolder,
    settings: Mapping[str, Any],
    *,
    settings_text: str,
    weights: Weights,
    asking: Asking,
    version: str,
) -> str:
    """The card as Markdown, with the front matter that the Hub reads.

    Args:
        run: the run that the weights are from.
        settings: its settings, interpolations resolved, fit to be read by others.
        settings_text: the same as they were written, as YAML.
        weights: which weights of the run these are.
        asking: how the run asked questions.
        version: the version of sophia that exports, for a run without a record.
    """
    record = json.loads(run.record.read_text()) if run.is_finished else {}
    trained = steps_trained(run)
    final = bool(record) and weights.steps in (None, trained)
    return _CARDS.get_template("card.md").render(
        weights=weights,
        asking=asking,
        settings=settings,
        settings_text=settings_text,
        method=method(settings),
        equation=equation(settings),
        data=data_names(settings),
        judge=_judge(settings),
        rows=result_rows(record.get("evaluation", {})) if final else [],
        num_questions=_num_questions(run),
        finished=bool(record),
        trained=trained,
        versions=record.get("versions", {}),
        commit=record.get("commit"),
        sophia=record.get("versions", {}).get("sophia-grpo", version),
    )


def steps_trained(run: RunFolder) -> int:
    """How many RL steps a run has written to its metrics."""
    rows = read_metrics(run.metrics) if run.metrics.is_file() else []
    return int(float(rows[-1]["rl_step"])) + 1 if rows else 0


def method(settings: Mapping[str, Any]) -> str:
    """What the training is called: Trust-GRPO where a thinking reward is weighted by trust."""
    reward = settings["reward"]
    if not reward.get("thinking"):
        return "GRPO"
    return "Trust-GRPO" if reward.get("trust") else "GRPO with a thinking reward"


def equation(settings: Mapping[str, Any]) -> str:
    """The reward of a completion in the run's own numbers."""
    reward, terms = settings["reward"], ["outcome"]
    if reward.get("thinking"):
        trust = "γ · " if reward.get("trust") else ""
        terms.append(f"{trust}{_weight(settings.get('annealing') or {})} · thinking")
    if reward.get("format_mode") == "weight":
        terms.append(f"{_number(reward['format_weight'])} · format")
    extra = reward.get("extra") or {}
    terms += [f"{_number(part.get('weight', 1.0))} · {name}" for name, part in extra.items()]
    return "R = " + " + ".join(terms)


def _weight(annealing: Mapping[str, Any]) -> str:
    kind = str(annealing.get("_target_", "")).rpartition(".")[2]
    if kind == "Exponential":
        return f"{_number(annealing['start'])} · exp(−t / {_number(annealing['decay_steps'])})"
    if kind == "Constant":
        return f"{_number(annealing['value'])}"
    if kind in ("Linear", "Cosine"):
        span = f"{_number(annealing['start'])} → {_number(annealing['end'])}"
        return f"w(t), {kind.lower()} {span} in {_number(annealing['decay_steps'])} steps,"
    return "w(t)"


def _number(value: Any) -> str:
    """A number without needless zeros; what a setting of the environment has left out, as it is."""
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _judge(settings: Mapping[str, Any]) -> str | None:
    judge = settings.get("judge") or {}
    kind = str(judge.get("_target_", "")).rpartition(".")[2]
    if kind == "HTTPJudge":
        return "a reward model behind a server"
    return {"": None, "DigitsJudge": "a rule that knows the digits"}.get(kind, kind)


def data_names(settings: Mapping[str, Any]) -> str:
    """What was trained on, by the names that the settings give it; no folders."""
    train = settings["data"].get("train") or {}
    files = (train.get("sources") or {}).get("files")
    if isinstance(files, Mapping):
        return ", ".join(f"{name} ({_last(file)})" for name, file in files.items())
    if files:
        return ", ".join(_last(file) for file in ([files] if isinstance(files, str) else files))
    kind = str(train.get("_target_", "")).rpartition(".")[2]
    return "questions about two handwritten digits" if kind == "DigitsDataset" else kind


def _last(file: Any) -> str:
    names = file if isinstance(file, Sequence) and not isinstance(file, str) else [file]
    return ", ".join(Path(str(name)).name for name in names)


def result_rows(evaluation: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """Each figure as (label, before, after, change) in percent; types stand under accuracy."""
    before, after = evaluation.get("before", {}), evaluation.get("after", {})
    change = evaluation.get("change", {})
    names = sorted(after, key=lambda name: not name.startswith("accuracy"))
    return [
        (
            _label(name),
            _interval(before.get(name)),
            _interval(after[name]),
            _interval(change.get(name), sign=True),
        )
        for name in names
        if after[name]["value"] is not None
    ]


def _label(name: str) -> str:
    kind = name.partition("/")[2]
    return f"accuracy, {kind}" if kind else figure_label(name)


def _interval(figure: Mapping[str, float | None] | None, *, sign: bool = False) -> str:
    if figure is None or figure["value"] is None:
        return ""
    low, high = (percent(figure[end], sign=sign) for end in ("low", "high"))
    return f"{percent(figure['value'], sign=sign)} [{low}, {high}]"


def _num_questions(run: RunFolder) -> int:
    path = run.evaluation("after")
    return len({r.uid for r in load_records(path)}) if path.is_file() else 0
