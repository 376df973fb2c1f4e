"""Every figure once more, slowly and in another way, on records that are drawn at random."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import fmean, quantiles

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sophia.benchmarks.figures.accuracy import Accuracy, AllRight, ByLabel, Circular
from sophia.benchmarks.figures.average import Average, Macro
from sophia.benchmarks.figures.figure import Figure
from sophia.benchmarks.figures.intervals import estimates
from sophia.benchmarks.figures.mme import MME
from sophia.benchmarks.figures.pairs import SameVerdict
from sophia.benchmarks.summary import differences
from sophia.evaluation.records import EvalRecord
from tests.benchmarks.figures.test_figures import official, record

CATEGORIES = ("OCR", "color", "code_reasoning")

rows = st.lists(
    st.tuples(
        st.sampled_from(CATEGORIES),
        st.sampled_from("abcde"),  # image
        st.sampled_from((0.0, 1.0)),
        st.booleans(),  # whether anything was read
    ),
    min_size=1,
    max_size=30,
).map(
    lambda drawn: [
        record(
            str(1_000_000 * (n % 2) + n // 2), right, unit=image, extracted="A" if read else None,
            category=category, pair=str(n // 2), image=image,
        )
        for n, (category, image, right, read) in enumerate(drawn)
    ]
)  # fmt: skip


def percent(values: Sequence[float]) -> float:
    return 100.0 * fmean(values)


def of(found: Sequence[EvalRecord]) -> list[float]:
    return [official(one) for one in found]


def among(found: Sequence[EvalRecord], category: str) -> list[EvalRecord]:
    return [one for one in found if one.labels["category"] == category]


def pairs_of(found: Sequence[EvalRecord]) -> list[Sequence[EvalRecord]]:
    """The rows by two; the last one may be alone."""
    return [found[place : place + 2] for place in range(0, len(found), 2)]


@given(rows)
def test_means_over_rows_and_categories(found: list[EvalRecord]) -> None:
    own = {name: percent(of(among(found, name))) for name in CATEGORIES if among(found, name)}
    assert Accuracy()(found, official)[""].value == pytest.approx(percent(of(found)))
    by = ByLabel(label="category")(found, official)
    assert {name: value.value for name, value in by.items()} == pytest.approx(own)
    macro = Macro(label="category")(found, official)[""]
    assert macro.value == pytest.approx(fmean(own.values()))
    halves = Average(of=[Accuracy(), Macro(label="category")])(found, official)[""]
    assert halves.value == pytest.approx((percent(of(found)) + fmean(own.values())) / 2)


@given(rows)
def test_means_over_groups(found: list[EvalRecord]) -> None:
    groups = [float(all(of(pair))) for pair in pairs_of(found)]
    assert AllRight(group=["pair"])(found, official)[""].value == pytest.approx(percent(groups))
    assert Circular()(found, official)[""].value == pytest.approx(percent(groups))
    same = [
        float(len(set(of(pair))) == 1 and all(one.extracted for one in pair))
        for pair in pairs_of(found)
        if len(pair) == 2
    ]
    verdicts = SameVerdict()(found, official)
    assert {k: v.value for k, v in verdicts.items()} == (
        {"": pytest.approx(percent(same))} if same else {}
    )


@given(rows)
def test_points_of_mme(found: list[EvalRecord]) -> None:
    points = {}
    for name in CATEGORIES:
        own = among(found, name)
        images = [[r for r in own if r.labels["image"] == image] for image in "abcde"]
        twos = [float(all(of(two))) for two in images if len(two) == 2]
        if own:
            points[name] = percent(of(own)) + (percent(twos) if twos else 0.0)
    values = MME()(found, official)
    assert values[""].value == pytest.approx(sum(points.values()))
    assert {n: values[n].value for n in points} == pytest.approx(points)


def bootstrap(
    found: Sequence[EvalRecord], statistic: Callable[[list[EvalRecord]], float]
) -> tuple[float, float]:
    """The 2.5 and 97.5 percentiles of a statistic, by copying the rows of the units drawn."""
    draw = random.Random(7)
    units: dict[str, list[EvalRecord]] = {}
    for one in found:
        units.setdefault(str(one.units[0]), []).append(one)
    values = []
    for _ in range(2000):
        drawn = draw.choices(list(units), k=len(units))
        values.append(statistic([one for unit in drawn for one in units[unit]]))
    cuts = quantiles(values, n=40)
    return cuts[0], cuts[-1]


@pytest.mark.parametrize("figure", [Accuracy(), Macro(label="category")], ids=["micro", "macro"])
def test_intervals_are_those_of_copied_rows(figure: Figure) -> None:
    draw = random.Random(3)
    before = [
        record(str(n), float(draw.random() < 0.3 + 0.02 * (n % 20)), unit=f"u{n % 20}",
               category=draw.choice("xy"))
        for n in range(120)
    ]  # fmt: skip
    after = [
        replace(one, outcome=max(official(one), float(draw.random() < 0.04))) for one in before
    ]
    by_uid = {one.uid: one for one in after}

    def value(rows: list[EvalRecord]) -> float:
        return figure(rows, official)[""].value

    def change(rows: list[EvalRecord]) -> float:
        return value([by_uid[one.uid] for one in rows]) - value(rows)

    own, other = figure(before, official), figure(after, official)
    found = estimates(own)[""]
    assert (found.low, found.high) == pytest.approx(bootstrap(before, value), abs=1.0)
    paired = estimates(differences(own, other))[""]
    assert paired.value == pytest.approx(change(before))
    assert (paired.low, paired.high) == pytest.approx(bootstrap(before, change), abs=1.0)
    apart = found.high - found.low
    assert paired.high - paired.low < 0.8 * apart, "a paired change is known better"


def test_a_single_unit_has_an_interval_of_its_value() -> None:
    found = estimates(Accuracy()([record("1", 1.0), record("2", 0.0, unit="1")], official))[""]
    assert (found.low, found.value, found.high) == (50.0, 50.0, 50.0)
