"""Each way in which a run learns nothing, provoked, is said: once, and with its own remedy."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lightning import Callback

from sophia.callbacks.health import HealthCallback
from sophia.callbacks.report import ReportCallback
from sophia.data.encode import PromptEncoder
from sophia.failures import RunStopped
from sophia.grpo.loss import LossConfig
from sophia.measure.health import Limit, Limits
from sophia.report.health import run_findings
from sophia.report.run import write_run_report
from sophia.rewards.format import FormatRule
from sophia.rollout.transformers.engine import TransformersEngine
from sophia.run.checkpoint import checkpoint_path
from sophia.run.folder import RunFolder
from sophia.run.loggers import CSVMetrics
from sophia.training.update import UpdateConfig
from sophia.types import GenerationRequest, Rollout, SamplingParams
from tests.commands import SMALL_RUN, run
from tests.poison import LoseReference, NoGradient, Poison
from tests.short_run import LIGHTNINGS_REMARKS, Run, SaveAfter

QUICK = Limits(
    loss_not_finite=Limit(steps=3, share=0.5),
    skipped_updates=Limit(steps=3, share=0.5),
    truncated=Limit(steps=3, share=0.9),
    no_format=Limit(steps=3, share=0.95),
    equal_groups=Limit(steps=3, share=0.95),
    no_gradient=Limit(steps=3, share=1.0),
)
AS_YAML = "callbacks: {health: {limits: {" + ", ".join(
    f"{name}: {{steps: {limit.steps}, share: {limit.share}}}"
    for name, limit in QUICK.by_name.items()
) + "}}}\n"  # fmt: skip
GOOD = tuple(f"<think>{t}</think><answer>1</answer>" for t in ("a", "1 1", "ab", "1"))
END = "<|im_end|>"


class Says(TransformersEngine):
    """Completes every prompt with these tokens, one text for each of its seeds."""

    texts: tuple[tuple[int, ...], ...] = ()

    def generate(
        self, requests: Sequence[GenerationRequest], sampling: SamplingParams
    ) -> Iterator[tuple[int, Rollout]]:
        long_enough = replace(sampling, max_new_tokens=max(map(len, self.texts)))
        forced = [
            r if r.forced or len(r.seeds) < len(self.texts) else replace(r, forced=self.texts)
            for r in requests
        ]
        yield from super().generate(forced, long_enough)


def watched(
    folder: Path,
    run_dir: Path,
    encoder: PromptEncoder,
    *,
    texts: Sequence[str] = GOOD,
    end: str = END,
    callbacks: Sequence[Callback] = (),
    num_steps: int = 4,
    **overrides: Any,
) -> Run:
    """A run that says these texts, watched by quick limits."""
    run_dir.mkdir(exist_ok=True)
    (run_dir / "config.yaml").write_text(AS_YAML)
    settings: dict[str, Any] = {
        "update": UpdateConfig(micro_batch_tokens=400, max_skipped_updates=None)
    }
    health = HealthCallback(run_dir=run_dir, limits=QUICK)
    short = Run(
        folder, num_steps=num_steps, engine=Says, format=FormatRule(),
        callbacks=[*callbacks, health], **{**settings, **overrides},
    )  # fmt: skip
    assert isinstance(short.engine, Says)
    ids = [encoder.tokenizer(text + end, add_special_tokens=False).input_ids for text in texts]
    longest = max(map(len, ids))
    if not end:  # cut at the same place, where the limit is
        ids = [(one * longest)[:longest] for one in ids]
    short.engine.texts = tuple(tuple(one) for one in ids)
    return short


def fit(short: Run, run_dir: Path, **arguments: Any) -> None:
    """With the file that a run's folder has."""
    short.fit(logger=[short.logger, CSVMetrics(RunFolder(path=run_dir).metrics)], **arguments)


CASES: dict[str, dict[str, Any]] = {
    "healthy": {},
    "loss_not_finite": {
        "callbacks": [LoseReference()], "loss": LossConfig(beta=0.04, kl_estimator="k1"),
    },
    "skipped_updates": {"callbacks": [Poison(0, 1, 2, 3)]},
    "truncated": {"end": ""},
    "no_format": {"texts": ("a", "1", "ab", "1 1")},
    "equal_groups": {"texts": GOOD[:1] * 4},
    "no_gradient": {"callbacks": [NoGradient()]},
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
@LIGHTNINGS_REMARKS
def test_each_cause_shows_its_own_banner_once(
    name: str,
    tiny_folder: Path,
    encoder: PromptEncoder,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    short = watched(tiny_folder, tmp_path, encoder, **CASES[name])
    with caplog.at_level(logging.WARNING, logger="sophia.callbacks.health"):
        fit(short, tmp_path)
    said = [r.message for r in caplog.records if r.name == "sophia.callbacks.health"]
    found = run_findings(RunFolder(path=tmp_path))  # of the files alone
    page = write_run_report(tmp_path, title="a run").read_text()
    if name == "healthy":
        assert (said, found) == ([], [])
        assert "data-health" not in page
        return
    assert [one.name for one in found] == [name]
    assert len(said) == 1
    assert found[0].headline.upper() in said[0]
    assert said[0].count("What to do:") == 1
    assert found[0].remedy in said[0]
    assert page.count("data-health=") == 1
    assert f'data-health="{name}"' in page


@LIGHTNINGS_REMARKS
def test_a_run_that_stops_leaves_a_page_with_its_banner(
    tiny_folder: Path, encoder: PromptEncoder, tmp_path: Path
) -> None:
    page = ReportCallback(run_dir=tmp_path, title=None, every_n_steps=100)
    stopping = UpdateConfig(micro_batch_tokens=400, max_skipped_updates=3)
    short = watched(
        tiny_folder, tmp_path, encoder, callbacks=[Poison(0, 1, 2), page], update=stopping
    )
    with pytest.raises(RunStopped, match=r"^3 updates in a row"):
        fit(short, tmp_path)
    written = RunFolder(path=tmp_path).report.read_text()
    assert 'data-health="skipped_updates"' in written
    assert "3 RL steps" in written


@LIGHTNINGS_REMARKS
def test_a_resumed_run_knows_the_steps_before(
    tiny_folder: Path,
    encoder: PromptEncoder,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    save = SaveAfter(2, tmp_path / "checkpoints")
    first = watched(tiny_folder, tmp_path, encoder, callbacks=[save], **CASES["no_format"])
    fit(first, tmp_path)
    caplog.clear()
    resumed = watched(tiny_folder, tmp_path, encoder, num_steps=4, **CASES["no_format"])
    with caplog.at_level(logging.WARNING, logger="sophia.callbacks.health"):
        fit(resumed, tmp_path, ckpt_path=checkpoint_path(tmp_path / "checkpoints", 2))
    assert [row["rl_step"] for row in resumed.logger.rows] == [2, 3]
    assert sum("NO COMPLETION HAS THE FORMAT" in r.message for r in caplog.records) == 1


def test_health_null_looks_at_nothing(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("callbacks: {health: null}\n")
    assert run_findings(RunFolder(path=tmp_path)) == []


def test_settings_that_are_no_yaml_have_the_default_limits(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("name: 'a' b\n")
    assert run_findings(RunFolder(path=tmp_path)) == []
    table = CSVMetrics(RunFolder(path=tmp_path).metrics)
    for step in range(9):
        table.log_metrics({"completions/clipped_ratio": 1.0}, step=step)
    assert [one.name for one in run_findings(RunFolder(path=tmp_path))] == ["truncated"]


@pytest.mark.slow
def test_the_command_says_it_when_it_begins_and_at_the_end(tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "run"
    limits = "callbacks.health.limits.truncated.steps=3"
    short = ("num_steps=4", "logger=csv", limits)
    output = run("train.py", *SMALL_RUN, *short, f"run_dir={folder}", cache=cache)
    assert output.count("COMPLETIONS ARE CUT OFF") == 2
    assert output.rindex("COMPLETIONS ARE CUT OFF") > output.index("8 questions")
    assert (folder / "run.log").read_text().count("COMPLETIONS ARE CUT OFF") == 1
    page = folder / "report.html"
    assert 'data-health="truncated"' in page.read_text()
    page.unlink()
    (folder / "run.json").unlink()  # as a kill leaves it
    run("-m", "sophia", "report", f"run_dir={folder}", cache=cache)
    assert 'data-health="truncated"' in page.read_text()
