"""One "right answer, wrong thinking", explained by the group that it was trained in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sophia.evaluation.records import SOUND_THINKING
from sophia.group_records import CompletionRecord, GroupRecord, kept_steps, load_groups
from sophia.pictures import data_uri, thumbnail
from sophia.rewards.trust import is_correct

_STEPS_SEARCHED = 12
_MAX_SIDE = 224


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A group with a right answer that was thought soundly and one that was not."""

    rl_step: int
    place: int
    question: str
    gold: str
    images: tuple[str, ...]
    trust: float
    weight: float
    lucky: CompletionRecord
    sound: CompletionRecord
    completions: tuple[CompletionRecord, ...]


def find_example(folder: Path) -> Example | None:
    """From the first kept steps, where thinking weighs most; the one with the widest gap."""
    for rl_step in kept_steps(folder)[:_STEPS_SEARCHED]:
        found = list(_candidates(load_groups(folder, rl_step)))
        if found:
            return max(found, key=lambda e: _thinking(e.sound) - _thinking(e.lucky))
    return None


def _candidates(groups: Iterable[GroupRecord]) -> Iterable[Example]:
    for place, group in enumerate(groups):
        right = [c for c in group.completions if _is_right(c) and c.value("thinking") is not None]
        if not right or not group.thinking_counted:
            continue
        lucky, sound = min(right, key=_thinking), max(right, key=_thinking)
        if _thinking(lucky) < SOUND_THINKING <= _thinking(sound):
            yield _example(group, place, lucky, sound)


def _example(
    group: GroupRecord, place: int, lucky: CompletionRecord, sound: CompletionRecord
) -> Example:
    images = tuple(data_uri(thumbnail(image, max_side=_MAX_SIDE)) for image in group.images)
    return Example(
        rl_step=group.rl_step,
        place=place,
        question=group.question,
        gold=group.answer,
        images=images,
        trust=group.trust,
        weight=next(part.weight for part in lucky.parts if part.name == "thinking"),
        lucky=lucky,
        sound=sound,
        completions=group.completions,
    )


def _is_right(completion: CompletionRecord) -> bool:
    outcome = completion.value("outcome")
    return outcome is not None and not completion.gated and is_correct(outcome)


def _thinking(completion: CompletionRecord) -> float:
    return completion.value("thinking") or 0.0
