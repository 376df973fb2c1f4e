"""A reward of one's own that compares the completions of a group."""

from sophia.types import GradedGroup


def shortest_right(group: GradedGroup) -> list[float]:
    """1 for the shortest of the right answers, 0 for the others."""
    lengths = [len(completion.token_ids) for completion in group.rollout.completions]
    right = [n for n, o in zip(lengths, group.outcomes, strict=True) if o == 1.0]
    return [
        float(o == 1.0 and n == min(right)) for n, o in zip(lengths, group.outcomes, strict=True)
    ]
