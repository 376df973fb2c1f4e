"""The digits as a benchmark file: the same for a seed, right, and about held-out scans."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sophia.benchmarks.digits import Digits, digits_tsv
from sophia.benchmarks.item import Items
from sophia.data.digits import DigitsDataset


def read(cache: Path, *, num_rows: int = 40, seed: int = 0) -> Items:
    return Digits(num_rows=num_rows, seed=seed).read(cache, cache=cache / "deep/cache")


def test_the_file_is_the_same_for_a_seed() -> None:
    assert digits_tsv(num_rows=8, seed=1) == digits_tsv(num_rows=8, seed=1)
    assert digits_tsv(num_rows=8, seed=1) != digits_tsv(num_rows=8, seed=2)
    header = digits_tsv(num_rows=2, seed=0).split(b"\n")[0]
    assert header == b"index\timage\tquestion\tprompt\tA\tB\tC\tD\tanswer\tcategory"


def test_items_ask_what_the_data_set_asks(tmp_path: Path) -> None:
    found = read(tmp_path)
    prompts = DigitsDataset(split="heldout", num_prompts=40, seed=0)
    for place in range(40):
        item, prompt = found[place], prompts[place]
        left, right = prompt.metadata["example"].digits
        assert item.question == prompt.problem
        if item.labels["category"] == "sum":
            assert item.options[item.answer] == str(left + right)
            texts = list(item.options.values())
            assert len(texts) == 4
            assert not [a for a in texts for b in texts if a != b and a in b]
        else:
            assert dict(item.options) == {**prompt.options, "D": "neither"}
            assert item.answer == prompt.answer
        (media,), (theirs,) = item.images, prompt.media
        assert isinstance(media.source, Path)
        assert isinstance(theirs.source, Image.Image)
        np.testing.assert_array_equal(
            np.asarray(Image.open(media.source)), np.asarray(theirs.source)
        )


def test_two_questions_about_an_image_are_one_unit(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert found[0].unit == found[1].unit != found[2].unit


def test_the_file_is_written_once(tmp_path: Path) -> None:
    read(tmp_path)
    (file,) = (tmp_path / "deep/cache").glob("*.tsv")
    before = file.stat().st_mtime_ns
    read(tmp_path)
    assert file.stat().st_mtime_ns == before


def test_a_file_without_rows_is_refused() -> None:
    with pytest.raises(ValueError, match="num_rows is 0; it must be at least 1"):
        Digits(num_rows=0, seed=0)
