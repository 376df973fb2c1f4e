"""The rules that the shipped benchmarks name grade what their files hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hydra
import pytest

from sophia.benchmarks.item import Item
from tests.benchmarks.published_sources import config
from tests.benchmarks.test_published import LAYOUTS, read

NEVER_RIGHT = {("mathvista", "4")}
"""VLMEvalKit's rule counts no list as right (docs/benchmarks.md)."""


def rules(name: str) -> list[Any]:
    """The official rule and, where there is one, the strict one."""
    cfg = config(name)
    named = [node for node in (cfg.rule, cfg.strict) if node is not None]
    return [hydra.utils.instantiate(node, _convert_="all") for node in named]


def wrong(item: Item) -> str:
    """An answer of the same kind that is not the gold one."""
    kinds = {"yes": "no", "no": "yes", "1": "2", "2": "1"}
    others = [letter for letter in item.options if letter != item.answer]
    return (others or [kinds.get(item.answer.lower(), "31.4")])[0]


@pytest.mark.parametrize(("name", "place"), LAYOUTS)
def test_gold_answers_are_right_and_others_are_not(name: str, place: int, tmp_path: Path) -> None:
    official, *strict = rules(name)
    for item in read(name, tmp_path, place):
        letter = item.extra.get("answer_option", item.answer)
        expected = float((name, item.index) not in NEVER_RIGHT)
        assert official(item, letter).score == expected, item
        assert official(item, wrong(item)).score == 0.0, item
        for rule in strict:
            assert rule(item, item.answer).score == 1.0, item
            assert rule(item, wrong(item)).score == 0.0, item
