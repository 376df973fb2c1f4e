"""What a run needs and does not find here is said before anything is built: files, and GPUs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from sophia.cli.running.files import check_data_files
from sophia.cli.running.processes import check_devices
from tests.commands import ROOT, run
from tests.composing import composed, options

DOWNLOADED = {
    "sophiavl_130k": ("bunny127/SophiaVL-R1-130k", "datasets/SophiaVL-R1-130k"),
    "geometry3k": ("hiyouga/geometry3k", "datasets/geometry3k"),
    "math12k": ("hiyouga/math12k", "datasets/math12k"),
    "journeybench": ("hiyouga/journeybench-multi-image-vqa", "datasets/journeybench"),
}


@pytest.mark.parametrize("name", sorted(set(options("data")) - {"digits", "example", "rows"}))
def test_a_set_that_is_not_downloaded_is_named_with_the_command(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub_id, folder = DOWNLOADED[name]
    cfg = composed("experiment=mine", "model.path=x", f"data={name}")
    monkeypatch.chdir(tmp_path)
    command = f"hf download {hub_id} --repo-type dataset --local-dir {folder};"
    for part in ("train", "heldout"):
        with pytest.raises(ValueError, match=rf"^no file matches .*{tmp_path}") as caught:
            check_data_files(cfg, part)
        assert command in str(caught.value)


def test_files_in_their_place_are_found_whatever_they_are_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cfg = composed("experiment=sophiavl_7b")
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "datasets" / "SophiaVL-R1-130k"
    folder.mkdir(parents=True)
    for name in ("Chart.json", "sophiavl_r1_general.json", "Knowledge_v2.json", "Math.json"):
        (folder / name).touch()
    with pytest.raises(ValueError, match=r"\[Oo\]\[Cc\]\[Rr\].*files\.OCR\), looked for"):
        check_data_files(cfg, "train", "heldout")
    (folder / "OCR.json").touch()
    check_data_files(cfg, "train", "heldout")


def test_rows_of_ones_own_are_looked_for_where_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = "data.train.sources.files.mine=my/rows.jsonl"
    cfg = composed("experiment=mine", "model.path=x", own)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"'my/rows\.jsonl' .*Check the path, or start in"):
        check_data_files(cfg, "train")
    (tmp_path / "my").mkdir()
    shutil.copy(ROOT / "docs/examples/own_rows/rows.jsonl", tmp_path / "my")
    check_data_files(cfg, "train", "heldout", "validation")


def test_data_that_are_no_files_need_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cfg = composed()
    monkeypatch.chdir(tmp_path)
    check_data_files(cfg, "train", "heldout", "validation")


WITH_GPUS = [n for n in options("experiment") if n.startswith("sophiavl") and n[-3:] != "cpu"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
@pytest.mark.parametrize("name", WITH_GPUS)
def test_a_recipe_for_gpus_names_the_one_for_a_cpu(name: str) -> None:
    with pytest.raises(ValueError, match=r"GPUs .*here is none.*experiment=sophiavl_7b_cpu") as e:
        check_devices(composed(f"experiment={name}"))
    assert "experiment=mine" in str(e.value)
    check_devices(composed("experiment=sophiavl_7b_cpu"))


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_without_gpus_nothing_is_built_and_no_folder_claimed(tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "run"
    output = run("train.py", "experiment=sophiavl_7b", f"run_dir={folder}", cache=cache, expect=1)
    assert output.startswith("error: this run wants all GPUs on a machine")
    assert output.count("\n") == 1
    assert not folder.exists()
