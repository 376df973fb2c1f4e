"""results.csv and choices.csv -> the README's tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median

from experiments.speed.process import Row, read

HERE = Path(__file__).parent
BEGIN, END = "<!-- table -->\n", "<!-- end -->"
RATIOS: tuple[tuple[str, str, str, dict[str, float]], ...] = (
    ("naive", "update_s", "update", {"quickstart": 2.0, "medium": 3.5, "long": 4.5}),
    ("naive", "step_s", "total", {}),
    ("naive", "peak_bytes", "peak memory", {}),
    ("trl", "rollout_s", "rollout", {}),
    ("trl", "reference_s", "old, reference", {}),
    ("trl", "update_s", "update", {}),
    ("trl", "step_s", "total", {"quickstart": 3.0, "medium": 5.0, "long": 5.0}),
    ("trl", "peak_bytes", "peak memory", {}),
)
PHASES = ("rollout_s", "reference_s", "update_s", "step_s")


def main() -> None:
    """Write both tables between the marks."""
    rows, choices = read(HERE / "results.csv"), read(HERE / "choices.csv")
    body = "\n".join((*ratios(rows), "", *seconds(rows), "", *settings(choices)))
    readme = HERE / "README.md"
    head, _, rest = readme.read_text().partition(BEGIN)
    readme.write_text(head + BEGIN + body + "\n" + END + rest.partition(END)[2])


def shapes(rows: list[Row]) -> list[str]:
    """In the order of the file."""
    return list(dict.fromkeys(row["shape"] for row in rows))


def values(rows: list[Row], shape: str, system: str, column: str) -> list[float]:
    """One per repeat."""
    return [float(r[column]) for r in rows if r["shape"] == shape and r["system"] == system]


def ratios(rows: list[Row]) -> Iterator[str]:
    """A line per ratio, a column per shape; neighbours in time are divided."""
    yield "| over shared rows | " + " | ".join(shapes(rows)) + " |"
    yield "|---|" + "---|" * len(shapes(rows))
    for system, column, name, goals in RATIOS:
        cells = [
            ratio_cell(rows, shape, system, column, goals.get(shape)) for shape in shapes(rows)
        ]
        label = "naive rows" if system == "naive" else "TRL"
        yield f"| {label}, {name} | " + " | ".join(cells) + " |"


def ratio_cell(rows: list[Row], shape: str, system: str, column: str, goal: float | None) -> str:
    """Median, the least and the most of the repeats, and the goal."""
    own, other = values(rows, shape, "shared", column), values(rows, shape, system, column)
    found = [b / a for a, b in zip(own, other, strict=True)]
    shown = f"{median(found):.2f} ({min(found):.2f} to {max(found):.2f})"
    return shown if goal is None else f"**{shown}**, goal {goal:g}"


def seconds(rows: list[Row]) -> Iterator[str]:
    """Where the time goes: medians over repeats."""
    yield "| shape | system | rollout s | old, reference s | update s | rest s | step s | peak MB |"
    yield "|---|---|---|---|---|---|---|---|"
    for shape in shapes(rows):
        for system in dict.fromkeys(row["system"] for row in rows):
            found = {c: median(values(rows, shape, system, c)) for c in (*PHASES, "peak_bytes")}
            rollout, reference, update, step = (found[phase] for phase in PHASES)
            cells = [rollout, reference, update, step - rollout - reference - update, step]
            shown = " | ".join(f"{cell:.2f}" for cell in cells)
            yield f"| {shape} | {system} | {shown} | {found['peak_bytes'] / 1e6:.0f} |"


def settings(choices: list[Row]) -> Iterator[str]:
    """TRL's settings in the short run before."""
    yield "| TRL, s per step | " + " | ".join(shapes(choices)) + " |"
    yield "|---|" + "---|" * len(shapes(choices))
    for setting in dict.fromkeys(row["setting"] for row in choices):
        cells = []
        for shape in shapes(choices):
            times = {r["setting"]: float(r["step_s"]) for r in choices if r["shape"] == shape}
            mark = "**" if setting == min(times, key=lambda name: times[name]) else ""
            cells.append(f"{mark}{times[setting]:.2f}{mark}")
        yield f"| {setting} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
