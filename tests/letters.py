"""A reward that an untrained model can have some of: the share of lower-case letters."""

from sophia.types import Completion, Prompt


def letters(prompt: Prompt, completion: Completion) -> float:
    """In [0, 1]."""
    return sum(c.islower() for c in completion.text) / max(len(completion.text), 1)
