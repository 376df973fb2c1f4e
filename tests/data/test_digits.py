"""The built-in data: real scans, disjoint splits, right answers."""

from __future__ import annotations

import numpy as np
from PIL import Image

from sophia.data.digits import DigitsDataset, load_digits_once
from sophia.rewards.digits_judge import score_thinking
from sophia.rewards.format import FormatRule
from sophia.rewards.outcome import OutcomeReward
from tests.builders import completion


def test_no_scan_is_in_both_splits() -> None:
    used = {
        split: {u for i in range(600) for u in dataset[i].metadata["units"]}
        for split, dataset in (
            ("train", DigitsDataset(split="train", num_prompts=600, seed=0)),
            ("heldout", DigitsDataset(split="heldout", num_prompts=600, seed=5)),
        )
    }
    assert len(used["train"]) > 300
    assert not used["train"] & used["heldout"]


def test_demonstrations_are_right_well_formed_and_well_thought() -> None:
    dataset = DigitsDataset(split="train", num_prompts=200, seed=1)
    outcome, well_formed = OutcomeReward(), FormatRule()
    for index in range(200):
        prompt = dataset[index]
        example = prompt.metadata["example"]
        assert outcome(prompt, completion(example.demonstration)) == 1.0
        assert well_formed(example.demonstration)
        assert score_thinking(example.demonstration, example.digits) == 1.0


def test_the_question_is_kept_apart_from_its_options() -> None:
    dataset = DigitsDataset(split="train", num_prompts=2, seed=1)
    assert [(p.problem, p.question) for p in (dataset[0], dataset[1])] == [
        ("What is their sum?", "What is their sum?"),
        ("Which is larger?", "Which is larger? A left B right C equal"),
    ]


def test_a_prompt_does_not_depend_on_order_and_types_alternate() -> None:
    dataset = DigitsDataset(split="train", num_prompts=10, seed=0)
    backwards = [dataset[i] for i in reversed(range(10))]
    again = DigitsDataset(split="train", num_prompts=10, seed=0)
    assert [p.uid for p in reversed(backwards)] == [again[i].uid for i in range(10)]
    assert [again[i].answer for i in range(10)] == [p.answer for p in reversed(backwards)]
    assert {again[i].problem_type for i in (0, 2, 4)} == {"numerical"}
    assert again[1].options == {"A": "left", "B": "right", "C": "equal"}


def test_the_image_shows_the_scans() -> None:
    prompt = DigitsDataset(split="heldout", num_prompts=1, seed=0)[0]
    image = prompt.media[0].source
    assert isinstance(image, Image.Image)
    assert image.size == (56, 28)
    pixels = np.asarray(image.convert("L"), dtype=float)
    scan = load_digits_once()[0][prompt.metadata["units"][0]]
    ink = np.kron(scan, np.ones((4, 4)))[:28, :28]
    assert np.corrcoef(255 - pixels[:, :28].ravel(), ink.ravel())[0, 1] > 0.3
