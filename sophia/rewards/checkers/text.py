"""Free text: ROUGE, with 1 for an exact answer and tokens for every script."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from statistics import fmean
from typing import TYPE_CHECKING, Any

from rapidfuzz.distance import LCSseq

from sophia.rewards.checkers.verdict import RIGHT, UNPARSED, Gold, Rule, Verdict

if TYPE_CHECKING:
    from sophia.rewards.process.pool import WorkerPool

MAX_CHARACTERS = 50_000
"""Of a text that is compared word by word: what is longer takes a second and more."""
_SHORT = 20_000
_UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
)
_TOKEN = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")


def check_text(gold: Gold, workers: WorkerPool) -> Rule | None:
    """A rule that scores 1 for the gold text up to case, blanks and a final stop, else mean_rouge.

    Words are stemmed; scripts written without blanks are compared by character. A prediction is
    unparsed when it has more than 20,000 characters and four times as many as the gold. None for a
    gold, and unparsed for any prediction, of more than ``MAX_CHARACTERS``.
    """
    expected = gold.text.strip()
    if len(expected) > MAX_CHARACTERS:
        return None
    longest = min(MAX_CHARACTERS, max(_SHORT, 4 * len(expected)))

    def rule(prediction: str | None) -> Verdict:
        answer = (prediction or "").strip()
        if len(answer) > longest or not _plain(answer):
            return UNPARSED
        if _plain(answer) == _plain(expected):
            return RIGHT
        return Verdict(score=mean_rouge(expected, answer, latin_only=False))

    return rule


def mean_rouge(gold: str, prediction: str, *, latin_only: bool) -> float:
    """The mean F-measure of ROUGE-1, ROUGE-2 and ROUGE-L, in [0, 1].

    ``latin_only`` drops all but a-z and digits first, as rouge-score's own tokenizer does. The
    measures are those of rouge-score, whose table for ROUGE-L takes seconds for 2,000 words.
    """
    tokenize = _latin_tokens if latin_only else _tokens
    expected, found = tokenize(gold), tokenize(prediction)
    matches = (
        (_common(expected, found, 1), len(expected), len(found)),
        (_common(expected, found, 2), len(expected) - 1, len(found) - 1),
        (LCSseq.similarity(expected, found), len(expected), len(found)),
    )
    return fmean(_f_measure(*counts) for counts in matches)


def _common(expected: list[str], found: list[str], length: int) -> int:
    """How many runs of so many tokens both have, each as often as the rarer side has it."""
    ours, theirs = (
        Counter(zip(*(side[start:] for start in range(length)), strict=False))
        for side in (found, expected)
    )
    return (ours & theirs).total()


def _f_measure(common: int, in_gold: int, in_prediction: int) -> float:
    precision, recall = common / max(in_prediction, 1), common / max(in_gold, 1)
    return 2 * precision * recall / (precision + recall) if common else 0.0


def _tokens(text: str) -> list[str]:
    """rouge-score's stems of ASCII words, and other words as they are.

    Scripts written without blanks have one token per character.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return [token for word in _TOKEN.findall(folded) for token in _tokens_of_word(word)]


@functools.lru_cache(maxsize=50_000)
def _tokens_of_word(word: str) -> list[str]:
    return _latin_tokens(word) if word.isascii() else [word]


def _latin_tokens(text: str) -> list[str]:
    tokens: list[str] = _latin_tokenizer().tokenize(text)
    return tokens


@functools.cache
def _latin_tokenizer() -> Any:
    # Imported on first use: it brings nltk, which takes longer to import than all the rest.
    from rouge_score.tokenizers import DefaultTokenizer

    return DefaultTokenizer(use_stemmer=True)


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(folded.split()).rstrip(".。 ")
