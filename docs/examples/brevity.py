"""A reward of one's own: shorter answers are a little better."""

from sophia.types import Completion, Prompt


def brevity(prompt: Prompt, completion: Completion) -> float | None:
    """From 0 (as long as allowed) towards 1; None would mean that it cannot say."""
    return 1.0 / (1.0 + len(completion.token_ids) / 10)
