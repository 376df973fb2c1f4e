"""Measures the outcome reward: answers per second, the slowest answers, and who waits for them.

``python -m experiments.graders.measure`` writes results.csv beside this file in under 3 minutes.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import os
import platform
import random
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sophia.rewards.outcome import OutcomeReward
from sophia.types import Prompt

HERE = Path(__file__).parent
SEED = 0
BOMBS = {
    "100,000 digits": "1" * 100_000,
    "20,000 open fractions": "\\frac{1}{" * 20_000,
    "100,000 braces": "{" * 100_000,
    "20,000 boxes": "\\boxed{42} " * 20_000,
    "tower of powers": "9^{9^{9^{9^{9}}}}",
    "large factorial": "99999999!",
    "nested roots": "\\sqrt{" * 11 + "x" + "}" * 11,
    "nested parentheses": "(" * 12 + "x" + ")" * 12,
    "polynomial power": "(a+b+c+d)^{200}",
    "long sum": "+".join(f"\\sqrt{{{n}}}" for n in range(2, 100)),
    "trigonometric sum": "+".join(f"\\sin({n}x)\\cos({n}y)" for n in range(1, 40)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Answers of one sort: how many are graded, and the answer and gold made of a number."""

    problem_type: str
    count: int
    make: Callable[[int], tuple[str, str]]
    copies: int = 1
    """How many completions of a prompt give the same answer."""


def main() -> None:
    """Measure everything once and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suffix", default="", help="ends the name of the file, as in _before")
    options = parser.parse_args()
    rows = [*throughputs(), *worst_cases(), *eight_at_once()]
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    constants = {
        "commit": commit,
        "seed": SEED,
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
    }
    path = HERE / f"results{options.suffix}.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=[*rows[0], *constants])
        writer.writeheader()
        writer.writerows(row | constants for row in rows)
    for row in rows:
        print(row)


def _row(kind: str, *, threads: int = 1, answers: int = 1, **measured: float) -> dict[str, object]:
    names = ("answers_per_s", "seconds", "next_seconds")
    values = {name: measured.get(name, "") for name in names}
    return {"kind": kind, "threads": threads, "answers": answers, **values}


def throughputs() -> Iterable[dict[str, object]]:
    """Answers per second by kind of answer, from one thread and from eight."""
    for name, kind in KINDS.items():
        generator = random.Random(SEED)
        numbers = generator.sample(range(2, 10 * kind.count + 2), kind.count // kind.copies)
        pairs = [kind.make(number) for number in numbers for _ in range(kind.copies)]
        jobs = [(_prompt(kind.problem_type, gold), _response(answer)) for answer, gold in pairs]
        for threads in (1, 8):
            rate = round(len(jobs) / _seconds(jobs, threads), 1)
            yield _row(name, threads=threads, answers=len(jobs), answers_per_s=rate)


def _seconds(jobs: Sequence[tuple[Prompt, str]], threads: int) -> float:
    reward = OutcomeReward()
    for prompt, response in (WARM_UP, jobs[0]):
        reward.grade(prompt, response)
    started = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        scores = list(pool.map(reward.grade, *zip(*jobs, strict=True)))
    seconds = time.perf_counter() - started
    reward.close()
    assert None not in scores
    return seconds


def worst_cases() -> Iterable[dict[str, object]]:
    """Seconds for one hostile answer, and for the harmless one after it (a new process starts)."""
    reward = OutcomeReward()
    reward.grade(*WARM_UP)
    for number, (kind, bomb) in enumerate(BOMBS.items()):
        seconds = []
        for answer in (bomb, f"x+{number + 3}"):
            started = time.perf_counter()
            assert reward.grade(WARM_UP[0], _response(answer)) == 0.0
            seconds.append(round(time.perf_counter() - started, 3))
        yield _row(kind, seconds=seconds[0], next_seconds=seconds[1])
    reward.close()


def eight_at_once() -> Iterable[dict[str, object]]:
    """Eight threads with a bomb each, and what a ninth waits with a harmless answer."""
    for kind, powers in (
        ("eight equal bombs", [200] * 8),
        ("eight different bombs", range(200, 208)),
    ):
        reward = OutcomeReward()
        reward.grade(*WARM_UP)
        started = time.perf_counter()
        with ThreadPoolExecutor(9) as threads:
            bombs = [_response(f"(a+b+c+d)^{{{power}}}") for power in powers]
            judged = [threads.submit(reward.grade, WARM_UP[0], bomb) for bomb in bombs]
            time.sleep(0.2)
            asked = time.perf_counter()
            assert reward.grade(_prompt("math", "x+1"), _response("\\frac{2x+2}{2}")) == 1.0
            waited = time.perf_counter() - asked
            assert {one.result() for one in judged} == {0.0}
        total = round(time.perf_counter() - started, 2)
        yield _row(kind, threads=9, answers=9, seconds=total, next_seconds=round(waited, 2))
        reward.close()


def _prompt(problem_type: str, gold: str) -> Prompt:
    options = {"A": "1", "B": "2", "C": "3", "D": "4"} if problem_type == "multiple choice" else {}
    return Prompt(uid="bench", messages=(), answer=gold, problem_type=problem_type, options=options)


def _response(answer: str) -> str:
    return f"<think>t</think><answer>{answer}</answer>"


def _words(seed: int, count: int) -> str:
    generator = random.Random(seed)
    letters = itertools.cycle("aeiou")
    return " ".join(f"w{generator.randrange(3000)}{next(letters)}" for _ in range(count))


def _equal_in_letters(number: int) -> tuple[str, str]:
    return f"\\frac{{{number}x}}{{{number + 1}}}", f"x-\\frac{{x}}{{{number + 1}}}"


WARM_UP = (_prompt("math", "x+y"), _response("y+x"))
KINDS = {
    "plain numbers": Kind(problem_type="numerical", count=10_000, make=lambda n: (f"{n}", f"{n}")),
    "words and unit": Kind(
        problem_type="numerical",
        count=10_000,
        make=lambda n: (f"The answer is {n:,}.5 cm", f"{n}.5"),
    ),
    "tuples of numbers, right": Kind(
        problem_type="math", count=400, make=lambda n: (f"({n}, {n + 1}.0)", f"({n},{n + 1})")
    ),
    "tuples of numbers, wrong": Kind(
        problem_type="math", count=400, make=lambda n: (f"({n}, {n + 2})", f"({n},{n + 1})")
    ),
    "multiple choice": Kind(
        problem_type="multiple choice", count=10_000, make=lambda n: ("ABCD"[n % 4], "B")
    ),
    "LaTeX, right, all different": Kind(problem_type="math", count=400, make=_equal_in_letters),
    "LaTeX, right, eight equal": Kind(
        problem_type="math", count=800, make=_equal_in_letters, copies=8
    ),
    "LaTeX, wrong, all different": Kind(
        problem_type="math",
        count=400,
        make=lambda n: (f"{n}x^2+\\sqrt{{{n}}}", f"x^2+{n}\\sqrt{{x}}"),
    ),
    "equations of lines, wrong": Kind(
        problem_type="math", count=200, make=lambda n: (f"x={n}y+2", f"y={n}x+2")
    ),
    "free text of 50 words": Kind(
        problem_type="free-form", count=800, make=lambda n: (_words(n, 50), _words(n + 1, 50))
    ),
    "free text of 2,000 words": Kind(
        problem_type="free-form", count=8, make=lambda n: (_words(n, 2000), _words(n + 1, 2000))
    ),
}


if __name__ == "__main__":
    main()
