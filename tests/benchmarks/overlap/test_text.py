"""Questions as words, and which of a benchmark's are worded like another."""

from __future__ import annotations

import pytest

from sophia.benchmarks.overlap.text_index import TextIndex
from sophia.benchmarks.overlap.words import runs, similarity, wordings, words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How many APPLES are there?", "how many apples are there"),
        ("<image>What is it? (A) a cat (B) a dog", "What is it?\nA. a cat\nB. a dog"),
        ("Is x² − 1 = 3?", "is x2 - 1 = 3"),
        ("有多少苹果？", "有多少苹果"),
    ],
)
def test_the_same_words(one: str, other: str) -> None:
    assert words(one) == words(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("2 + 3", "2 - 3"), ("3 apples", "4 apples"), ("有多少苹果", "有多少梨")],
)
def test_other_words(one: str, other: str) -> None:
    assert words(one) != words(other)


def test_characters_of_chinese_are_words() -> None:
    assert words("有2个苹果") == ("有", "2", "个", "苹", "果")


def test_options_may_stand_behind_the_question() -> None:
    mine = wordings("What is it?", {"A": "a cat", "B": "a dog"})
    assert mine == (("what", "is", "it"), ("what", "is", "it", "a", "cat", "a", "dog"))
    assert mine[1] in wordings("What is it? (A) a cat (B) a dog", {})
    assert wordings("<image>", {}) == ()


def test_similarity_by_hand() -> None:
    first = runs(("a", "b", "c", "d"), length=3)
    second = runs(("a", "b", "c", "e"), length=3)
    assert first == {"a b c", "b c d"}
    assert similarity(first, second) == pytest.approx(1 / 3)
    assert runs(("a", "b"), length=3) == {"a b"}
    assert similarity(frozenset(), frozenset()) == 0.0


def test_the_index_finds_by_any_wording() -> None:
    questions = [
        wordings("Which animal can be seen in the picture?", {"A": "a cat", "B": "a dog"}),
        (),
        wordings("Which animal can be heard in the recording?", {}),
    ]
    index = TextIndex(questions, run_words=3, min_similarity=0.6)
    open_ended = index.alike(wordings("which animal can be seen in the picture", {}))
    assert {item: one.similarity for item, one in open_ended.items()} == {0: 1.0}
    assert open_ended[0].num_words == 8
    listed = wordings("Which animal can be seen in the picture? A. a cat B. a dog", {})
    assert index.alike(listed)[0].similarity == 1.0
    # {which animal can, animal can be} of 6 and 6 runs: 2 / 10
    asked = wordings("Which animal can be seen in the picture?", {})
    assert index.similarity(asked, 2) == pytest.approx(0.2)
    assert index.similarity(asked, 1) == 0.0
    assert not index.alike(wordings("Something else entirely, without any run", {}))
