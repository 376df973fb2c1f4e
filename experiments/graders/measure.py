"""Measures the outcome reward and writes results.csv: answers per second, the slowest answers."""

from __future__ import annotations

import csv
import os
import platform
import random
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sophia.rewards.outcome import OutcomeReward
from sophia.types import Prompt

RESULTS = Path(__file__).with_name("results.csv")
SEED = 0
BOMBS = {
    "100,000 digits": "1" * 100_000,
    "20,000 open fractions": "\\frac{1}{" * 20_000,
    "100,000 braces": "{" * 100_000,
    "20,000 boxes": "\\boxed{42} " * 20_000,
    "tower of powers": "9^{9^{9^{9^{9}}}}",
    "large power": "7^{99999999}",
    "large factorial": "99999999!",
    "nested roots": "\\sqrt{" * 11 + "x" + "}" * 11,
    "nested parentheses": "(" * 12 + "x" + ")" * 12,
    "polynomial power": "(a+b+c+d)^{200}",
    "long sum": "+".join(f"\\sqrt{{{n}}}" for n in range(2, 100)),
    "trigonometric sum": "+".join(f"\\sin({n}x)\\cos({n}y)" for n in range(1, 40)),
}


def main() -> None:
    """Measure everything once and write the table."""
    rows = [*throughputs(), *worst_cases()]
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    constants = {
        "commit": commit,
        "seed": SEED,
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
    }
    with RESULTS.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=[*rows[0], *constants])
        writer.writeheader()
        writer.writerows(row | constants for row in rows)
    for row in rows:
        print(row)


def throughputs() -> Iterable[dict[str, object]]:
    """Answers per second by kind of answer, from one thread and from eight."""
    generator = random.Random(SEED)
    for kind, (problem_type, make) in KINDS.items():
        count = 800 if kind.startswith("LaTeX") else 20_000
        drawn = (generator.randrange(2, 10_000) for _ in range(count))
        numbers = (n // 8 + 2 for n in range(count)) if kind.endswith("eight equal") else drawn
        pairs = [make(number) for number in numbers]
        jobs = [(_prompt(problem_type, gold), _response(answer)) for answer, gold in pairs]
        for threads in (1, 8):
            yield {
                "kind": kind,
                "threads": threads,
                "answers": count,
                "answers_per_s": round(count / _seconds(jobs, threads)),
                "seconds": "",
                "next_seconds": "",
            }


def _seconds(jobs: Sequence[tuple[Prompt, str]], threads: int) -> float:
    reward = OutcomeReward()
    reward.grade(*WARM_UP)
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
        for answer in (bomb, f"\\sqrt{{{number + 3}}}"):
            started = time.perf_counter()
            assert reward.grade(WARM_UP[0], _response(answer)) == 0.0
            seconds.append(round(time.perf_counter() - started, 3))
        yield {
            "kind": kind,
            "threads": 1,
            "answers": 1,
            "answers_per_s": "",
            "seconds": seconds[0],
            "next_seconds": seconds[1],
        }
    reward.close()


def _prompt(problem_type: str, gold: str) -> Prompt:
    return Prompt(uid="bench", messages=(), answer=gold, problem_type=problem_type)


def _response(answer: str) -> str:
    return f"<think>t</think><answer>{answer}</answer>"


WARM_UP = (_prompt("math", "\\sqrt{2}"), _response("\\sqrt{8}/2"))
KINDS: dict[str, tuple[str, Callable[[int], tuple[str, str]]]] = {
    "plain numbers": ("numerical", lambda n: (f"{n}", f"{n}")),
    "numbers in words": ("numerical", lambda n: (f"The answer is {n:,}.5 cm", f"{n}.5")),
    "multiple choice": ("multiple choice", lambda n: ("ABCD"[n % 4], "B")),
    "LaTeX, all different": (
        "math",
        lambda n: (f"\\frac{{{n}x}}{{{n + 1}}}", f"x-\\frac{{x}}{{{n + 1}}}"),
    ),
    "LaTeX, eight equal": (
        "math",
        lambda n: (f"\\frac{{{n}x}}{{{n + 1}}}", f"x-\\frac{{x}}{{{n + 1}}}"),
    ),
}


if __name__ == "__main__":
    main()
