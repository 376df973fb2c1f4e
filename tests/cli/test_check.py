from __future__ import annotations

import csv
import logging
import shutil
from pathlib import Path
from typing import Any, cast

import datasets
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from sophia.cli.commands import CONFIGS
from sophia.cli.running.advice import column_advice, warn_of_columns
from sophia.cli.running.data import DataPart, build_dataset, prompt_fitter
from sophia.cli.validation.settings import CheckSettings
from sophia.cli.validation.validate import validate
from sophia.cli.verbs.check import check
from sophia.rewards.gold import gold_checker
from sophia.rewards.outcome import OutcomeReward
from sophia.types import Message, Prompt
from tests.composing import composed as composed_from
from tests.data.builders import encoded, image, sophia_row, write_lines, write_list

OF_ROWS = sorted(
    path.stem
    for path in (CONFIGS / "data").glob("*.yaml")
    if path.stem not in ("digits", "example")
)


@pytest.fixture(autouse=True)
def caches_in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")


def composed(tmp_path: Path, *overrides: str) -> DictConfig:
    return composed_from(f"run_dir={tmp_path / 'run'}", *overrides, config="check")


@pytest.mark.parametrize("name", OF_ROWS)
def test_data_configs_validate_before_their_files_are_there(name: str, tmp_path: Path) -> None:
    cfg = composed(tmp_path, f"data={name}")
    if name == "rows":
        cfg.data.train.sources.files.mine = "datasets/mine.jsonl"
    validate(cfg, CheckSettings)
    for part in cast("tuple[DataPart, ...]", ("train", "heldout")):
        with pytest.raises(ValueError, match="no file matches 'datasets/"):
            build_dataset(cfg, part)


@pytest.mark.parametrize("template", ["paper", "release", "plain"])
def test_sophiavl_from_its_five_files(template: str, tmp_path: Path) -> None:
    image().save(tmp_path / "a.png")
    names = ("SophiaVL_Chart", "general", "Knowledge", "Math", "OCR")
    for place, name in enumerate(names):
        rows = [
            sophia_row(problem_id=100 * place + n, path="./a.png", problem=f"Q {place} {n}")
            for n in range(100)
        ]
        write_list(tmp_path / f"{name}.json", rows)
    files = {
        name: f"data.train.sources.files.{name}={tmp_path}/*{name[1:].lower()}*.json"
        for name in ("Chart", "General", "Knowledge", "Math", "OCR")
    }
    files["Chart"] = f"data.train.sources.files.Chart='{tmp_path}/*[Cc]hart*.json'"
    files["OCR"] = f"data.train.sources.files.OCR='{tmp_path}/*[Oo][Cc][Rr]*.json'"
    cfg = composed(
        tmp_path,
        "data=sophiavl_130k",
        f"template={template}",
        f"data.train.sources.image_root={tmp_path}",
        *files.values(),
    )
    assert check(cfg) == 0
    text = (tmp_path / "run/train/report.txt").read_text()
    assert "Chart" in text
    assert "495" in text  # 99 of 100 rows of five files
    assert (tmp_path / "run/heldout/report.png").stat().st_size > 1000


def test_the_data_set_of_the_recipe(tmp_path: Path) -> None:
    recipe = (CONFIGS.parent / "docs/recipes.md").read_text()
    block = recipe.split("```yaml\n")[1].split("```")[0]
    configs = shutil.copytree(CONFIGS, tmp_path / "configs")
    (configs / "data/mine.yaml").write_text(block)
    with initialize_config_dir(config_dir=str(configs), version_base="1.3"):
        cfg = compose("check", overrides=["experiment=mine", "data=mine", "model.path=m"])
    validate(cfg, CheckSettings)
    for part in ("train", "heldout"):
        sources = cfg.data[part].sources
        assert sources.files == "docs/examples/own_rows/rows.jsonl"
        assert sources.columns.problem == "question"
        assert sources.columns.problem_type == "kind"
    assert cfg.data.heldout.part == [0.75, 1.0]


def listed(folder: Path) -> list[dict[str, str]]:
    with (folder / "refused.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_own_rows_in_a_jsonl_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    image().save(tmp_path / "a.png")
    rows: list[dict[str, Any]] = [
        {"question": f"How many of {n}?", "ground_truth": n, "picture": "a.png"} for n in range(19)
    ]
    rows.append({"question": "And here?", "ground_truth": 3, "picture": "gone.png"})
    rows.append({"question": "", "ground_truth": 3, "picture": "a.png"})
    path = write_lines(tmp_path / "mine.jsonl", rows)
    cfg = composed(
        tmp_path,
        "data=rows",
        f"data.train.sources.files.mine={path}",
        "data.train.sources.columns.problem=question",
        "data.train.sources.columns.answer=ground_truth",
        "data.train.sources.columns.images=picture",
    )
    with caplog.at_level(logging.WARNING):
        assert check(cfg) == 2
    assert "model.path is not set" in caplog.text
    assert "no effect: algorithm.loss.policy: epsilon_low," in capsys.readouterr().out
    refused = [line for part in ("train", "heldout") for line in listed(tmp_path / "run" / part)]
    assert sorted((line["row"], line["column"]) for line in refused) == [
        ("19", "picture"),
        ("20", "question"),
    ]


KINDS = ("numerical", "multiple choice")


def typed_rows(number: int) -> list[dict[str, Any]]:
    """Rows with a type and options, of which every other is a choice."""
    return [
        {
            "question": f"Which of {n}?",
            "gold": "B" if n % 2 else n,
            "problem_type": KINDS[n % 2],
            "choices": ["red", "blue"] if n % 2 else [],
            "image": "a.png",
        }
        for n in range(number)
    ]


OF_TYPED_ROWS = (
    "data=rows",
    "data.train.sources.columns.problem=question",
    "data.train.sources.columns.answer=gold",
    "data.train.sources.columns.images=null",
)
LINES = {
    "problem_type": "data.train.sources.columns.problem_type=problem_type",
    "options": "data.train.sources.columns.options=choices",
    "images": "data.train.sources.columns.images=image",
}


def test_columns_that_are_not_mapped_are_pointed_out_with_the_line_to_add(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image().save(tmp_path / "a.png")
    path = write_lines(tmp_path / "mine.jsonl", typed_rows(40))
    cfg = composed(tmp_path, *OF_TYPED_ROWS, f"data.train.sources.files={path}")
    check(cfg)
    said = capsys.readouterr().out
    assert "the rows carry 'problem_type' (such as 'numerical'), which no column is mapped" in said
    for meaning, line in LINES.items():
        assert f"(on the command line {line})." in said, meaning
    assert "`problem_type: problem_type` under `columns`" in said
    assert LINES["options"] in (tmp_path / "run/train/report.txt").read_text()
    followed = composed(
        tmp_path, *OF_TYPED_ROWS, f"data.train.sources.files={path}", *LINES.values()
    )
    assert check(followed) == 0
    assert "no column is mapped" not in capsys.readouterr().out
    counts = (tmp_path / "run/train/report.txt").read_text()
    assert all(f"mine   │ {kind}" in counts for kind in KINDS)


def test_a_held_out_part_with_a_mapping_of_its_own_gets_its_own_override(tmp_path: Path) -> None:
    rows = [
        {"problem": f"x{n}", "answer": "1", "options": ["a", "b"], "images": ""} for n in (0, 1)
    ]
    for split in ("train", "test"):
        datasets.Dataset.from_list(rows).to_parquet(str(tmp_path / f"{split}-0.parquet"))
    cfg = composed(
        tmp_path,
        "data=math12k",
        f"data.train.sources.files.math12k='{tmp_path}/train-*.parquet'",
        f"data.heldout.sources.files.math12k='{tmp_path}/test-*.parquet'",
    )
    parts: dict[DataPart, Any] = {
        "train": build_dataset(cfg, "train"),
        "heldout": build_dataset(cfg, "heldout"),
    }
    (line,) = column_advice(cfg, parts)
    assert line.endswith(
        "(on the command line +data.train.sources.columns.options=options"
        " +data.heldout.sources.columns.options=options)."
    )


@pytest.mark.parametrize("files", ["mine.jsonl", "rows/*.jsonl"])
def test_files_may_be_a_path_alone(files: str, tmp_path: Path) -> None:
    cfg = composed(tmp_path, "data=rows", f"data.train.sources.files={files}")
    validate(cfg, CheckSettings)
    assert cfg.data.heldout.sources.files == cfg.data.train.sources.files


def test_files_of_another_type_are_refused(tmp_path: Path) -> None:
    cfg = composed(tmp_path, "data=rows", "data.train.sources.files=3")
    with pytest.raises(ValueError, match=r"data\.train\.sources\.files is 3: "):
        validate(cfg, CheckSettings)
    cfg = composed(tmp_path, "data=rows", "~data.train.sources.files")
    OmegaConf.set_struct(cfg, False)
    files = [str(write_lines(tmp_path / f"{name}.jsonl", [])) for name in "ab"]
    cfg.data.train.sources.files = files
    validate(cfg, CheckSettings)
    assert [source.name for source in build_dataset(cfg, "train").sources] == ["a", "b"]


def test_built_in_data_have_no_columns_to_point_out(tmp_path: Path) -> None:
    cfg = composed(tmp_path)
    assert column_advice(cfg, {"train": build_dataset(cfg, "train")}) == []


def test_a_run_warns_of_them_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_lines(tmp_path / "mine.jsonl", typed_rows(40))
    cfg = composed(tmp_path, *OF_TYPED_ROWS, f"data.train.sources.files={path}")
    with caplog.at_level(logging.WARNING):
        warn_of_columns(
            cfg, {"train": build_dataset(cfg, "train"), "heldout": build_dataset(cfg, "heldout")}
        )
    assert [record.getMessage().count("the rows carry") for record in caplog.records] == [1] * 3


def test_rows_that_a_run_skips_do_not_fail_the_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows: list[dict[str, Any]] = [
        {"problem": f"x {n}", "answer": n, "images": ""} for n in range(40)
    ]
    rows[3]["images"], rows[4]["answer"] = "gone.png", ""
    path = write_lines(tmp_path / "mine.jsonl", rows)
    overrides = ("data=rows", f"data.train.sources.files={path}")
    assert check(composed(tmp_path, *overrides)) == 2
    assert check(composed(tmp_path, *overrides, "data.train.on_bad_row=skip")) == 0
    said = capsys.readouterr().out
    assert "on_bad_row=skip leaves 2 rows out; 0 others are refused" in said
    rows[5]["problem"] = "long " * 5000
    write_lines(path, rows)
    assert check(composed(tmp_path, *overrides, "data.train.on_bad_row=skip")) == 1
    said = capsys.readouterr().out
    assert "on_bad_row=skip leaves 2 rows out; 1 others are refused and would stop a run." in said
    assert "takes them all." in said


def test_the_line_for_an_unknown_type_is_one_that_works(tmp_path: Path) -> None:
    rows = [{"problem": f"x{n}", "answer": "1", "images": "", "kind": "integer"} for n in range(40)]
    path = write_lines(tmp_path / "mine.jsonl", rows)
    overrides = ["data=rows", f"data.train.sources.files={path}"]
    overrides.append("data.train.sources.columns.problem_type=kind")
    assert check(composed(tmp_path, *overrides)) == 40
    remedy = listed(tmp_path / "run/train")[0]["remedy"]
    line = remedy.partition("on the command line '")[2].partition("'")[0]
    assert check(composed(tmp_path, *overrides, line)) == 0


def test_geometry3k_from_parquet(tmp_path: Path) -> None:
    struct = {"bytes": encoded(image(100, 80)), "path": None}
    rows = [
        {"images": [struct], "problem": f"<image>Find x{n}.", "answer": str(n)} for n in range(8)
    ]
    for split in ("train", "test"):
        datasets.Dataset.from_list(rows).to_parquet(str(tmp_path / f"{split}-0.parquet"))
    cfg = composed(
        tmp_path,
        "data=geometry3k",
        "data.train.sources.problem_type=numerical",
        "data.heldout.sources.problem_type=numerical",
        f"data.train.sources.files.geometry3k='{tmp_path}/train-*.parquet'",
        f"data.heldout.sources.files.geometry3k='{tmp_path}/test-*.parquet'",
    )
    assert check(cfg) == 0
    text = (tmp_path / "run/train/report.txt").read_text()
    assert "also held out" in text
    assert text.count("held out │ geometry3k/") == 8


def test_limits_outside_those_of_the_checkpoint_are_refused(tmp_path: Path) -> None:
    cfg = composed(tmp_path, "prompt_limits.max_pixels=4194304")

    class Encoder:
        pixel_range = (784, 200704)
        pixels_per_token_side = 28

    with pytest.raises(ValueError, match="allow images of 784 to 4194304 pixels, but"):
        prompt_fitter(cfg, Encoder())  # type: ignore[arg-type]


def graded(answer: str, problem_type: str) -> str | None:
    prompt = Prompt(
        uid="u",
        messages=(Message(role="user", content=("?",)),),
        answer=answer,
        problem_type=problem_type,
    )
    outcome = OutcomeReward()
    reason = gold_checker(outcome)(prompt)
    outcome.close()
    return reason


def test_golds_are_graded_as_if_a_model_had_given_them() -> None:
    assert graded("5", "numerical") is None
    assert graded("B", "multiple choice") is None
    assert graded("x^2+", "math") == "the answer 'x^2+' cannot be read as 'math'"
    assert "has problem type 'riddle'; known are" in (graded("5", "riddle") or "")
