"""Pairs of responses: every layout, both orders, and the groups that figures are taken by."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from sophia.benchmarks.item import Item
from sophia.benchmarks.readers.pairs import BothOrders, Chosen, Named, Ranked
from tests.benchmarks.fixtures.pairs import BAD, GOOD
from tests.benchmarks.test_published import asked, read

ALL = [
    ("vl_rewardbench", 0), ("vl_rewardbench", 1), ("vl_rewardbench", 2),
    ("multimodal_rewardbench", 0), ("multimodal_rewardbench", 1), ("mm_rlhf_rewardbench", 0),
]  # fmt: skip


@pytest.mark.parametrize(("name", "place"), ALL)
def test_every_pair_is_asked_in_both_orders(name: str, place: int, tmp_path: Path) -> None:
    found = read(name, tmp_path, place)
    for given, swapped in zip(found[::2], found[1::2], strict=True):
        assert swapped.index == f"{given.index}/swapped"
        assert given.labels["pair"] == swapped.labels["pair"] == given.index
        assert (given.labels["order"], swapped.labels["order"]) == ("given", "swapped")
        assert {given.answer, swapped.answer} == {"1", "2"}
        assert given.extra["first"] == swapped.extra["second"]
        assert given.extra["second"] == swapped.extra["first"]
        assert given.unit == swapped.unit
        assert ("single" in given.labels) != ("single" in swapped.labels)
    # Whoever always says "1" is right half the time.
    assert Counter(item.answer for item in found)["1"] == len(found) / 2


@pytest.mark.parametrize(("name", "place"), ALL[:5])
def test_the_answer_names_the_better_response(name: str, place: int, tmp_path: Path) -> None:
    for item in read(name, tmp_path, place):
        better, worse = ("first", "second") if item.answer == "1" else ("second", "first")
        assert (item.extra[better], item.extra[worse]) == (GOOD, BAD)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_groups_of_vl_rewardbench(place: int, tmp_path: Path) -> None:
    """RLHF-V and RLAIF-V belong to hallucination, whatever the case of their names."""
    found = read("vl_rewardbench", tmp_path, place)[::2]
    assert [item.labels["group"] for item in found if "group" in item.labels] == [
        "general", "hallucination", "hallucination", "reasoning", "reasoning",
    ]  # fmt: skip


@pytest.mark.parametrize("place", [0, 1])
def test_groups_of_multimodal_rewardbench(place: int, tmp_path: Path) -> None:
    found = read("multimodal_rewardbench", tmp_path, place)[::2]
    assert [item.labels["group"] for item in found] == [
        "safety/bias", "safety/toxicity", "reasoning/math", "reasoning/coding", "vqa",
    ]  # fmt: skip


def test_pairs_of_one_prompt_share_its_id_and_videos_are_left_out(tmp_path: Path) -> None:
    found = read("mm_rlhf_rewardbench", tmp_path)[::2]
    assert [item.labels["id"] for item in found] == ["a1", "a1", "a1", "b2"]
    assert [item.labels["group"] for item in found] == ["mcq", "mcq", "mcq", "safety"]


def test_both_responses_are_shown_in_their_order(tmp_path: Path) -> None:
    given, swapped = read("vl_rewardbench", tmp_path)[:2]
    image, text = asked("vl_rewardbench", given)
    assert image == 0
    assert text.index("What is in picture 0?") < text.index(GOOD) < text.index(BAD)
    text = asked("vl_rewardbench", swapped)[1]
    assert text.index(BAD) < text.index(GOOD)
    assert text.endswith("Give 1 or 2 as your answer.")


def test_about_half_of_the_single_orders_are_swapped_and_always_the_same(tmp_path: Path) -> None:
    extra = {"first": "a", "second": "b"}
    pairs = [Item(index=str(n), question="q", answer="1", extra=extra) for n in range(400)]
    found = BothOrders(path=tmp_path, is_official=None, pairs=pairs)
    single = [found[n] for n in range(800) if "single" in found[n].labels]
    swapped = [item.labels["pair"] for item in single if item.labels["order"] == "swapped"]
    assert len(single) == 400
    assert 160 < len(swapped) < 240
    # SHA-256 of "0", "1", "2", "3", "4" begins with 5f, 6b, d4, 4e, 4b: odd is swapped.
    assert swapped[:3] == ["0", "1", "4"]


def row(**extra: str) -> Item:
    return Item(index="7", question="q", answer="", extra=extra)


@pytest.mark.parametrize(
    ("layout", "item", "said"),
    [
        (Ranked(), row(response="['a', 'b']", human_ranking="[0, 0]"), "so none is better"),
        (Ranked(), row(response="['a']", human_ranking="[0, 1]"), "needs lists of two"),
        (Ranked(), row(human_ranking="[0, 1]"), "needs lists of two"),
        (Chosen(), row(chosen="a"), "nothing in its column 'rejected'"),
        (Named(), row(Output1="a", Output2="b", Better="tie"), "expected 'Output1' or 'Output2'"),
    ],
)
def test_a_row_that_names_no_better_response_is_said(layout: Chosen, item: Item, said: str) -> None:
    with pytest.raises(ValueError, match=f"row 7 .*{said}"):
        layout(item)
