"""Benchmarks of multiple choice. A "c" is C by our rule alone, "A cat" A by the official alone."""

from __future__ import annotations

from tests.benchmarks.whole.case import UNCLOSED, Case, thought

CASES = [
    Case(
        name="mmstar",  # golds B, C, A, D; the last two are of one l2-category
        answers=[thought("B. A book, open"), "c", thought("A cat is longer"), thought("d")],
        unparsed=2,
        figures={
            "overall": 100 * 2 / 4,
            "strict": 100 * 3 / 4,
            "macro": (100 + 0 + 50) / 3,
            "category/coarse perception": 100,
            "category/instance reasoning": 0,
            "category/math": 100 * 1 / 2,
            "l2-category/image scene and topic": 100,
            "l2-category/counting": 0,
            "l2-category/geometry": 100 * 1 / 2,
        },
        places=(0, 1),
    ),
    Case(
        name="mmbench",  # golds A, C, B of one question and A, B of another
        answers=["A", thought("C"), thought("B. circle"), thought("yes"), thought("b")],
        unparsed=1,
        figures={
            "overall": 100 * 1 / 2,
            "strict": 100 * 2 / 2,
            "vanilla": 100 * 4 / 5,
            "l2-category": 100 * 1 / 2,
            "l2-category/perception": 100 * 1 / 2,
        },
        places=(0, 1),
    ),
    Case(
        name="mmmu",  # golds A of dev, B and the open 2.5 of validation
        answers=[thought("A"), "b", thought("It is 2.5")],
        unparsed=1,
        figures={
            "overall": 100 * 1 / 2,
            "strict": 100 * 2 / 2,
            "dev and validation": 100 * 2 / 3,
            "category/Art_Theory": 0,
            "category/Math": 100,
        },
        places=(0, 1),
    ),
    Case(
        name="mmmu_pro",  # golds A, C, J
        answers=[
            thought("B"),
            "The answer is C, for its shadow is far longer.",
            "answer 9",
        ],
        unparsed=0,
        figures={
            "overall": 100 * 2 / 3,
            "strict": 100 * 2 / 3,
            "category/Art": 100 * 2 / 3,
        },
    ),
    Case(
        name="mmmu_pro_vision",
        answers=[thought("A"), UNCLOSED, "j"],
        unparsed=2,
        figures={
            "overall": 100 * 1 / 3,
            "strict": 100 * 2 / 3,
            "category/Art": 100 * 1 / 3,
        },
    ),
    Case(
        name="realworldqa",  # golds A ("Yes"), C; the file has no categories
        answers=["<answer>Yes</answer>", thought("left or ahead")],
        unparsed=1,
        figures={"overall": 100 * 1 / 2, "strict": 100 * 1 / 2},
    ),
    Case(
        name="cv_bench",  # golds B of ADE20K, A of COCO, B of 3D
        answers=["(B)", thought("right"), thought("b")],
        unparsed=1,
        figures={
            "overall": ((100 + 0) / 2 + 0) / 2,
            "strict": ((100 + 0) / 2 + 100) / 2,
            "2D": (100 + 0) / 2,
            "3D": 0,
            "micro": 100 * 1 / 3,
            "task/Count": 100,
            "task/Relation": 0,
            "task/Depth": 0,
        },
        places=(0, 1),
    ),
]
