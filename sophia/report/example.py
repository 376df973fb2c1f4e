"""One "right answer, wrong thinking", explained by the group that it was trained in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from sophia.evaluation.records import SOUND_THINKING
from sophia.rewards.trust import is_correct
from sophia.run.groups import CompletionRecord, GroupRecord, kept_steps, load_groups
from sophia.run.pictures import data_uri, thumbnail

_STEPS_SEARCHED = 12
_MAX_SIDE = 224


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A group with two right answers, of which one was thought soundly and one was not.

    ``place`` numbers the group in its step from 0; ``images`` are data URIs.
    """

    group: GroupRecord
    place: int
    lucky: CompletionRecord
    sound: CompletionRecord
    images: tuple[str, ...] = ()

    @property
    def weight(self) -> float:
        """The weight that the thinking reward had in this group, the trust weight included."""
        return next(part.weight for part in self.lucky.parts if part.name == "thinking")


def find_example(folder: Path) -> Example | None:
    """The example with the widest gap in the first kept step that has one; None without one.

    ``folder`` holds the kept groups of a run. Only the first 12 kept steps are searched: there
    thinking weighs most.
    """
    for rl_step in kept_steps(folder)[:_STEPS_SEARCHED]:
        found = list(_candidates(load_groups(folder, rl_step, images=False)))
        if found:
            return _with_images(folder, max(found, key=_gap))
    return None


def _candidates(groups: Iterable[GroupRecord]) -> Iterator[Example]:
    for place, group in enumerate(groups):
        right = [c for c in group.completions if _is_right(c) and c.value("thinking") is not None]
        if not right or not group.thinking_counted:
            continue
        lucky, sound = min(right, key=_thinking), max(right, key=_thinking)
        if _thinking(lucky) < SOUND_THINKING <= _thinking(sound):
            yield Example(group=group, place=place, lucky=lucky, sound=sound)


def _with_images(folder: Path, example: Example) -> Example:
    group = load_groups(folder, example.group.rl_step)[example.place]
    uris = tuple(data_uri(thumbnail(image, max_side=_MAX_SIDE)) for image in group.images)
    return replace(example, images=uris)


def _gap(example: Example) -> float:
    return _thinking(example.sound) - _thinking(example.lucky)


def _is_right(completion: CompletionRecord) -> bool:
    outcome = completion.value("outcome")
    return outcome is not None and not completion.gated and is_correct(outcome)


def _thinking(completion: CompletionRecord) -> float:
    return completion.value("thinking") or 0.0
