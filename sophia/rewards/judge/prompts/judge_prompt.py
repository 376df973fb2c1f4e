"""How a judge is asked about a completion, and what all such prompts share.

The texts of the question and of the response are data. What looks like a tag in them is escaped, so
that it can neither close a tag of ours nor become a control token of the judge's chat template
(``<|im_end|>`` and its kin are parsed even in user text).
"""

from __future__ import annotations

import re
from typing import Literal, Protocol

from sophia.chat.question import ChatQuestion
from sophia.rewards.tags import extract_thinking
from sophia.types import Completion, Prompt

Sees = Literal["response", "thinking"]


class JudgePrompt(Protocol):
    """Asks for one number in [0, 1]: the same text where a judge is trained and where it serves."""

    def question(self, prompt: Prompt, completion: Completion) -> ChatQuestion:
        """What the judge is asked about one completion of a prompt."""


def shown(completion: Completion, sees: Sees) -> str:
    """What the judge gets to see: the whole response, or only what was thought.

    A completion without a think block is shown whole: hiding it would hide the flaw.
    """
    thinking = extract_thinking(completion.text) if sees == "thinking" else None
    return completion.text if thinking is None else thinking


def asked(prompt: Prompt) -> str:
    """The row's own question with its options, without what a template says around it."""
    options = "\n".join(f"{letter}. {text}" for letter, text in prompt.options.items())
    if not prompt.problem or not options or options in prompt.problem:
        return prompt.shown_question
    return f"{prompt.problem}\n{options}"


def check_sees(sees: str) -> None:
    """Refuse what is neither of the two."""
    if sees not in ("response", "thinking"):
        raise ValueError(f"judge_prompt.sees is {sees!r}; expected 'response' or 'thinking'")


# A "<" is kept only as the comparison it is in mathematics: before a number, "=", a sign, a LaTeX
# command, or a lone letter after a space. Every other one could open a tag.
_TAG_START = re.compile(r"<(?!\s*[\d=+\-.\\$]|\s+[A-Za-z](?![A-Za-z]))")


def escape_tags(text: str) -> str:
    """The text with every ``<`` that could open a tag written as ``&lt;``."""
    return _TAG_START.sub("&lt;", text)
