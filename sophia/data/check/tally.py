"""The running tally of a data check: everything it keeps per row is a few bytes."""

from __future__ import annotations

import heapq
from array import array
from collections import Counter
from time import monotonic

import numpy as np

from sophia.data.check.report import DataReport, LongPrompt, Refusal, Twins, refusal_of
from sophia.data.fingerprint import image_fingerprint, prompt_fingerprint
from sophia.data.lengths import OverlongError, PromptFitter, PromptLength
from sophia.data.rows.row_error import Origin, RowError, origin_of, row_error
from sophia.types import Prompt

LISTED_REFUSALS = 10_000
_LISTED_TWINS = 50
_LISTED_LONGEST = 10


class Heldout:
    """Fingerprints of the held-out prompts and of their images."""

    def __init__(self) -> None:
        self.prompts: dict[bytes, tuple[str, str]] = {}  # fingerprint -> uid, answer
        self.images: set[bytes] = set()

    def add(self, prompt: Prompt) -> None:
        """Remember one held-out prompt; its images must be readable."""
        images = [image_fingerprint(media) for media in prompt.media]
        self.images.update(images)
        self.prompts[prompt_fingerprint(prompt, images)] = (prompt.uid, prompt.answer)


class Tally:
    """Takes in prompts and refusals one by one, and becomes a report."""

    def __init__(self, fitter: PromptFitter, heldout: Heldout) -> None:
        self._begin = monotonic()
        self._fitter = fitter
        self._heldout = heldout
        self._num_rows = 0
        self._refused: list[Refusal] = []
        self._refused_by_column: Counter[tuple[str, str]] = Counter()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._images_per_prompt: Counter[int] = Counter()
        self._prompt_tokens = array("i")
        self._image_tokens = array("i")
        self._longest: list[tuple[int, int, LongPrompt]] = []
        self._num_overlong = 0
        self._most_tokens = 0
        self._seen: dict[bytes, tuple[str, str]] = {}  # fingerprint -> uid, answer
        self._uids: set[str] = set()
        self._twins: Counter[str] = Counter()
        self._listed: dict[str, list[Twins]] = {"duplicate": [], "overlap": []}

    def refuse(self, error: RowError) -> None:
        """Count a row that cannot be used; the first 10,000 are listed in the report."""
        self._num_rows += 1
        if isinstance(error, OverlongError):
            self._most_tokens = max(self._most_tokens, error.total)
        self._refused_by_column[error.origin.source, error.column] += 1
        if len(self._refused) < LISTED_REFUSALS:
            self._refused.append(refusal_of(error))

    def check_uid(self, prompt: Prompt) -> None:
        """Raise RowError for a second prompt of one uid: both would draw the same completions."""
        if prompt.uid in self._uids:
            reason = f"the uid {prompt.uid!r} is used twice"
            remedy = "Make it unique, or unmap the column"
            raise row_error(origin_of(prompt), prompt.column("uid"), reason, remedy)
        self._uids.add(prompt.uid)

    def accept(self, prompt: Prompt, length: PromptLength) -> None:
        """Count a row that can be used, and look for an equal one among those before it."""
        self._num_rows += 1
        self._counts[_source(origin_of(prompt)), prompt.problem_type] += 1
        self._images_per_prompt[len(length.image_tokens)] += 1
        self._prompt_tokens.append(length.total)
        self._most_tokens = max(self._most_tokens, length.total)
        self._image_tokens.append(sum(length.image_tokens))
        self._num_overlong += length.total > self._fitter.max_prompt_tokens
        self._keep_longest(prompt, length)
        self._compare(prompt)

    def report(self) -> DataReport:
        """What was found so far, as a value."""
        return DataReport(
            num_rows=self._num_rows,
            num_refused=self._refused_by_column.total(),
            refused=tuple(self._refused),
            refused_by_column=dict(self._refused_by_column),
            counts=dict(self._counts),
            images_per_prompt=dict(self._images_per_prompt),
            prompt_tokens=np.array(self._prompt_tokens, dtype=np.int32),
            image_tokens=np.array(self._image_tokens, dtype=np.int32),
            longest=tuple(entry[2] for entry in sorted(self._longest, reverse=True)),
            max_prompt_tokens=self._fitter.max_prompt_tokens,
            on_overlong=self._fitter.on_overlong,
            most_tokens=self._most_tokens,
            num_overlong=self._num_overlong,
            num_duplicates=self._twins["duplicate"],
            duplicates=tuple(self._listed["duplicate"]),
            num_heldout=len(self._heldout.prompts),
            num_overlap=self._twins["overlap"],
            overlap=tuple(self._listed["overlap"]),
            num_shared_images=self._twins["image"],
            seconds=monotonic() - self._begin,
        )

    def _keep_longest(self, prompt: Prompt, length: PromptLength) -> None:
        entry = LongPrompt(
            uid=prompt.uid,
            text_tokens=length.text_tokens,
            image_tokens=sum(length.image_tokens),
            num_images=len(length.image_tokens),
        )
        # The row number breaks ties, so that entries themselves are never compared.
        item = (length.total, -self._num_rows, entry)
        if len(self._longest) < _LISTED_LONGEST:
            heapq.heappush(self._longest, item)
        else:
            heapq.heappushpop(self._longest, item)

    def _compare(self, prompt: Prompt) -> None:
        images = [image_fingerprint(media) for media in prompt.media]
        fingerprint = prompt_fingerprint(prompt, images)
        if fingerprint in self._seen:
            self._twin("duplicate", self._seen[fingerprint], prompt)
        else:
            self._seen[fingerprint] = (prompt.uid, prompt.answer)
        if fingerprint in self._heldout.prompts:
            self._twin("overlap", self._heldout.prompts[fingerprint], prompt)
        if not self._heldout.images.isdisjoint(images):
            self._twins["image"] += 1

    def _twin(self, kind: str, first: tuple[str, str], prompt: Prompt) -> None:
        self._twins[kind] += 1
        if len(self._listed[kind]) < _LISTED_TWINS:
            uid, answer = first
            same = answer == prompt.answer
            self._listed[kind].append(Twins(first=uid, second=prompt.uid, same_answer=same))


def _source(origin: Origin) -> str:
    return origin.source or "built-in"
