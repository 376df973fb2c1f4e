"""Benchmarks of yes or no, numbers and texts."""

from __future__ import annotations

from tests.benchmarks.fixtures.questions import VERSIONS
from tests.benchmarks.whole.case import UNCLOSED, Case, thought

CASES = [
    Case(
        name="mme",  # golds Yes, No of each image; "**Yes**" is read by our rule alone
        answers=["Yes", "no", thought("Yes"), thought("Yes"), thought("**Yes**"), thought("No.")],
        unparsed=1,
        figures={
            "overall": (200 + 50) + 50,
            "strict": (200 + 50) + 200,
            "overall/perception": 200 + 50,
            "overall/reasoning": 50,
            "overall/existence": 100 * 2 / 2 + 100 * 1 / 1,
            "overall/count": 100 * 1 / 2 + 100 * 0 / 1,
            "overall/code_reasoning": 100 * 1 / 2 + 100 * 0 / 1,
        },
        places=(0, 1),
    ),
    Case(
        name="hallusionbench",  # golds No, Yes of figure 0; No, Yes of figure 1; No of set 1
        answers=[thought("No"), "yes!", thought("**No**"), thought("no"), thought("No.")],
        unparsed=1,
        figures={
            "overall": 100 * 3 / 5,
            "strict": 100 * 4 / 5,
            "figures all right": 100 * 2 / 3,
            "questions all right": 100 * 1 / 3,
            "category/VD": 100 * 3 / 5,
        },
    ),
    Case(
        name="chartqa",  # golds 4, Sweden; 12.5, 37%
        answers=[thought("4.1"), "sweden", thought("$12.5"), UNCLOSED],
        unparsed=1,
        figures={
            "overall": 100 * 2 / 4,
            "strict": 100 * 3 / 4,
            "split/human": 100 * 2 / 2,
            "split/augmented": 100 * 0 / 2,
        },
        places=(0, 1),
    ),
    Case(
        name="mathvista",  # golds 5, 1.2, y (which is B), [2005, 2007]
        answers=[thought("5"), "1.25", thought("(B)"), thought("[2005, 2007]")],
        unparsed=0,
        figures={
            "overall": 100 * 2 / 4,  # to VLMEvalKit a list is never right
            "strict": 100 * 3 / 4,
            "task/figure question answering": 100 * 1 / 2,
            "task/geometry problem solving": 0,
            "task/textbook question answering": 100,
            "skill/statistical reasoning": 100,
            "skill/geometry reasoning": 0,  # both skills of one row
            "skill/logical reasoning": 0,
            "skill/scientific reasoning": 100,
            "skill/arithmetic reasoning": 0,
        },
        places=(0, 1),
    ),
    Case(
        name="mathverse",  # golds A of all five versions, then 12 cm of all five
        answers=[
            "A", thought("A"), thought("B"), thought("a"), UNCLOSED,
            thought("12 cm"), thought("12"), thought("12cm"), "12 cm", thought(" 12 cm "),
        ],
        unparsed=5,
        figures={
            "overall": (100 + 50 + 0 + 50 + 50) / 5,
            "strict": (100 + 100 + 50 + 100 + 50) / 5,
            "version/Text Dominant": 100 * 2 / 2,
            "version/Text Lite": 100 * 1 / 2,
            "version/Vision Intensive": 100 * 0 / 2,
            "version/Vision Dominant": 100 * 1 / 2,
            "version/Vision Only": 100 * 1 / 2,
            "subject/Plane Geometry": 100 * 2 / 5,
            "subject/Solid Geometry": 100 * 3 / 5,
        },
        places=(0, 1),
    ),
    *(
        Case(
            name=f"mathverse_{version.lower().replace(' ', '_')}",  # golds A, 12 cm
            answers=["A", thought("12")],
            unparsed=1,
            figures={
                "overall": 100 * 1 / 2,
                "strict": 100 * 2 / 2,
                "subject/Plane Geometry": 100,
                "subject/Solid Geometry": 0,
            },
        )
        for version in VERSIONS
    ),
    Case(
        name="mathvision",  # golds 7, C
        answers=[thought("7.0"), thought("A and C")],
        unparsed=1,
        figures={
            "overall": 100 * 1 / 2,
            "strict": 100 * 1 / 2,
            "category/counting": 100,
            "category/solid geometry": 0,
        },
    ),
    Case(
        name="gsm8k",  # golds 7, 2,400
        answers=["So she has \\boxed{7} apples.", thought("1200")],
        unparsed=0,
        figures={"overall": 100 * 1 / 2},
        places=(0, 1),
    ),
    Case(
        name="math500",  # golds 5/6 of level 2, 2 of level 1
        answers=[thought("$\\frac{10}{12}$"), "-2"],
        unparsed=0,
        figures={
            "overall": 100 * 1 / 2,
            "subject/Prealgebra": 100,
            "subject/Algebra": 0,
            "level/2": 100,
            "level/1": 0,
        },
    ),
]  # fmt: skip
