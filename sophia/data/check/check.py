"""The data check: goes through all rows once, without decoding images, before anything trains."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Sequence

from rich.progress import track

from sophia.data.check.report import DataReport
from sophia.data.check.tally import Heldout, Tally
from sophia.data.dataset import RowDataset
from sophia.data.images.opening import show_media
from sophia.data.lengths import OverlongError, PromptFitter, PromptLength
from sophia.data.prompts import PromptDataset
from sophia.data.rows.known import likely_type
from sophia.data.rows.row_error import RowError, origin_of, row_error
from sophia.types import Prompt

GoldChecker = Callable[[Prompt], str | None]
"""Why the gold answer of a prompt can never be graded, or None when it can."""

_LISTED_PROBLEMS = 10


class DataCheck:
    """Checks rows for everything that would stop or spoil a run."""

    def __init__(
        self,
        fitter: PromptFitter,
        *,
        problem_types: Collection[str],
        gold_checker: GoldChecker,
        decode_images: bool,
    ) -> None:
        """Set what is checked.

        Args:
            fitter: knows the pixel limits and the length policy of the run.
            problem_types: those that the rewards have a rule for.
            gold_checker: says why the rewards can never grade a prompt's gold answer, or None.
            decode_images: whether every image is also decoded, which finds truncated files and
                takes some milliseconds per image; without it only headers are read.
        """
        self._fitter = fitter
        self._problem_types = frozenset(problem_types)
        self._gold_checker = gold_checker
        self._decode_images = decode_images

    def run(
        self, dataset: PromptDataset, *, heldout: PromptDataset | None, show_progress: bool
    ) -> DataReport:
        """Go through the data set once and report on it; memory grows by some 300 bytes per row.

        ``heldout`` is a data set whose prompts should not be among those of ``dataset``; the
        report counts those that are. None when there is nothing to compare with.
        """
        tally = Tally(self._fitter, self._fingerprints(heldout))
        rows = track(
            rows_of(dataset),
            total=num_rows(dataset),
            description="checking",
            disable=not show_progress,
        )
        for row in rows:
            try:
                prompt = _prompt_or_raise(row)
                tally.check_uid(prompt)
                tally.accept(prompt, self.examine(prompt))
            except RowError as error:  # rows are the user's: reported, not raised
                tally.refuse(error)
        return tally.report()

    def examine(self, prompt: Prompt) -> PromptLength:
        """The length in tokens of one prompt that can be trained on.

        Raises:
            RowError: an image cannot be used, the prompt is too long for the policy (unless that
                is to skip such prompts), its problem type has no rule, or its gold answer can never
                be graded.
        """
        length = self._fitter.measure(prompt)
        self._check_length(prompt, length)
        if prompt.problem_type not in self._problem_types:
            raise self._unknown_type(prompt)
        reason = self._gold_checker(prompt)
        if reason is not None:
            remedy = "Correct the answer or its problem type, or leave the row out"
            raise row_error(origin_of(prompt), prompt.column("answer"), reason, remedy)
        return length

    def _unknown_type(self, prompt: Prompt) -> RowError:
        name, known = prompt.problem_type, sorted(self._problem_types)
        line = f"{{{name}: {likely_type(name, known) or known[0]}}}"
        return row_error(
            origin_of(prompt),
            prompt.column("problem_type"),
            f"the problem type {name!r} has no rule; known are {known}",
            f"Say which of them it is by `rename_types: {line}` in the source (on the command line"
            f" '++data.train.sources.rename_types={line}'), or write a checker (docs/recipes.md)",
        )

    def _check_length(self, prompt: Prompt, length: PromptLength) -> None:
        try:
            limits = self._fitter.limits_for(prompt, length)
        except OverlongError:
            if self._fitter.on_overlong == "skip":  # counted, and left out by the run
                return
            raise
        if self._decode_images:
            show_media(prompt, limits)

    def _fingerprints(self, heldout: PromptDataset | None) -> Heldout:
        fingerprints = Heldout()
        for row in () if heldout is None else rows_of(heldout):
            if isinstance(row, RowError):
                continue  # reported when the held-out part is checked itself
            try:
                self._fitter.measure(row)
            except RowError:
                continue
            fingerprints.add(row)
        return fingerprints


def check_sample(
    dataset: PromptDataset,
    check: DataCheck,
    *,
    num_prompts: int,
    seed: int,
    max_bad_share: float = 0.0,
) -> None:
    """Make the same checks on ``num_prompts`` prompts drawn at random, at the start of a run.

    Raises:
        ValueError: more than ``max_bad_share`` of the sample cannot be trained on; names the rows.
    """
    size = min(num_prompts, len(dataset))
    drawn = sorted(random.Random(seed).sample(range(len(dataset)), size))
    problems = [problem for index in drawn if (problem := _problem(dataset, check, index))]
    if len(problems) > max_bad_share * size:
        listed = "\n  ".join(str(problem) for problem in problems[:_LISTED_PROBLEMS])
        raise ValueError(
            f"{len(problems)} of {size} sampled rows cannot be trained on:\n  {listed}\n"
            f"{_enough_tokens(problems)}"
            "Run `python -m sophia check` with the same settings for a report over all rows; its"
            " refused.csv can be given to the data set as `exclude`."
        )


def _problem(dataset: PromptDataset, check: DataCheck, index: int) -> RowError | None:
    try:
        check.examine(dataset[index])
    except RowError as error:  # collected, so that one message names them all
        return error
    return None


def _enough_tokens(problems: Sequence[RowError]) -> str:
    """The limit that takes all of the prompts that are too long, where there are several."""
    totals = [problem.total for problem in problems if isinstance(problem, OverlongError)]
    if len(totals) < 2:
        return ""
    return (
        f"prompt_limits.max_prompt_tokens={max(totals)} takes the {len(totals)} that are too long. "
    )


def rows_of(dataset: PromptDataset) -> Iterator[Prompt | RowError]:
    """Every row of the data set once, as a prompt or as the error that it gives."""
    if isinstance(dataset, RowDataset):
        return dataset.inspect()
    return (dataset[index] for index in range(len(dataset)))


def num_rows(dataset: PromptDataset) -> int:
    """How many different rows ``rows_of`` goes through."""
    return dataset.num_rows() if isinstance(dataset, RowDataset) else len(dataset)


def _prompt_or_raise(row: Prompt | RowError) -> Prompt:
    if isinstance(row, RowError):
        raise row
    return row
