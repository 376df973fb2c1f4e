"""What `infer` is asked: one question, a folder of images, or lines of standard input."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from sophia.data.images.opening import image_size
from sophia.data.template import PromptTemplate
from sophia.types import Media, Prompt

_IMAGES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question about some images; ``answer`` is the right one, if it is known."""

    question: str
    images: tuple[Path, ...] = ()
    answer: str | None = None
    problem_type: str = "numerical"
    options: Mapping[str, str] = field(default_factory=dict)

    def prompt(self, template: PromptTemplate, uid: str) -> Prompt:
        """The prompt that the policy gets. Raises ValueError when an image cannot be used."""
        media = [Media(source=path) for path in self.images]
        for one in media:
            image_size(one)
        messages = template.render(
            (*media, self.question), problem_type=self.problem_type, options=self.options
        )
        return Prompt(
            uid=uid,
            messages=messages,
            answer=self.answer or "",
            problem_type=self.problem_type,
            options=self.options,
            problem=self.question,
        )


def expand(base: Question, lines: Iterable[str] | None) -> Iterator[Question]:
    """The questions that the arguments and standard input come to.

    ``lines``: standard input when the question is read from there, else None. A line is a question
    about the given images, or a JSON object whose keys replace those of the command line.
    """
    if lines is None:
        yield from _by_folder(base)
        return
    for line in lines:
        text = line.strip()
        if not text:
            continue
        asked = _from_json(base, text) if text.startswith("{") else replace(base, question=text)
        yield from _by_folder(asked)


def _by_folder(question: Question) -> Iterator[Question]:
    """A folder stands for one question about each of its images."""
    if len(question.images) != 1 or not question.images[0].is_dir():
        yield question
        return
    folder = question.images[0]
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in _IMAGES)
    if not found:
        raise ValueError(f"the folder {folder} has no image ({', '.join(sorted(_IMAGES))}).")
    for path in found:
        yield replace(question, images=(path,))


def _from_json(base: Question, text: str) -> Question:
    try:
        given = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"a line of standard input is no JSON object ({error}): {text}") from None
    known = {"image", *(f.name for f in fields(Question) if f.name != "images")}
    if unknown := set(given) - known:
        raise ValueError(f"unknown key {min(unknown)!r} in {text}; known are {sorted(known)}.")
    images = as_paths(given.pop("image")) if "image" in given else base.images
    return replace(base, **{**given, "images": images})


def as_paths(image: Any) -> tuple[Path, ...]:
    """The paths that ``image`` names, which is None, a path, or a list of them."""
    if image is None:
        return ()
    return tuple(Path(path) for path in ([image] if isinstance(image, str) else image))
