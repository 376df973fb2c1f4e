"""The outcome reward: is the final answer right?"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from sophia.rewards.checkers.choice import as_options, check_choice
from sophia.rewards.checkers.math import check_math
from sophia.rewards.checkers.ocr import check_exp_wer, check_one_minus_cer
from sophia.rewards.checkers.release import rules as release
from sophia.rewards.checkers.text import check_text
from sophia.rewards.checkers.verdict import UNSCORED, Checker, Gold, Rule, Verdict
from sophia.rewards.checkers.yes_no import check_yes_no
from sophia.rewards.lenient import lenient_answer
from sophia.rewards.process.pool import WorkerPool
from sophia.rewards.tags import extract_answer, gold_text
from sophia.types import Completion, Prompt

if TYPE_CHECKING:
    from PIL.Image import Image

CHECKERS: dict[str, Checker] = {
    "math": check_math,
    "numerical": check_math,
    "multiple choice": check_choice,
    "yes/no": check_yes_no,
    "OCR": check_exp_wer,
    "free-form": check_text,
    "text": check_text,
}
RELEASE_CHECKERS: dict[str, Checker] = {
    "math": release.check_numerical,
    "numerical": release.check_numerical,
    "multiple choice": release.check_choice,
    "yes/no": release.check_numerical,
    "OCR": release.check_ocr,
    "free-form": release.check_text,
    "text": release.check_text,
}
OCR_CHECKERS: dict[str, Checker] = {
    "exp_wer": check_exp_wer,
    "one_minus_cer": check_one_minus_cer,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Profile:
    extract: Callable[[str], str | None]
    gold: Callable[[str], str]
    checkers: Mapping[str, Checker]


_PROFILES = {
    "paper": _Profile(extract=extract_answer, gold=gold_text, checkers=CHECKERS),
    "release": _Profile(
        extract=release.released_answer, gold=release.released_gold, checkers=RELEASE_CHECKERS
    ),
}


class OutcomeReward:
    """Grades the final answer by the rule of the prompt's problem type, in [0, 1].

    ``profile`` "paper" is ours; "release" reproduces the release's rules with their defects.
    ``ocr`` is the measure for transcriptions in the paper profile. ``extract`` "lenient" looks for
    the answer outside of tags too (``lenient_answer``), for models never taught them. An answer
    that needs computer algebra is judged in one of ``num_workers`` processes, killed after
    ``timeout_s`` seconds; none is started before such an answer comes. Safe to call from several
    threads.
    """

    def __init__(
        self,
        *,
        profile: Literal["paper", "release"] = "paper",
        ocr: Literal["exp_wer", "one_minus_cer"] = "exp_wer",
        extract: Literal["tagged", "lenient"] = "tagged",
        timeout_s: float = 5.0,
        num_workers: int = 2,
    ) -> None:
        if profile not in _PROFILES or ocr not in OCR_CHECKERS:
            raise ValueError(
                f"outcome profile {profile!r} with ocr {ocr!r}; known are"
                f" {sorted(_PROFILES)} with {sorted(OCR_CHECKERS)}."
            )
        if extract not in ("tagged", "lenient"):
            raise ValueError(f"extract is {extract!r}; known are 'lenient' and 'tagged'.")
        if timeout_s <= 0 or num_workers < 1:
            raise ValueError(
                f"timeout_s={timeout_s} must be positive, num_workers={num_workers} > 0."
            )
        self._profile = _PROFILES[profile]
        self._checkers = dict(self._profile.checkers)
        if profile == "paper":
            self._checkers["OCR"] = OCR_CHECKERS[ocr]
        self._pool = WorkerPool(timeout_s=timeout_s, num_workers=num_workers)
        self._rule = functools.lru_cache(maxsize=4096)(self._read_gold)
        self._is_lenient = extract == "lenient"
        if self._is_lenient:
            self._check_lenient()

    @property
    def problem_types(self) -> frozenset[str]:
        """Those that there is a rule for."""
        return frozenset(self._checkers)

    def __call__(self, prompt: Prompt, completion: Completion) -> float | None:
        """The score in [0, 1], 0 when no prediction can be read.

        None when the gold cannot be read or a worker failed. Raises ValueError for a problem type
        without a rule.
        """
        return self.verdict(prompt, completion).score

    def verdict(self, prompt: Prompt, completion: Completion) -> Verdict:
        """The same score with what went wrong on the way to it, for whoever counts that."""
        return self._verdict(prompt, completion.text)

    def grade(self, prompt: Prompt, response: str) -> float | None:
        """The same score for the text of a response."""
        return self._verdict(prompt, response).score

    def leniently(self) -> Self:
        """The same rules and worker processes, which are closed with it, for the lenient reading.

        Raises ValueError in the release profile.
        """
        self._check_lenient()
        lenient = copy.copy(self)
        lenient._is_lenient = True
        return lenient

    def close(self) -> None:
        """End the worker processes. A later answer that needs one starts it again."""
        self._pool.close()

    @property
    def num_workers_alive(self) -> int:
        """How many worker processes are alive."""
        return self._pool.num_alive

    def _verdict(self, prompt: Prompt, response: str) -> Verdict:
        checker = self._checkers.get(prompt.problem_type)
        if checker is None:
            raise ValueError(
                f"prompt {prompt.uid!r} has problem type {prompt.problem_type!r};"
                f" known are {sorted(self._checkers)}. Add a checker in sophia/rewards/outcome.py."
            )
        options = tuple(as_options(prompt.options).items())
        rule = self._rule(checker, prompt.answer, options, prompt.tolerance)
        return UNSCORED if rule is None else rule(self._answer(prompt, response))

    def _read_gold(
        self,
        checker: Checker,
        answer: str,
        options: tuple[tuple[str, str], ...],
        tolerance: float,
    ) -> Rule | None:
        text = self._profile.gold(answer)
        gold = Gold(text=text, options=dict(options), tolerance=tolerance)
        return checker(gold, self._pool) if text.strip() else None

    def _answer(self, prompt: Prompt, response: str) -> str | None:
        if not self._is_lenient:
            return self._profile.extract(response)
        letters = as_options(prompt.options).keys()
        return lenient_answer(response, problem_type=prompt.problem_type, letters=letters)

    def _check_lenient(self) -> None:
        if self._profile is _PROFILES["release"]:
            raise ValueError(
                "extract=lenient with the outcome profile 'release', which reproduces where the"
                " release looks for an answer; take extract=tagged, or the profile 'paper'."
            )


def grade(
    problem_type: str,
    completion: str,
    answer: str,
    options: Mapping[str, str] | Sequence[str] | None = None,
    tolerance: float | None = None,
    image: Image | None = None,
    *,
    extract: Literal["tagged", "lenient"] = "tagged",
) -> float | None:
    """Grade one response: ``grade("numerical", "<answer>5 cm</answer>", "5")`` is 1.0.

    ``completion`` is the text of a response and ``answer`` the gold answer; ``options`` is a list
    or letter -> text; ``image`` may be given with the rest of a row, but no rule looks at it;
    ``extract`` "lenient" is for responses of models that were never taught tags.
    Returns a score in [0, 1], or None as ``OutcomeReward`` does.
    """
    prompt = Prompt(
        uid="(given to grade)",
        messages=(),
        answer=answer,
        problem_type=problem_type,
        options=as_options(options),
        tolerance=tolerance or 0.0,
    )
    return _shared_reward(extract).grade(prompt, completion)


@functools.cache
def _shared_reward(extract: Literal["tagged", "lenient"]) -> OutcomeReward:
    return OutcomeReward(extract=extract)
