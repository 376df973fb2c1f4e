"""One group of one step as a picture: image, thinking, scores, gamma, advantage.

python experiments/quickstart/picture.py RUN_DIR STEP GROUP PICTURE.png
"""

from __future__ import annotations

import io
import sys
from math import exp
from pathlib import Path
from statistics import fmean

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from sophia.rewards.trust import is_correct
from sophia.run.groups import CompletionRecord, GroupRecord, load_groups

COLUMNS = (
    (0.235, "what the policy wrote"),
    (0.605, "answer right?\noutcome"),
    (0.715, "judge's score\nthinking"),
    (0.855, "reward R"),
    (0.96, "advantage"),
)
INK, SOFT, RIGHT, WRONG = "#1b1f24", "#6a737d", "#1a7f37", "#cf222e"


def distinct(group: GroupRecord) -> list[tuple[CompletionRecord, int]]:
    """Completions that say different things, with how many say each, best first."""
    texts = [completion.text for completion in group.completions]
    first = {c.text: c for c in reversed(group.completions)}
    return sorted(
        ((c, texts.count(text)) for text, c in first.items()), key=lambda pair: -pair[0].advantage
    )


def draw(group: GroupRecord, axes: Axes) -> None:
    rows = distinct(group)
    top, height = 0.76, 0.56 / len(rows)
    for x, title in COLUMNS:
        left = x == COLUMNS[0][0]
        axes.text(
            x, 0.955, title, color=SOFT, fontsize=9, va="center", ha="left" if left else "center"
        )
    for place, (completion, count) in enumerate(rows):
        row(axes, top - place * height, completion, count)
    axes.plot([0.235, 0.99], [0.86, 0.86], color="0.85", linewidth=0.8)
    sides = {True: [], False: []}
    for c in group.completions:
        outcome, thinking = c.value("outcome"), c.value("thinking")
        assert outcome is not None
        assert thinking is not None
        sides[is_correct(outcome)].append(thinking)
    right, wrong = fmean(sides[True]), fmean(sides[False])
    assert abs(exp(min(right - wrong, 0.0)) - group.trust) < 1e-9
    weight = next(p.weight for c in group.completions for p in c.parts if p.name == "thinking")
    axes.text(
        0.235, 0.10,
        f"The judge prefers wrong answers here: mean thinking of the right {right:.2f},"
        f" of the wrong {wrong:.2f}.  So"
        f"  $\\gamma = e^{{{right:.2f} - {wrong:.2f}}} = {group.trust:.2f}$,\n"
        f"and at step {group.rl_step}  $R = \\mathrm{{outcome}} + \\gamma\\,\\alpha e^{{-t/T}}"
        f"\\,\\mathrm{{thinking}} = \\mathrm{{outcome}} + {weight:.3f}\\,\\mathrm{{thinking}}$;"
        "  advantages compare R within the group.",
        color=INK, fontsize=10, va="center", linespacing=1.7,
    )  # fmt: skip


def row(axes: Axes, y: float, completion: CompletionRecord, count: int) -> None:
    text = " ".join(completion.text.split()) + (f"  ({count}x)" if count > 1 else "")
    outcome, thinking = completion.value("outcome") or 0.0, completion.value("thinking") or 0.0
    color = RIGHT if is_correct(outcome) else WRONG
    axes.text(0.235, y, text, color=INK, fontsize=9, family="monospace", va="center")
    axes.text(0.605, y, f"{outcome:g}", color=color, fontsize=11, va="center", ha="center")
    axes.barh(y, 0.10 * thinking, left=0.665, height=0.045, color="#0969da", alpha=0.65)
    axes.text(0.775, y, f"{thinking:.1f}", color=INK, fontsize=10, va="center", ha="left")
    axes.text(0.855, y, f"{completion.total:.3f}", color=INK, fontsize=11, va="center", ha="center")
    axes.text(
        0.96, y, f"{completion.advantage:+.2f}", color=color, fontsize=12, va="center",
        ha="center", weight="bold",
    )  # fmt: skip


def main(run_dir: str, step: str, place: str, picture: str) -> None:
    group = load_groups(Path(run_dir) / "rollouts", int(step))[int(place)]
    figure = Figure(figsize=(12.5, 3.1), dpi=130)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.axis("off")
    draw(group, axes)
    image = figure.add_axes((0.015, 0.30, 0.19, 0.62))
    image.imshow(Image.open(io.BytesIO(group.images[0])), cmap="gray", aspect="equal")
    image.axis("off")
    axes.text(
        0.11, 0.15, f"{group.question}\nright answer: {group.answer}", color=INK, fontsize=9,
        ha="center", va="center", linespacing=1.6, wrap=True,
    )  # fmt: skip
    figure.savefig(picture)


if __name__ == "__main__":
    main(*sys.argv[1:])
