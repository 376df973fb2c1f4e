"""The prompt of the authors' release, which their published 3B judge was trained on."""

from __future__ import annotations

from dataclasses import dataclass

from sophia.chat.question import ChatQuestion
from sophia.rewards.judge.prompts.judge_prompt import Sees, asked, check_sees, shown
from sophia.types import Completion, Message, Prompt

SYSTEM = "You are a helpful assistant."
# Byte for byte theirs, blanks at the line ends and before the criteria included: a judge that was
# trained on a text is asked with that text (verl/workers/reward/custom.py of their repository).
TEXT = (
    "You are an expert reasoning evaluator. I will give you a multimodal question and an answer."
    " Your goal is to judge a reward process and give a score between 0 and 1. You should focus on"
    " whether the reasoning process is good rather than whether the final answer is correct."
    "### Evaluation Criteria:\n"
    "- **Logical Soundness**: Does each step follow logically from the previous one?\n"
    "- **Correct Reasoning**: Are the methods and steps used appropriate and valid? Are the facts"
    " and lemmas correctly stated and applied?\n"
    "- **Error Identification**: Are there any logical fallacies, unsupported assumptions, or"
    " incorrect steps?\n"
    "- **Language Consistency**: Is the reasoning process conducted in a single, consistent"
    " language without mixing different languages?\n"
    "- **Redundancy**: Is the reasoning concise, without unnecessary repetition or extraneous"
    " steps?\n"
    "Provide a single score from **{0, 0.1, 0.2, ..., 1.0}** based on the reasoning quality,"
    " where:\n"
    " - **0**: Completely flawed reasoning\n"
    "- **1**: Perfectly sound reasoning\n"
    "- Intermediate values (e.g., 0.3, 0.7) should reflect partial correctness or minor errors.\n"
    "Be strict, reward the good process and punish the bad one. You should only output the score"
    " without any explanation.\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePrompt:
    """One user turn, the images behind the text.

    What theirs and this do not share: the question is the row's own, where the release sends the
    whole decoded chat; all images are shown, not the first alone; control tokens in question and
    response are broken up.

    Args:
        sees: whether the judge is shown the whole ``response``, as theirs, or the ``thinking``.
    """

    sees: Sees = "response"

    def __post_init__(self) -> None:
        check_sees(self.sees)

    def question(self, prompt: Prompt, completion: Completion) -> ChatQuestion:
        """The chat; their judge answers ``<answer>0.7</answer>``."""
        images = "<image> " if prompt.media else ""
        text = (
            f"{TEXT}    Question: {images}{_broken(asked(prompt))}\n"
            f"    Reasoning process: {_broken(shown(completion, self.sees))}\n"
            "    Your response format: <answer>your_score</answer>\n    "
        )
        return ChatQuestion(
            messages=(
                Message(role="system", content=(SYSTEM,)),
                Message(role="user", content=(text, *prompt.media)),
            )
        )


def _broken(text: str) -> str:
    return text.replace("<|", "< |")
