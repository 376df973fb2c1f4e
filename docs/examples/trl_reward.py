"""A reward written for TRL: the gold answer stands somewhere in the completion."""


def mentions_solution(
    completions: list[str], solution: list[str], **columns: object
) -> list[float | None]:
    """1 where it does, 0 where it does not; None would mean that it cannot say."""
    pairs = zip(completions, solution, strict=True)
    return [float(gold in completion) for completion, gold in pairs]
