"""Held-out answers with their images, by right or wrong answer and right or wrong thinking."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sophia.evaluation.evaluator import Prompts
from sophia.evaluation.records import SOUND_THINKING, EvalRecord, is_judged
from sophia.rewards.trust import is_correct
from sophia.run.pictures import data_uri, prompt_images

GALLERY_SIZE = 64
_MAX_SIDE = 224

Images = Mapping[str, Sequence[str]]
"""The images of each prompt as data URIs, by the prompt's uid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one policy answered, with its grades; ``kind`` is a key of KINDS.

    ``thinking`` is None where it was not scored, which is no grade; not ``judged`` says that
    nobody scores the thinking at all. ``lenient`` is the outcome of the lenient reading, or None.
    """

    who: str
    text: str
    outcome: float | None
    judged: bool
    thinking: float | None
    lenient: float | None
    well_formed: bool
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One question with its images as data URIs and the answers of all policies to it.

    ``problem`` is the row's own question, ``asked`` what the template made of it: the user turn.
    """

    uid: str
    problem: str
    options: Mapping[str, str]
    asked: str
    gold: str
    images: tuple[str, ...]
    answers: tuple[Answer, ...]

    @property
    def kind(self) -> str:
        """The key of KINDS that the page filters this card by: that of the last answer."""
        return self.answers[-1].kind


KINDS = {
    "right-right": "right answer, right thinking",
    "right-wrong": "right answer, wrong thinking",
    "right-unscored": "right answer, thinking not scored",
    "wrong-right": "wrong answer, right thinking",
    "wrong-wrong": "wrong answer, wrong thinking",
    "wrong-unscored": "wrong answer, thinking not scored",
    "right": "right answer",
    "wrong": "wrong answer",
    "unscored": "answer not scored",
}
"""What the page's filter offers; a key names the answer first and the thinking second.

Without a judge a key names the answer alone.
"""


def kind_of(record: EvalRecord, *, judged: bool) -> str:
    """The key of KINDS that a record belongs to; ``judged``: whether anybody scores thinking.

    Thinking that was not scored, such as that of an ill-formed answer, is neither right nor wrong.
    """
    if record.outcome is None:
        return "unscored"
    answer = "right" if is_correct(record.outcome) else "wrong"
    if not judged:
        return answer
    if record.thinking is None:
        return f"{answer}-unscored"
    return f"{answer}-{'right' if record.thinking >= SOUND_THINKING else 'wrong'}"


def cards(columns: Mapping[str, Sequence[EvalRecord]], images: Images) -> list[Card]:
    """A card for each question whose uid is in ``images``, with each policy's first answer to it.

    ``columns`` holds the records of each policy by its name.
    """
    judged = any(is_judged(records) for records in columns.values())
    by_uid: dict[str, list[tuple[str, EvalRecord]]] = {}
    for who, records in columns.items():
        for record in records:
            if record.uid in images and record.sample == 0:
                by_uid.setdefault(record.uid, []).append((who, record))
    return [
        Card(
            uid=uid,
            problem=answers[0][1].problem,
            options=answers[0][1].options,
            asked=answers[0][1].question,
            gold=answers[0][1].answer,
            images=tuple(images[uid]),
            answers=tuple(_answer(who, record, judged=judged) for who, record in answers),
        )
        for uid, answers in by_uid.items()
    ]


def _answer(who: str, record: EvalRecord, *, judged: bool) -> Answer:
    return Answer(
        who=who,
        text=record.text,
        outcome=record.outcome,
        judged=judged,
        thinking=record.thinking,
        lenient=record.lenient_outcome,
        well_formed=record.well_formed,
        kind=kind_of(record, judged=judged),
    )


def small_images(prompts: Prompts) -> dict[str, list[str]]:
    """The images of the first 64 prompts, with sides of at most 224 pixels, by uid."""
    first = (prompts[index] for index in range(min(len(prompts), GALLERY_SIZE)))
    return {
        prompt.uid: [data_uri(image) for image in prompt_images(prompt, max_side=_MAX_SIDE)]
        for prompt in first
    }


def save_images(path: Path, images: Images) -> None:
    """Write the images as JSON, whole or not at all, so that a page needs no data set."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(images))
    os.replace(partial, path)


def load_images(path: Path) -> dict[str, list[str]]:
    """The images that ``save_images`` wrote; empty when there is no such file."""
    if not path.is_file():
        return {}
    found: dict[str, list[str]] = json.loads(path.read_text())
    return found
