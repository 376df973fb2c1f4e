"""How a question becomes chat messages: system prompt, question template, sentence per type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sophia.types import Media, Message

_SLOT = "{question}"


class PromptTemplate:
    """Renders a question, with its images in place, as the messages of a prompt.

    The user turn is ``question`` with its slot filled by the row's question and options, then the
    sentence of the problem type. ``system`` "" means no system turn (a chat template may then add
    its own). Only the slot ``{question}`` is special, so LaTeX braces can be written as they are.
    """

    def __init__(
        self,
        *,
        system: str,
        question: str,
        type_sentences: Mapping[str, str],
        option: str,
        options_prefix: str,
        options_separator: str,
        images_first: bool,
    ) -> None:
        """Set the texts.

        Args:
            system: text of the system turn, "" for none.
            question: text of the user turn, with ``{question}`` exactly once.
            type_sentences: text put after the user turn by problem type; other types get none.
            option: how one option is written, with ``{letter}``, ``{text}`` or both.
            options_prefix: text between the question and its options.
            options_separator: text between two options.
            images_first: whether all images stand before the text, wherever the row has them.

        Raises:
            ValueError: ``question`` or ``option`` lacks its slots.
        """
        if question.count(_SLOT) != 1:
            raise ValueError(
                f"the question template holds {_SLOT} {question.count(_SLOT)} times, expected once:"
                f" {question!r}. Write {_SLOT} where the question goes."
            )
        if "{text}" not in option and "{letter}" not in option:
            raise ValueError(
                f"the option template {option!r} holds neither {{letter}} nor {{text}}."
                " Write for example '{letter}. {text}'."
            )
        self._system = system
        self._before, self._after = question.split(_SLOT)
        self._type_sentences = dict(type_sentences)
        self._option = option
        self._options_prefix = options_prefix
        self._options_separator = options_separator
        self._images_first = images_first

    def system_alone(self) -> PromptTemplate:
        """The template with the same system turn whose user turn is the question as it is."""
        return PromptTemplate(
            system=self._system,
            question=_SLOT,
            type_sentences={},
            option=self._option,
            options_prefix=self._options_prefix,
            options_separator=self._options_separator,
            images_first=False,
        )

    def render(
        self,
        question: Sequence[str | Media],
        *,
        problem_type: str,
        options: Mapping[str, str],
    ) -> tuple[Message, ...]:
        """The messages of a prompt: the system turn, if there is one, and the user turn.

        ``question`` is texts and images in their order, ``options`` texts by letter.
        """
        tail = self._options(options) + self._after + self._type_sentences.get(problem_type, "")
        parts: tuple[str | Media, ...] = (self._before, *question, tail)
        if self._images_first:
            parts = _media_first(parts)
        user = Message(role="user", content=_joined(parts))
        if not self._system:
            return (user,)
        return (Message(role="system", content=(self._system,)), user)

    def _options(self, options: Mapping[str, str]) -> str:
        if not options:
            return ""
        shown = (
            self._option.replace("{letter}", letter).replace("{text}", text)
            for letter, text in options.items()
        )
        return self._options_prefix + self._options_separator.join(shown)


def own_text(question: Sequence[str | Media]) -> str:
    """The text of a question, as ``Prompt.problem`` holds it: images are left out."""
    texts = (part.strip() for part in question if isinstance(part, str))
    return " ".join(text for text in texts if text)


def _media_first(parts: Sequence[str | Media]) -> tuple[str | Media, ...]:
    images = (part for part in parts if isinstance(part, Media))
    return (*images, *(part for part in parts if isinstance(part, str)))


def _joined(parts: Sequence[str | Media]) -> tuple[str | Media, ...]:
    """Merge neighbouring texts and drop empty ones, so that equal prompts are equal values."""
    content: list[str | Media] = []
    for part in parts:
        if isinstance(part, str) and content and isinstance(content[-1], str):
            content[-1] += part
        elif part != "":
            content.append(part)
    return tuple(content)
