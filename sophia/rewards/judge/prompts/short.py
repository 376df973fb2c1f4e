"""A prompt of two lines, for judges that are small or were trained on it."""

from __future__ import annotations

from dataclasses import dataclass

from sophia.chat.question import ChatQuestion
from sophia.rewards.judge.prompts.judge_prompt import Sees, asked, check_sees, escape_tags, shown
from sophia.types import Completion, Message, Prompt

ASKED = "Score the reasoning from 0 to 1, whatever its answer."


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortPrompt:
    """The images, the question, the response, and one sentence that asks for the score.

    Args:
        sees: whether the judge is shown the whole ``response`` or the ``thinking`` alone.
    """

    sees: Sees = "response"

    def __post_init__(self) -> None:
        check_sees(self.sees)

    def question(self, prompt: Prompt, completion: Completion) -> ChatQuestion:
        """One user turn."""
        response = escape_tags(shown(completion, self.sees))
        text = f"Question: {escape_tags(asked(prompt))}\nResponse: {response}\n{ASKED}"
        return ChatQuestion(messages=(Message(role="user", content=(*prompt.media, text)),))
