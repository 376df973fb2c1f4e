"""A reward term of one's own with parameters, which answers late and weighs each completion.

R1-Reward's accuracy * (1 + 0.5 * consistency) is the outcome plus this term, whose weight is half
of the outcome: consistency counts for right answers only.
"""

from concurrent.futures import Future, ThreadPoolExecutor

from sophia.library import extract_answer, extract_thinking
from sophia.metrics import Metrics
from sophia.types import GradedGroup, TermValues


class Consistency:
    """1 where the last line of the thinking names the answer that is then given, else -1."""

    def __init__(self, *, weight: float, num_threads: int = 8) -> None:
        self._weight = weight
        self._threads = ThreadPoolExecutor(num_threads)

    def open_step(self, rl_step: int) -> "Consistency":
        """Every RL step is scored alike."""
        return self

    def submit(self, group: GradedGroup) -> Future[TermValues]:
        """The answer comes when it comes; others are generated and scored meanwhile."""
        return self._threads.submit(self._scored, group)

    def metrics(self) -> Metrics:
        """What is returned here is logged as rewards/NAME/..."""
        return {}

    def close(self) -> None:
        """The run is over."""
        self._threads.shutdown()

    def _scored(self, group: GradedGroup) -> TermValues:
        return TermValues(
            values=tuple(_consistency(c.text) for c in group.rollout.completions),
            weights=tuple(self._weight * (outcome or 0.0) for outcome in group.outcomes),
        )


def _consistency(text: str) -> float:
    """Where another model is asked to compare the two, this is the place."""
    last = (extract_thinking(text) or "").rpartition("\n")[2]
    answer = extract_answer(text)
    return 1.0 if answer and answer in last else -1.0
