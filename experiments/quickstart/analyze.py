"""results.csv -> the README's table and its conclusions."""

from __future__ import annotations

import csv
from pathlib import Path
from statistics import fmean

HERE = Path(__file__).parent
BEGIN, END = "<!-- table -->\n", "<!-- end -->"


def main() -> None:
    with (HERE / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    lines = [
        "| reward | seed | accuracy before | after | gain | thinking after | right answer, wrong "
        "thinking: before | after | gamma, mean of steps | RL s | total s |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for reward in dict.fromkeys(row["reward"] for row in rows):
        own = [row for row in rows if row["reward"] == reward]
        lines += [line_of(row) for row in own] + [pooled(reward, own)]
    readme = HERE / "README.md"
    head, _, rest = readme.read_text().partition(BEGIN)
    readme.write_text(head + BEGIN + "\n".join(lines) + "\n" + END + rest.partition(END)[2])


def share(row: dict[str, str], part: str, whole: str) -> float:
    return 100 * int(row[part]) / int(row[whole])


def line_of(row: dict[str, str]) -> str:
    before = share(row, "right_before", "items_before")
    after = share(row, "right_after", "items_after")
    rw = [share(row, f"right_wrong_thinking_{w}", f"right_{w}") for w in ("before", "after")]
    return (
        f"| {row['reward']} | {row['seed']} | {before:.1f} | {after:.1f} | {after - before:+.1f} |"
        f" {100 * float(row['thinking_after']):.1f} | {rw[0]:.1f} | {rw[1]:.1f} |"
        f" {row['gamma_mean'] or '-'} |"
        f" {float(row['grpo_s']):.0f} | {float(row['total_s']):.0f} |"
    )


def pooled(reward: str, rows: list[dict[str, str]]) -> str:
    def total(name: str) -> int:
        return sum(int(row[name]) for row in rows)

    before = 100 * total("right_before") / total("items_before")
    after = 100 * total("right_after") / total("items_after")
    rw = [
        100 * total(f"right_wrong_thinking_{w}") / total(f"right_{w}") for w in ("before", "after")
    ]
    thinking = 100 * fmean(float(row["thinking_after"]) for row in rows)
    return (
        f"| **{reward}** | pooled | {before:.1f} | {after:.1f} | **{after - before:+.1f}** |"
        f" {thinking:.1f} | {rw[0]:.1f} | **{rw[1]:.1f}** | | | |"
    )


if __name__ == "__main__":
    main()
