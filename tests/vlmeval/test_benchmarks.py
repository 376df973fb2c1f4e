"""Whole benchmarks: our figures, and those of VLMEvalKit's ``evaluate`` on the file we write it."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pandas
import pytest

from sophia.benchmarks.item import Item
from sophia.benchmarks.predictions import write_predictions
from sophia.evaluation.records import EvalRecord
from tests.benchmarks.fixtures import choices, questions
from tests.benchmarks.whole.case import UNCLOSED, thought
from tests.benchmarks.whole.scripted import Whole, whole
from tests.vlmeval.scorer import CustomMCQDataset, ImageVQADataset, ImageYORNDataset

SEEDS = range(3)


def answers(own: Whole, *, seed: int) -> list[str]:
    """An answer to each question: more often right than chance, in the format, bare or cut off."""
    draw = Random(seed)
    return [_response(_answer(own.prompts.items[place], draw), draw)
            for place in range(len(own.prompts))]  # fmt: skip


def _answer(item: Item, draw: Random) -> str:
    if not item.options:
        return draw.choice([item.answer, item.answer, f" {item.answer}.", "Yes", "no", "4.1", "12"])
    letter = draw.choice([item.answer, item.answer, *item.options])
    text = item.options[letter]
    return draw.choice(
        [letter, f"({letter})", f"{letter}. {text}", text, text.upper(), f"It is {text}.",
         letter.lower(), "I do not know", f"{letter} or D", f"**{letter}**"]
    )  # fmt: skip


def _response(answer: str, draw: Random) -> str:
    return draw.choice([thought(answer), thought(answer), answer, f"<answer>{answer}</answer>",
                        UNCLOSED])  # fmt: skip


def predicted(own: Whole, name: str, folder: Path, records: Sequence[EvalRecord]) -> str:
    """The prediction file of a copy of the benchmark's file that has no official name."""
    shutil.copy(own.prompts.items.path, folder / f"{name}.tsv")
    path = folder / f"model_{name}.tsv"
    write_predictions(folder / f"{name}.tsv", records, path)
    return str(path)


def their_scores(folder: Path, file: str, column: str) -> list[float]:
    scores: list[float] = pandas.read_csv(folder / file, sep="\t")[column].astype(float).tolist()
    return scores


def points(table: pandas.DataFrame) -> dict[str, Any]:
    """The only row of a table of scores."""
    row: dict[str, Any] = table.iloc[0].to_dict()
    return row


def answered(
    name: str, root: Path, seed: int
) -> tuple[Whole, list[EvalRecord], Mapping[str, float]]:
    own = whole(name, root)
    records = own.records(answers(own, seed=seed))
    return own, records, own.figures(records)


@pytest.mark.parametrize("seed", SEEDS)
def test_digits_are_scored_alike(seed: int, tmp_path: Path) -> None:
    own, records, figures = answered("digits", tmp_path, seed)
    assert len(records) == 256
    path = predicted(own, "own_digits", tmp_path, records)
    score = points(CustomMCQDataset("own_digits").evaluate(path, model="exact_matching"))
    theirs = their_scores(tmp_path, "model_own_digits_exact_matching_result.tsv", "hit")
    assert [record.outcome for record in records] == theirs
    assert 100 * score["Overall"] == pytest.approx(figures["overall"])
    for kind in ("sum", "larger"):
        assert 100 * score[kind] == pytest.approx(figures[f"category/{kind}"])
    assert 20 < figures["overall"] < 80


@pytest.mark.parametrize("seed", SEEDS)
def test_rotations_of_mmbench_are_scored_alike(seed: int, tmp_path: Path) -> None:
    choices.mmbench_tsv(tmp_path)
    own, records, figures = answered("mmbench", tmp_path, seed)
    if seed == 0:  # one of the two questions is right in all of its rotations
        records = own.records([*own.golds[:3], "B", *own.golds[4:]])
        figures = own.figures(records)
        assert figures["overall"] == 100 * 1 / 2
    path = predicted(own, "own_mmbench", tmp_path, records)
    score = points(CustomMCQDataset("own_mmbench").evaluate(path, model="exact_matching"))
    assert 100 * score["Overall"] == pytest.approx(figures["overall"])
    assert 100 * score["perception"] == pytest.approx(figures["l2-category/perception"])


@pytest.mark.parametrize("seed", SEEDS)
def test_mme_has_the_same_points(seed: int, tmp_path: Path) -> None:
    questions.mme_tsv(tmp_path)
    own, records, figures = answered("mme", tmp_path, seed)
    path = predicted(own, "own_MME", tmp_path, records)
    score = points(ImageYORNDataset("own_MME").evaluate(path, model="exact_matching"))
    assert their_scores(tmp_path, "model_own_MME_auxmatch.tsv", "score") == [
        record.outcome for record in records
    ]
    assert score["perception"] + score["reasoning"] == pytest.approx(figures["overall"])
    for name, value in score.items():
        assert figures[f"overall/{name}"] == pytest.approx(value), name
    assert figures["overall"] > 0


@pytest.mark.parametrize("seed", SEEDS)
def test_hallusionbench_has_the_same_three_accuracies(seed: int, tmp_path: Path) -> None:
    """A row without an image is asked by neither."""
    questions.hallusionbench_tsv(tmp_path)
    own, records, figures = answered("hallusionbench", tmp_path, seed)
    path = predicted(own, "own_HallusionBench", tmp_path, records)
    score = ImageYORNDataset("own_HallusionBench").evaluate(path, model="exact_matching")
    theirs = score[score["split"] == "Overall"].iloc[0]
    assert (theirs["aAcc"], theirs["fAcc"], theirs["qAcc"]) == pytest.approx(
        (figures["overall"], figures["figures all right"], figures["questions all right"])
    )
    of_category = score[score["split"] == "VD"].iloc[0]["aAcc"]
    assert of_category == pytest.approx(figures["category/VD"])


@pytest.mark.parametrize("seed", SEEDS)
def test_chartqa_is_scored_alike(seed: int, tmp_path: Path) -> None:
    questions.chartqa_tsv(tmp_path)
    own, records, figures = answered("chartqa", tmp_path, seed)
    path = predicted(own, "ChartQA_own", tmp_path, records)
    score = points(ImageVQADataset("ChartQA_own").evaluate(path))
    gc.collect()  # its pool of processes, which it never closes
    assert score["Overall"] == pytest.approx(figures["overall"])
    for half in ("human", "augmented"):
        assert score[f"test_{half}"] == pytest.approx(figures[f"split/{half}"])
