"""What can be known to fail is tried before the first evaluation takes its minutes."""

from __future__ import annotations

from collections.abc import Mapping

from sophia.data.encode import PromptEncoder
from sophia.rewards.custom import CustomReward
from sophia.types import Completion, Prompt


def try_rewards(
    rewards: Mapping[str, CustomReward], prompt: Prompt, encoder: PromptEncoder, *, group_size: int
) -> None:
    """Call every reward of the user's own once, on a group that gives the prompt's gold answer.

    Raises:
        RewardFailed: one raised, or returned what is no number.
    """
    if not rewards:
        return
    text = f"<think>A made-up completion.</think><answer>{prompt.answer}</answer>"
    token_ids = tuple(encoder.tokenizer(text, add_special_tokens=False)["input_ids"])
    made_up = Completion(
        text=text,
        token_ids=token_ids,
        sampling_logps=(0.0,) * len(token_ids),
        finish_reason="stop",
        seed=0,
    )
    for name, reward in rewards.items():
        reward.values(prompt, (made_up,) * group_size, name=name)
