"""A served model is asked what an answer says that the rule alone could not read.

It is only ever asked to read: what it extracts is graded by a rule, and ``SameAnswer`` alone asks
for a verdict, where the official number needs one. A reply that is no answer raises
UnusableReplyError and is counted as a failure; a model that finds nothing says NONE.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sophia.benchmarks.item import UNPARSED, Graded, Item, Rule
from sophia.benchmarks.rules.options import options_of
from sophia.chat.question import ChatQuestion, ChatReply, UnusableReplyError
from sophia.types import Message

_MAX_SHOWN = 8000
_MAX_REPLY = 200
_NOTHING = "none"
_OPTION = (
    "Which option does the response settle on? Reply with the letter of that option and nothing"
    " else."
)
_VALUE = (
    "What final answer does the response give? Reply with that answer and nothing else: a number in"
    " digits without its unit, a list in square brackets, or the words as the response has them."
)
_YES_NO = "Does the response answer the question with yes or with no? Reply with that one word."
_ABSTAIN = (
    "Do not solve the question, and do not correct the response. If it gives no answer, or more"
    " than one, reply NONE."
)
_SAME = (
    "Does the final answer of the response agree with the reference answer? Another way of writing"
    " the same thing agrees (1/2 and 0.5, 50 cm and 0.5 m, the letter of an option and its text);"
    " another value, or no final answer, does not. Do not solve the question. Reply with one word:"
    " SAME or DIFFERENT."
)
_VERDICTS = {"same": 1.0, "different": 0.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """Asks what a response answers, and has the reply graded by a rule.

    Args:
        rule: grades what was extracted, as if it were the answer.
        wanted: "answer" is the letter of an option where the row has options, else a value.
    """

    rule: Rule
    wanted: Literal["answer", "yes or no"] = "answer"

    def question(self, item: Item, answer: str) -> ChatQuestion:
        """The question with its options, the end of the response, and what is wanted of it."""
        options = options_of(item)
        wanted = _OPTION if options else _VALUE
        if self.wanted == "yes or no":
            options, wanted = {}, _YES_NO
        listed = [f"{letter}. {text}" for letter, text in options.items()]
        return _asked(
            ("Question", "\n".join([item.question, *listed])),
            ("Response", answer),
            wanted=f"{wanted} {_ABSTAIN}",
        )

    def read(self, item: Item, reply: ChatReply) -> Graded:
        """The rule's grade of the reply; UNPARSED where the model found nothing to extract."""
        text = _words_of(reply)
        if text.strip(" .*").lower() == _NOTHING:
            return UNPARSED
        graded = self.rule(item, text)
        if not graded.parsed:
            raise UnusableReplyError("prose")
        return graded


@dataclass(frozen=True, slots=True, kw_only=True)
class SameAnswer:
    """Asks whether a response's answer and the gold one are the same (MathVerse)."""

    def question(self, item: Item, answer: str) -> ChatQuestion:
        """The question, the gold answer, and the end of the response."""
        return _asked(
            ("Question", item.question),
            ("Reference answer", item.answer),
            ("Response", answer),
            wanted=_SAME,
        )

    def read(self, item: Item, reply: ChatReply) -> Graded:
        """1 for the same, 0 for different; ``extracted`` is the model's word."""
        word = _words_of(reply).strip(" .*").lower()
        if word not in _VERDICTS:
            raise UnusableReplyError("prose")
        return Graded(score=_VERDICTS[word], extracted=word)


def _asked(*parts: tuple[str, str], wanted: str) -> ChatQuestion:
    """Each part between lines with its name, its end only where it is long, then what is wanted.

    ``<|`` is broken up, or a chat template would take what follows for a token of its own.
    """
    shown = (
        f"[{name}]\n{text.strip()[-_MAX_SHOWN:]}\n[end of {name.lower()}]" for name, text in parts
    )
    text = "\n\n".join((*shown, wanted)).replace("<|", "< |")
    return ChatQuestion(messages=(Message(role="user", content=(text,)),))


def _words_of(reply: ChatReply) -> str:
    """What a reply says after its thinking. Raises UnusableReplyError unless it is a few words."""
    if reply.truncated:
        raise UnusableReplyError("truncated")
    text = reply.text.rpartition("</think>")[2].strip()
    if not text:
        raise UnusableReplyError("empty")
    if len(text) > _MAX_REPLY:
        raise UnusableReplyError("prose")
    return text
