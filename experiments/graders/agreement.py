"""Grades the generated pairs, or real answers, and writes where the grader differs from the label.

``python -m experiments.graders.agreement`` writes pairs.csv and disagreements.csv beside this file.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from experiments.graders.pairs import KINDS, Pair, pairs
from sophia.rewards.outcome import OutcomeReward
from sophia.types import Prompt

HERE = Path(__file__).parent
SEED = 0
SHOWN_PER_CLASS = 10
WHOLE = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """A pair, what the grader made of it, and what that cost."""

    pair: Pair
    score: float | None
    seconds: float

    @property
    def fault(self) -> str | None:
        """How the grader differs from the label; None when it agrees."""
        if self.score is None:
            return "none"
        if (self.score == 1.0) == self.pair.right:
            return None
        return "false reject" if self.pair.right else "false accept"


def main() -> None:
    """Grade what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=25_000, help="how many pairs are generated")
    parser.add_argument("--suffix", default="", help="ends the names of the files, as in _before")
    parser.add_argument("--answers", type=Path, help="a jsonl of gold, answer and right instead")
    options = parser.parse_args()
    if options.answers:
        show_agreement(grade(real_answers(options.answers)))
        return
    graded = grade(pairs(options.count, seed=SEED), total=options.count)
    rows = table(graded)
    write(HERE / f"pairs{options.suffix}.csv", [row | constants() for row in rows])
    write(HERE / f"disagreements{options.suffix}.csv", disagreements(graded))
    show(rows)


def grade(wanted: Iterable[Pair], total: int | None = None) -> list[Graded]:
    """All pairs through the reward as training calls it, one after the other."""
    reward = OutcomeReward()
    graded = []
    for pair in tqdm(wanted, total=total, mininterval=5.0):
        prompt = Prompt(
            uid="pair",
            messages=(),
            answer=pair.gold,
            problem_type=pair.problem_type,
            options=pair.options,
        )
        started = time.perf_counter()
        score = reward.grade(prompt, f"<think>t</think><answer>{pair.answer}</answer>")
        seconds = time.perf_counter() - started
        graded.append(Graded(pair=pair, score=score, seconds=seconds))
    reward.close()
    return graded


def real_answers(path: Path) -> list[Pair]:
    """The rows of a file of real answers with hand-checked verdicts."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    return [
        Pair(
            kind=row.get("model", WHOLE),
            problem_type=row.get("problem_type", "math"),
            gold=row["gold"],
            answer=row["answer"],
            options=row.get("options", {}),
            right=row["right"],
        )
        for row in rows
    ]


def counts(kind: str, graded: Iterable[Graded]) -> dict[str, object]:
    """One row of the table."""
    known = list(graded)
    faults = Counter(one.fault for one in known)
    return {
        "class": kind,
        "pairs": len(known),
        "right": sum(one.pair.right for one in known),
        "false_accepts": faults["false accept"],
        "false_rejects": faults["false reject"],
        "none": faults["none"],
        "seconds": round(sum(one.seconds for one in known), 2),
    }


def table(graded: Iterable[Graded]) -> list[dict[str, object]]:
    """A row for every class and one for all together."""
    by_kind: dict[str, list[Graded]] = {kind: [] for kind in KINDS}
    for one in graded:
        by_kind[one.pair.kind].append(one)
    rows = [counts(kind, ones) for kind, ones in by_kind.items()]
    return [*rows, counts(WHOLE, (one for ones in by_kind.values() for one in ones))]


def disagreements(graded: Iterable[Graded]) -> list[dict[str, object]]:
    """Examples of what the grader gets wrong, at most ten of each class and fault."""
    seen: Counter[tuple[str, str]] = Counter()
    rows: list[dict[str, object]] = []
    for one in graded:
        if one.fault and seen[one.pair.kind, one.fault] < SHOWN_PER_CLASS:
            seen[one.pair.kind, one.fault] += 1
            pair = one.pair
            texts = {"gold": repr(pair.gold), "answer": repr(pair.answer)}
            given = json.dumps(dict(pair.options), ensure_ascii=False) if pair.options else ""
            rows.append({"class": pair.kind, "fault": one.fault, **texts, "options": given})
    return sorted(rows, key=lambda row: (str(row["class"]), str(row["fault"])))


def constants() -> dict[str, object]:
    """What a number was measured with."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    return {"commit": commit, "seed": SEED, "date": datetime.date.today().isoformat()}


def write(path: Path, rows: list[dict[str, object]]) -> None:
    """The rows as a table; only its head when there are none."""
    fields = list(rows[0]) if rows else ["class", "fault", "gold", "answer", "options"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=fields)
        writer.writeheader()
        writer.writerows(rows)


def show(rows: Iterable[Mapping[str, object]]) -> None:
    """Print the table."""
    print(f"{'class':28}{'pairs':>7}{'right':>7}{'accept':>8}{'reject':>8}{'none':>6}{'s':>8}")
    for row in rows:
        name, pairs_, right, accepts, rejects, none, seconds = row.values()
        print(f"{name:28}{pairs_:>7}{right:>7}{accepts:>8}{rejects:>8}{none:>6}{seconds:>8}")


def show_agreement(graded: list[Graded]) -> None:
    """Print how many real answers are graded as by hand, None counting as a disagreement."""
    row = counts(WHOLE, graded)
    agree = sum(one.fault is None for one in graded)
    print(f"agreement {agree}/{len(graded)} = {agree / len(graded):.2%}")
    print(f"{row['false_accepts']} false accepts, {row['false_rejects']} false rejects", end=", ")
    print(f"{row['none']} None, {row['seconds']} s")
    for one in graded:
        if one.fault:
            print(f"  {one.fault}: gold {one.pair.gold!r}, answer {one.pair.answer!r}")


if __name__ == "__main__":
    main()
