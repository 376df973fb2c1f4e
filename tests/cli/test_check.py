from __future__ import annotations

import csv
import logging
import shutil
from pathlib import Path
from typing import Any

import datasets
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from sophia.cli.check import check, validate_check
from sophia.cli.commands import CONFIGS
from sophia.cli.prompts import build_dataset, gold_checker, prompt_fitter
from sophia.data.dataset import RowDataset
from sophia.rewards.outcome import OutcomeReward
from sophia.types import Message, Prompt
from tests.data.builders import encoded, image, sophia_row, write_lines, write_list

OF_ROWS = sorted(path.stem for path in (CONFIGS / "data").glob("*.yaml") if path.stem != "digits")


@pytest.fixture(autouse=True)
def caches_in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")


def composed(tmp_path: Path, *overrides: str) -> DictConfig:
    with initialize_config_dir(config_dir=str(CONFIGS), version_base="1.3"):
        return compose("check", overrides=[f"run_dir={tmp_path / 'run'}", *overrides])


@pytest.mark.parametrize("name", OF_ROWS)
def test_data_configs_build_before_their_files_are_there(name: str, tmp_path: Path) -> None:
    cfg = composed(tmp_path, f"data={name}")
    validate_check(cfg)
    built = [build_dataset(cfg, part) for part in ("train", "heldout")]
    assert all(isinstance(dataset, RowDataset) for dataset in built)
    with pytest.raises(ValueError, match="no file matches 'datasets/"):
        len(built[0])


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
        cfg = compose("check", overrides=["data=mine"])
    validate_check(cfg)
    for part in ("train", "heldout"):
        sources = cfg.data[part].sources
        assert sources.files == {"mine": "datasets/mine.jsonl"}
        assert sources.columns.problem == "question"
        assert sources.image_root == "datasets/images"


def listed(folder: Path) -> list[dict[str, str]]:
    with (folder / "refused.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_own_rows_in_a_jsonl_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
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
    refused = [line for part in ("train", "heldout") for line in listed(tmp_path / "run" / part)]
    assert sorted((line["row"], line["column"]) for line in refused) == [
        ("19", "picture"),
        ("20", "question"),
    ]


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
