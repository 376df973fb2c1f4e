"""The numbers of a benchmark from its records: each figure, by each rule, and what could not be."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sophia.benchmarks.benchmark import OVERALL, Benchmark
from sophia.benchmarks.figures.average import average
from sophia.benchmarks.figures.figure import Score, Sum
from sophia.evaluation.records import EvalRecord

NO_VERDICT = "the model that reads answers gave no verdict"
"""The failure of an answer that a served model was asked about, and said nothing of use."""
NO_REPLY = "the model that reads answers did not reply"
"""The failure of an answer that a served model was asked about, and could not be reached."""
STRICT = "strict"
"""Names the overall figure by our own stricter rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What stands behind a number.

    ``unparsed`` and ``failed`` answers are wrong: nothing could be read from them, or the question
    could not be asked or its row not graded. ``asked`` is how often a served model had to read the
    answer, ``unanswered`` how often it gave no verdict or did not reply, which is wrong too.
    """

    answers: int
    unparsed: int
    failed: int
    asked: int
    unanswered: int


def summarise(benchmark: Benchmark, records: Sequence[EvalRecord]) -> dict[str, Sum]:
    """The figures by name, ``overall`` first; a part of one is ``figure/part``.

    With several answers to a question every figure is the mean over them, and ``vote@K`` is the
    overall figure of the commonest verdicts. ``strict`` is it by our own rule.
    """
    figures = _mean_over_samples(benchmark, records, _official)
    if benchmark.strict is not None:
        strict = _mean_over_samples(benchmark, records, _strict)
        if OVERALL in strict:
            figures[STRICT] = strict[OVERALL]
    samples = 1 + max((record.sample for record in records), default=0)
    if samples > 1:
        voted = _figures(benchmark, vote(records), _official)
        if OVERALL in voted:
            figures[f"vote@{samples}"] = voted[OVERALL]
    return dict(sorted(figures.items(), key=lambda named: _rank(named[0])))


def counts(records: Sequence[EvalRecord]) -> Counts:
    """How many answers there are, and how many of them could not be read, asked or judged."""
    judged = sum(record.graded_by == "model" for record in records)
    in_vain = sum(record.failure in (NO_VERDICT, NO_REPLY) for record in records)
    return Counts(
        answers=len(records),
        unparsed=sum(r.extracted is None and not r.failure for r in records),
        failed=sum(bool(r.failure) for r in records) - in_vain,
        asked=judged + in_vain,
        unanswered=in_vain,
    )


def vote(records: Sequence[EvalRecord]) -> list[EvalRecord]:
    """One record per question: the first that gives the commonest verdict of all its answers.

    An answer from which nothing could be read has no vote; in a tie the earlier verdict wins.
    """
    by_question: dict[str, list[EvalRecord]] = defaultdict(list)
    for record in records:
        by_question[record.uid].append(record)
    return [_elected(own) for own in by_question.values()]


def _elected(records: Sequence[EvalRecord]) -> EvalRecord:
    votes = Counter(r.extracted for r in records if r.extracted is not None)
    if not votes:
        return records[0]
    winner = votes.most_common(1)[0][0]
    return next(record for record in records if record.extracted == winner)


def _mean_over_samples(
    benchmark: Benchmark, records: Sequence[EvalRecord], score: Score
) -> dict[str, Sum]:
    by_sample: dict[int, list[EvalRecord]] = defaultdict(list)
    for record in records:
        by_sample[record.sample].append(record)
    unasked = [record for record in records if not record.asked]  # one record, wrong in all samples
    found = [
        _figures(benchmark, own if sample == 0 else [*own, *unasked], score)
        for sample, own in by_sample.items()
    ]
    names = dict.fromkeys(name for figures in found for name in figures)
    return {
        name: average([figures[name] for figures in found if name in figures]) for name in names
    }


def _figures(benchmark: Benchmark, records: Sequence[EvalRecord], score: Score) -> dict[str, Sum]:
    return {
        f"{name}/{part}" if part else name: value
        for name, figure in benchmark.figures.items()
        for part, value in figure(records, score).items()
    }


def _official(record: EvalRecord) -> float:
    return record.outcome or 0.0


def _strict(record: EvalRecord) -> float:
    return record.strict_outcome or 0.0


def _rank(name: str) -> int:
    """The overall figure and its other readings stand before all others."""
    if name == OVERALL:
        return 0
    return 1 if name == STRICT or name.startswith("vote@") else 2


def differences(before: Mapping[str, Sum], after: Mapping[str, Sum]) -> dict[str, Sum]:
    """The change of every figure that both have, paired by what a bootstrap draws."""
    return {name: after[name] - before[name] for name in before if name in after}
