"""A user's mistake ends in one sentence with the remedy; debug=true shows the trace."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands import run

pytestmark = pytest.mark.slow

MISTAKES = [
    (
        ("train.py", "algorithm.loss.betta=1"),
        "unknown key algorithm.loss.betta; did you mean 'algorithm.loss.beta'?",
    ),
    (("train.py", "nmu_steps=3"), "unknown key nmu_steps; did you mean 'num_steps'?"),
    (
        ("train.py", "experiment=quikstart"),
        "there is no experiment 'quikstart'; did you mean 'quickstart'? known are ",
    ),
    (
        ("train.py", "seed=0,1"),
        "seed=0,1 has several values; quote it to mean one value, or add -m for a sweep.",
    ),
    (("train.py", "name=${nope}"), "Interpolation key 'nope' not found"),
    (("train.py", "annealing=["), "'annealing=[' cannot be read; write key=value"),
    (
        ("train.py", "trainer.devices=800", "trainer.accelerator=gpu"),
        "this run wants 800 GPUs on a machine",
    ),
    (
        ("train.py", "trainer.devices=800", "trainer.accelerator=cpu"),
        "this run wants 800 CPU cores on a machine",
    ),
    (
        ("evaluate.py", "-m", "ckpt=a,b"),
        "evaluate is no sweep; leave -m away, or sweep with train.py.",
    ),
    (
        ("evaluate.py", "ckpt=[x/a,x/a]", "data=digits"),
        "ckpt names the same policy twice: x/a, x/a.",
    ),
    (("evaluate.py", "ckpt=tests"), "ckpt=tests is neither of them; give a run folder"),
    (
        ("evaluate.py", "ckpt=x", "evaluation.num_sampels=3"),
        "unknown key evaluation.num_sampels; did you mean 'evaluation.num_samples'?",
    ),
    (
        ("-m", "sophia", "inspect", "run_dir=nowhere", "step=0"),
        "run_dir=nowhere holds no run (no config.yaml)",
    ),
    (("-m", "sophia", "report"), "run_dir is missing"),
    (
        ("-m", "sophia", "infer", "ckpt=x", "question=x", "image=nope.png"),
        "there is no file nope.png",
    ),
    (
        ("-m", "sophia", "infer", "ckpt=x", "question=x", "image=Makefile"),
        "the image Makefile cannot be used",
    ),
    (
        ("-m", "sophia", "infer", "ckpt=nowhere", "question=x"),
        "ckpt=nowhere does not exist; give a run folder",
    ),
    (
        ("evaluate.py", "ckpt=owner/model", "data=example"),
        "ckpt=owner/model does not exist; give a run folder, a checkpoint step_*.ckpt in one, or a"
        " folder in Hugging Face format. If it is a model of the Hub, first say hf download owner/",
    ),
    (("-m", "sophia", "infer", "question=x"), "still to be said: ckpt=..."),
]


@pytest.mark.parametrize(
    ("arguments", "message"), MISTAKES, ids=lambda v: " ".join(v) if isinstance(v, tuple) else ""
)
def test_one_readable_sentence(arguments: tuple[str, ...], message: str, cache: Path) -> None:
    output = run(*arguments, cache=cache, expect=1)
    lines = [line for line in output.splitlines() if line.strip()]
    assert lines[-1].startswith(f"error: {message}")
    assert "Traceback" not in output


def test_debug_shows_the_trace(cache: Path) -> None:
    output = run("train.py", "nmu_steps=3", "debug=true", cache=cache, expect=1)
    assert "Traceback" in output
    assert "did you mean 'num_steps'?" in output


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "algorithm.loss.policy.dual_clip=0.5",
            "error: algorithm.loss: dual_clip is 0.5; it must exceed 1 +",
        ),
        (
            "algorithm.update.num_iterations=0",
            "error: algorithm.update: num_iterations is 0; it must be at least 1.",
        ),
        (
            "callbacks.rollout.sync.bucket_mib=0",
            "error: callbacks.rollout.sync: sync settings every_n_steps=1, bucket_mib",
        ),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_before_the_warm_start(
    override: str, message: str, tmp_path: Path, cache: Path
) -> None:
    output = run("train.py", override, f"run_dir={tmp_path / 'run'}", cache=cache, expect=1)
    assert message in output
    assert "warm start" not in output
    assert "Traceback" not in output
