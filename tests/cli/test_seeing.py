"""Commands that look at a run: report, inspect, infer, evaluate side by side."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from sophia.run.groups import load_groups
from sophia.run.metrics_file import read_metrics
from tests.browser import opened
from tests.commands import run, run_cold

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def looked_at(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, because looking writes into the folder."""
    return shutil.copytree(finished, tmp_path_factory.mktemp("copies") / "run")


def test_a_run_leaves_its_page_and_its_rollouts(finished: Path) -> None:
    rows = read_metrics(finished / "validation.csv")
    assert [row["rl_step"] for row in rows] == ["0", "3", "6", "8"]
    assert list((finished / "best").glob("step_*.ckpt"))
    groups = load_groups(finished / "rollouts", 7)
    assert (len(groups), len(groups[0].completions)) == (4, 4)
    with opened(finished / "report.html") as page:
        assert "8 RL steps" in page.inner_text("body")
        assert len(page.query_selector_all(".card[data-kind]")) == 8
        assert page.query_selector(".card img").evaluate("image => image.naturalWidth") == 56


def test_report_writes_the_page_again(looked_at: Path, cache: Path) -> None:
    (looked_at / "report.html").unlink()
    output = run_cold("-m", "sophia", "report", f"run_dir={looked_at}", cache=cache)
    assert "report.html; open it in a browser" in output
    assert (looked_at / "report.html").is_file()


def test_inspect_shows_a_group_as_it_was(looked_at: Path, cache: Path) -> None:
    output = run(
        "-m", "sophia", "inspect", f"run_dir={looked_at}", "step=5", "group=2", cache=cache
    )
    group = load_groups(looked_at / "rollouts", 5)[2]
    assert f"step 5, group 2 of 4: {group.uid}" in output
    assert f"right answer: {group.answer}" in output
    assert "gamma: 1.0000" in output
    for completion in group.completions:
        assert f"{completion.advantage:+.3f}" in output
    assert "┃ tokens ┃" in output  # the last column is not cut off
    assert (looked_at / "inspect" / "step_000005-group_2-image_0.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("step=8",), "step is 8; kept are 0-7."),
        (("step=0", "group=4"), "group is 4; step 0 has 0 to 3."),
    ],
)
def test_inspect_says_what_is_kept(
    arguments: tuple[str, ...], message: str, finished: Path, cache: Path
) -> None:
    output = run(
        "-m", "sophia", "inspect", f"run_dir={finished}", *arguments, cache=cache, expect=1
    )
    assert f"error: {message}" in output


def test_inspect_without_a_step_lists_those_that_are_kept(finished: Path, cache: Path) -> None:
    output = run("-m", "sophia", "inspect", f"run_dir={finished}", cache=cache)
    assert output.strip() == "kept are the steps 0-7; step=N shows one"


def test_infer_answers_and_grades(looked_at: Path, cache: Path) -> None:
    image = looked_at / "picture.png"
    image.write_bytes(load_groups(looked_at / "rollouts", 0)[0].images[0])
    output = run(
        "-m", "sophia", "infer", f"ckpt={looked_at}", f"image={image}",
        "question=What is their sum?", "answer=4", "sampling.max_new_tokens=5", cache=cache,
    )  # fmt: skip
    assert "picture.png: What is their sum?" in output
    assert "[right answer 4: outcome 0, format 0, thinking not scored (prompt" in output


def test_infer_reads_standard_input(looked_at: Path, cache: Path) -> None:
    command = ("-m", "sophia", "infer", f"ckpt={looked_at}", "question=-")
    output = run(*command, "sampling.max_new_tokens=3", cache=cache, stdin="one?\ntwo?\n")
    assert "one?" in output
    assert "two?" in output


def test_checkpoints_side_by_side(looked_at: Path, tmp_path: Path, cache: Path) -> None:
    best = next((looked_at / "best").glob("step_*.ckpt"))
    arguments = (
        "evaluate.py", f"ckpt=[{looked_at},{best}]", "data.heldout.num_prompts=4",
        "evaluation.num_samples=2", "evaluation.temperature=1.0", "sampling.max_new_tokens=4",
        f"run_dir={tmp_path}",
    )  # fmt: skip
    output = run(*arguments, cache=cache)
    assert "pass@2" in output
    assert "maj@2" in output
    result = json.loads((tmp_path / "results.json").read_text())
    assert [policy["label"] for policy in result["policies"]] == ["run", best.name]
    assert result["policies"][1]["change"]["accuracy"]["value"] == 0.0
    with opened(tmp_path / "evaluation.html") as page:
        assert len(page.query_selector_all(".card[data-kind]")) == 4
    records = sorted(tmp_path.glob("records-*.jsonl"))
    written = [path.stat().st_mtime_ns for path in records]
    assert run(*arguments, cache=cache)
    assert [path.stat().st_mtime_ns for path in records] == written  # nothing is made again


def test_a_second_accuracy_by_the_lenient_reading(
    taught: Path, tmp_path: Path, cache: Path
) -> None:
    ckpt = f"ckpt={taught / 'run'}"
    strict = run("evaluate.py", ckpt, f"run_dir={tmp_path}", cache=cache)
    assert "lenient" not in strict
    assert "lenient" not in (tmp_path / "evaluation.html").read_text()
    before = _figures(tmp_path)
    output = run(
        "evaluate.py", ckpt, "evaluation.extract=lenient", f"run_dir={tmp_path}", cache=cache
    )
    assert output.index("accuracy ") < output.index("accuracy (lenient reading)")
    after = _figures(tmp_path)
    assert after.pop("accuracy_lenient")["value"] >= after["accuracy"]["value"]
    assert after == before
    assert "accuracy (lenient reading)" in (tmp_path / "evaluation.html").read_text()
    assert len(list(tmp_path.glob("records-*.jsonl"))) == 2  # other settings, other records


def _figures(folder: Path) -> dict[str, dict[str, float]]:
    (policy,) = json.loads((folder / "results.json").read_text())["policies"]
    figures: dict[str, dict[str, float]] = policy["figures"]
    return figures
