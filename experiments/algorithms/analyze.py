"""results.csv and saving.csv -> the README's tables and results.png."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import NamedTuple

import matplotlib.pyplot as plt
from scipy import stats

HERE = Path(__file__).parent
BASE = "grpo_low_kl"
COLLAPSE = 5.0  # points below the start


class Interval(NamedTuple):
    """A mean with its 95 % t-interval, and the p-value of being 0."""

    mean: float
    half: float
    p: float

    def __str__(self) -> str:
        return f"{self.mean:+.1f} [{self.mean - self.half:+.1f}, {self.mean + self.half:+.1f}]"


def interval(values: Sequence[float]) -> Interval:
    n = len(values)
    error = stdev(values) / n**0.5
    half = float(stats.t.ppf(0.975, n - 1)) * error
    p = 2 * float(stats.t.sf(abs(fmean(values)) / error, n - 1)) if error else 1.0
    return Interval(fmean(values), half, p)


def holm(p_values: dict[str, float]) -> dict[str, float]:
    """Holm's step-down correction: p-values that may be compared with 0.05."""
    corrected, largest = {}, 0.0
    for place, (name, p) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        largest = max(largest, min(1.0, p * (len(p_values) - place)))
        corrected[name] = largest
    return corrected


class Run(NamedTuple):
    """One row of results.csv, in percent."""

    seed: int
    before: float
    after: float
    well_formed: float
    entropy: float
    clipped: float
    left_out: float | None

    @property
    def collapsed(self) -> bool:
        return self.after <= self.before - COLLAPSE or self.well_formed < 50.0


def read(name: str) -> list[dict[str, str]]:
    with (HERE / name).open(newline="") as file:
        return list(csv.DictReader(file))


def run_of(row: dict[str, str]) -> Run:
    def share(what: str, when: str) -> float:
        return 100 * int(row[f"{what}_{when}"]) / int(row[f"items_{when}"])

    return Run(
        seed=int(row["seed"]), before=share("right", "before"), after=share("right", "after"),
        well_formed=share("well_formed", "after"), entropy=float(row["entropy_end"]),
        clipped=100 * float(row["clipped"]),
        left_out=100 * float(row["left_out"]) if row["left_out"] else None,
    )  # fmt: skip


def presets() -> dict[str, list[Run]]:
    found: dict[str, list[Run]] = {}
    for row in read("results.csv"):
        found.setdefault(row["name"], []).append(run_of(row))
    return {name: sorted(runs) for name, runs in found.items()}


def table(runs: dict[str, list[Run]]) -> list[str]:
    base = {run.seed: run.after for run in runs[BASE]}
    against = {
        name: interval([run.after - base[run.seed] for run in own])
        for name, own in runs.items()
        if name != BASE
    }
    corrected = holm({name: found.p for name, found in against.items()})
    lines = [
        "| preset | accuracy after, each seed | mean | against `grpo_low_kl`, points | p, Holm |"
        " entropy at the end | tokens cut, % | groups left out, % | collapsed |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name in sorted(runs, key=lambda name: -fmean(run.after for run in runs[name])):
        own = runs[name]
        left = [run.left_out for run in own if run.left_out is not None]
        lines.append(
            f"| `{name}` | {', '.join(f'{run.after:.1f}' for run in own)} |"
            f" {fmean(run.after for run in own):.1f} |"
            f" {against.get(name, '-')} |"
            f" {f'{corrected[name]:.2f}' if name in corrected else '-'} |"
            f" {fmean(run.entropy for run in own):.3f} | {fmean(run.clipped for run in own):.2f} |"
            f" {f'{fmean(left):.0f}' if left else '-'} |"
            f" {sum(run.collapsed for run in own)} of {len(own)} |"
        )
    return lines


def saving() -> list[str]:
    rows = {(row["name"], int(row["seed"])): row for row in read("saving.csv")}
    lines = [
        "| seed | groups left out, % | tokens computed, % | update, s: all | s: as it is | ratio |",
        "|---|---|---|---|---|---|",
    ]
    ratios = []
    for seed in sorted({seed for _, seed in rows}):
        left, full = rows["left_out", seed], rows["full", seed]
        ratios.append(float(left["update_s"]) / float(full["update_s"]))
        lines.append(
            f"| {seed} | {100 * float(left['left_out']):.1f} |"
            f" {100 * float(left['tokens_computed']):.1f} | {float(full['update_s']):.3f} |"
            f" {float(left['update_s']):.3f} | {ratios[-1]:.2f} |"
        )
    half = interval(ratios).half
    low, high = fmean(ratios) - half, fmean(ratios) + half
    lines.append(f"| mean | | | | | **{fmean(ratios):.2f}** [{low:.2f}, {high:.2f}] |")
    return lines


def picture(runs: dict[str, list[Run]]) -> None:
    order = sorted(runs, key=lambda name: fmean(run.after for run in runs[name]))
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    for place, name in enumerate(order):
        after = [run.after for run in runs[name]]
        axes.plot(after, [place] * len(after), "o", color="tab:blue", alpha=0.5)
        axes.plot(fmean(after), place, "|", color="black", markersize=16)
    before = fmean(run.before for own in runs.values() for run in own)
    axes.axvline(before, color="gray", linestyle=":", label="before, mean of the seeds")
    axes.set_yticks(range(len(order)), order)
    axes.set_xlabel("held-out accuracy after 150 steps, %; a point is a seed, the bar their mean")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(HERE / "results.png", dpi=120)


def put(text: str, name: str, lines: list[str]) -> str:
    head, _, rest = text.partition(f"<!-- {name} -->\n")
    tail = rest.partition("<!-- end -->")[2]
    return f"{head}<!-- {name} -->\n" + "\n".join(lines) + f"\n<!-- end -->{tail}"


def main() -> None:
    runs, readme = presets(), HERE / "README.md"
    text = put(readme.read_text(), "results", table(runs))
    if (HERE / "saving.csv").is_file():
        text = put(text, "saving", saving())
    readme.write_text(text)
    picture(runs)


if __name__ == "__main__":
    main()
