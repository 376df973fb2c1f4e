"""One group of one step, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from sophia.run.groups import CompletionRecord, GroupRecord


def group_text(group: GroupRecord, *, title: str, images: Sequence[Path]) -> Text:
    """The group's prompt, gold answer and trust weight (gamma), and the paths of its images.

    Gamma is left out where the reward has no thinking part.
    """
    counted = "" if group.thinking_counted else "; the thinking reward was left out of this group"
    gamma = [f"gamma: {group.trust:.4f}{counted}"] if _has_thinking(group) else []
    lines = [
        f"{title}: {group.uid} ({group.problem_type})",
        "",
        group.prompt,
        f"right answer: {group.answer}",
        *(f"image: {path}" for path in images),
        *gamma,
    ]
    return Text("\n".join(lines))


def _has_thinking(group: GroupRecord) -> bool:
    return any(part.name == "thinking" for c in group.completions for part in c.parts)


def group_table(group: GroupRecord) -> Table:
    """A table with a row per completion.

    It shows the text, every reward part as value x weight (grey where it was not scored), their
    total, the advantage, the mean log-probability of the sampled tokens in nats, and how many
    tokens there are.
    """
    rows = [_cells(completion) for completion in group.completions]
    parts = [part.name for part in group.completions[0].parts]
    table = Table(show_lines=True)
    table.add_column("completion", overflow="fold", min_width=10)
    for place, name in enumerate([*parts, "total", "adv.", "logp", "tokens"], start=1):
        widest = max(len(name), *(len(row[place]) for row in rows))
        table.add_column(name, justify="right", min_width=widest)
    for row in rows:
        table.add_row(*row)
    return table


def _cells(completion: CompletionRecord) -> list[Text]:
    total = _number(completion.total) + (" gated" if completion.gated else "")
    tokens = f"{completion.num_tokens}{' cut' if completion.truncated else ''}"
    cells: list[str | Text] = [
        completion.text,
        *(_graded(part.value, part.weight) for part in completion.parts),
        total,
        f"{completion.advantage:+.3f}",
        f"{completion.sampling_logp_mean:.3f}",
        tokens,
    ]
    return [c if isinstance(c, Text) else Text(c) for c in cells]  # Text: no markup in output


def _graded(value: float | None, weight: float) -> Text:
    if value is None:
        return Text("not scored", style="dim")
    return Text(f"{_number(value)} x {weight:.3g}" if weight else _number(value))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def save_group_images(folder: Path, group: GroupRecord, *, place: int) -> list[Path]:
    """Write the group's images to a folder and return their paths, for a terminal to name.

    ``place`` numbers the group in its step from 0 and becomes part of the file names.
    """
    paths = []
    for index, image in enumerate(group.images):
        kind = "png" if image.startswith(b"\x89PNG") else "jpg"
        path = folder / f"step_{group.rl_step:06d}-group_{place}-image_{index}.{kind}"
        folder.mkdir(exist_ok=True)
        path.write_bytes(image)
        paths.append(path)
    return paths
