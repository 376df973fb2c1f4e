"""`python evaluate.py ckpt=... benchmark=[...]` as typed, with a policy that can answer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from sophia.cli.command_line.arguments import quoted
from sophia.evaluation.records import EvalRecord, parse_record
from sophia.run.metrics_file import read_metrics
from tests.benchmarks.fixtures.published import write
from tests.browser import opened
from tests.commands import ROOT, SMALL_RUN, run, start

pytestmark = pytest.mark.slow


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files of MMStar and MME; what is unpacked of them lies beside it."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("mmstar", "mme"):
        write(name, tmp_path / "files")
    return tmp_path / "files"


def lines_in(folder: Path) -> dict[str, list[str]]:
    return {path.name: path.read_text().splitlines() for path in sorted(folder.glob("*.jsonl"))}


def records_in(folder: Path, name: str) -> dict[int, list[EvalRecord]]:
    """The records of a benchmark by their places, whichever process has written them."""
    rows = [
        json.loads(line)
        for file, lines in lines_in(folder).items()
        if file.removeprefix(name)[10:] in (".jsonl", ".0-of-2.jsonl", ".1-of-2.jsonl")
        for line in lines
    ]
    assert len({row["place"] for row in rows}) == len(rows), "asked twice"
    return {row["place"]: [parse_record(record) for record in row["records"]] for row in rows}


def test_two_policies_on_three_benchmarks_with_and_without_images(
    taught: Path, finished: Path, files: Path, tmp_path: Path, cache: Path
) -> None:
    out = tmp_path / "out"
    shared = (
        "benchmark=[mmstar,mme,digits]", f"benchmark_root={files}", "blind=true", "limit=24",
        "sampling.max_new_tokens=24", f"run_dir={out}",
    )  # fmt: skip
    first = run("evaluate.py", f"ckpt={taught / 'run'}", *shared, cache=cache)
    assert "by the" in first
    assert "not official" in first
    assert f"written to {out}: benchmarks.html" in first
    before = lines_in(out)
    counts = {name.rpartition("-")[0]: len(lines) for name, lines in before.items()}
    sizes = {"mmstar": 4, "mme": 6, "digits": 24}
    assert counts == {**sizes, **{f"{name}-blind": size for name, size in sizes.items()}}

    said = run("evaluate.py", f"ckpt=[{taught / 'run'},{finished}]", *shared, cache=cache)
    assert "change" in said
    assert "…" not in said, "a table is cut off"
    after = lines_in(out)
    assert {name: after[name] for name in before} == before, "the first policy was asked again"
    assert len(after) == 2 * len(before)

    found: dict[str, Any] = json.loads((out / "benchmarks.json").read_text())
    assert list(found) == ["mmstar", "mme", "digits"]
    assert [found[name]["official_file"] for name in found] == [False, False, None]
    assert [found[name]["limited"] for name in found] == [False, False, True]
    digits = found["digits"]
    labels = ["run", finished.name]
    assert [policy["label"] for policy in digits["policies"]] == labels
    taught_, random = (policy["figures"]["overall"] for policy in digits["policies"])
    assert taught_["n"] == random["n"] == 24
    assert taught_["value"] > random["value"]
    change = digits["change"]["overall"]
    assert change["value"] == pytest.approx(random["value"] - taught_["value"])
    assert change["low"] <= change["value"] <= change["high"]
    own = digits["policies"][0]
    needs_image = taught_["value"] - own["blind"]["overall"]["value"]
    assert own["by_image"]["overall"]["value"] == pytest.approx(needs_image)
    assert own["answers"] == 24
    assert own["seconds"] > 0

    for label in labels:
        for table in ("MMStar", "MME"):
            written = pandas.read_csv(out / f"predictions/{label}_{table}.tsv", sep="\t")
            assert len(written) == sizes[table.lower()]
            assert "prediction" in written
            assert "image" not in written
    with opened(out / "benchmarks.html") as page:
        text = page.inner_text("body")
    assert all(word in text for word in ("MMStar", "MME", "Digits", *labels))


def test_a_killed_call_goes_on_in_two_processes(
    taught: Path, files: Path, tmp_path: Path, cache: Path
) -> None:
    """What comes of it is what one process that nobody disturbs finds."""
    arguments = (
        "evaluate.py", f"ckpt={taught / 'run'}", "benchmark=[digits,mmstar]",
        f"benchmark_root={files}", "blind=true", "evaluation.max_new_tokens=24",
    )  # fmt: skip
    whole, out = tmp_path / "whole", tmp_path / "it's killed, (1)"
    expected = run(*arguments, f"run_dir={whole}", cache=cache)
    process = start(*arguments, f"run_dir={quoted(str(out))}", cache=cache)
    while not any(lines_in(out).values()):
        assert process.returncode is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    kept = lines_in(out)
    assert 0 < sum(map(len, kept.values())) < 2 * (256 + 4)

    said = run(*arguments, f"run_dir={quoted(str(out))}", "processes=2", cache=cache)
    assert {name: lines_in(out)[name][: len(own)] for name, own in kept.items()} == kept
    assert any(".1-of-2." in name for name in lines_in(out))
    for name in ("digits", "digits-blind", "mmstar", "mmstar-blind"):
        assert records_in(out, f"{name}-") == records_in(whole, f"{name}-")
    assert _overall(said) == _overall(expected)


def _overall(said: str) -> list[str]:
    """The last table, with the numbers that a benchmark is known by."""
    table = said.partition("benchmark, points")[2].partition("\n\n")[0]
    return [line.strip() for line in table.splitlines()]


def test_files_that_cannot_be_used_are_named_all_at_once(
    taught: Path, tmp_path: Path, files: Path, cache: Path
) -> None:
    mme, mmstar = files / "MME.tsv", files / "MMStar.tsv"
    mme.write_bytes(mme.read_bytes()[:-200])
    mmstar.write_text(mmstar.read_text().replace("\tanswer\t", "\tgold\t", 1))
    said = run(
        "evaluate.py", "ckpt=nowhere", "benchmark=[mme,mmstar,realworldqa]",
        f"benchmark_root={files}", cache=cache, expect=1,
    )  # fmt: skip
    assert "Traceback" not in said
    sentences = said.partition("error: ")[2].strip().splitlines()
    assert len(sentences) == 3
    for sentence, problem, remedy in zip(
        sentences,
        (
            "MME.tsv has a damaged image in row 5",
            "MMStar.tsv has no column 'answer'",
            "is not below",
        ),
        ("MME.tsv", "MMStar.tsv", f"curl -L --create-dirs -o {files}/RealWorldQA.tsv https://"),
        strict=True,
    ):
        assert str(files) in sentence
        assert problem in sentence
        assert "get it " in sentence
        assert remedy in sentence
    said = run("evaluate.py", f"ckpt={taught / 'run'}", "benchmark=digits", f"run_dir={mme}",
               cache=cache, expect=1)  # fmt: skip
    assert "the folder of this evaluation cannot be made" in said
    assert str(mme) in said
    said = run("evaluate.py", "ckpt=nowhere", "benchmark=[mmstra]", cache=cache, expect=1)
    assert "Traceback" not in said
    assert "there is no benchmark 'mmstra'; did you mean 'mmstar'?" in said


_CHILD = "import time; from sophia.cli.running.shares import end_with_parent as end; end()"
_PARENT = """
import os, subprocess, sys
from sophia.cli.running import shares
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], env=shares._surroundings(0, 1))
print(child.pid, flush=True)
child.wait()
"""


def test_a_run_asks_benchmarks_while_it_trains_and_goes_on(
    files: Path, tmp_path: Path, cache: Path
) -> None:
    """The last step is asked too; what a resumed run asks again is the same row, once."""
    folder = tmp_path / "run"
    arguments = (
        "train.py", *SMALL_RUN, "benchmark=[digits,mmstar]", "benchmark_limit=16",
        f"benchmark_root={files}", "callbacks.benchmarks.every_n_steps=2", f"run_dir={folder}",
    )  # fmt: skip
    run(*arguments, "num_steps=3", cache=cache)
    first = read_metrics(folder / "benchmarks.csv")
    run(*arguments, "num_steps=5", "resume=true", cache=cache)
    rows = read_metrics(folder / "benchmarks.csv")
    assert [row["rl_step"] for row in rows] == ["0", "2", "3", "4", "5"]
    assert rows[:3] == first
    assert {"digits/overall", "digits/strict", "digits/category/sum", "mmstar/macro"} <= {*rows[0]}
    events = EventAccumulator(str(folder)).Reload()
    scalars = events.Scalars("benchmark/digits/overall")
    by_step = {row["rl_step"]: float(row["digits/overall"]) for row in rows}
    assert [scalar.step for scalar in scalars] == [0, 2, 4, 5]  # a resume hides those of its step
    for scalar in scalars:
        assert scalar.value == pytest.approx(by_step[str(scalar.step)])
    columns = (folder / "metrics.csv").read_text().partition("\n")[0]
    assert "benchmark/" not in columns


def test_a_share_does_not_outlive_the_call_that_started_it() -> None:
    arguments = [sys.executable, "-c", _PARENT, f"{_CHILD}; print(1, flush=True); time.sleep(60)"]
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert parent.stdout.readline() == "1\n"
        parent.kill()
        for _ in range(100):
            if _has_ended(pid):
                return
            time.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
        pytest.fail("it went on")


def _has_ended(pid: int) -> bool:
    """Whether there is no such process, or nobody has asked how it ended."""
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z"
