"""Free text: ROUGE, with 1 for an exact answer and tokens for every script."""

from __future__ import annotations

import functools
import re
import unicodedata
from statistics import fmean
from typing import TYPE_CHECKING, Any

from sophia.rewards.checkers.verdict import RIGHT, UNPARSED, Gold, Rule, Verdict

if TYPE_CHECKING:
    from sophia.rewards.process.pool import WorkerPool

_MAX_CHARACTERS = 20_000
_MEASURES = ("rouge1", "rouge2", "rougeL")
_UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
)
_TOKEN = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+")


def check_text(gold: Gold, workers: WorkerPool) -> Rule:
    """A rule that scores 1 for the gold text up to case, blanks and a final stop, else mean_rouge.

    Words are stemmed; scripts written without blanks are compared by character.
    """
    expected = gold.text.strip()

    def rule(prediction: str | None) -> Verdict:
        answer = prediction or ""
        if not _plain(answer) or len(answer) > max(_MAX_CHARACTERS, 4 * len(expected)):
            return UNPARSED
        if _plain(answer) == _plain(expected):
            return RIGHT
        return Verdict(score=mean_rouge(expected, answer, latin_only=False))

    return rule


def mean_rouge(gold: str, prediction: str, *, latin_only: bool) -> float:
    """The mean F-measure of ROUGE-1, ROUGE-2 and ROUGE-L, in [0, 1].

    ``latin_only`` drops all but a-z and digits first, as rouge-score's own tokenizer does.
    """
    scores = _scorer(latin_only).score(gold, prediction)
    return fmean(scores[measure].fmeasure for measure in _MEASURES)


@functools.cache
def _scorer(latin_only: bool) -> Any:
    # Imported on first use: it brings nltk, which takes longer to import than all the rest.
    from rouge_score import rouge_scorer

    if latin_only:
        return rouge_scorer.RougeScorer(_MEASURES, use_stemmer=True)
    return rouge_scorer.RougeScorer(_MEASURES, tokenizer=_Tokens())


class _Tokens:
    """The tokens of a text: rouge-score's stems of ASCII words, and other words as they are.

    Scripts written without blanks have one token per character.
    """

    def __init__(self) -> None:
        from rouge_score.tokenizers import DefaultTokenizer

        self._latin = DefaultTokenizer(use_stemmer=True)

    def tokenize(self, text: str) -> list[str]:
        folded = unicodedata.normalize("NFKC", text).casefold()
        return [
            token
            for word in _TOKEN.findall(folded)
            for token in (self._latin.tokenize(word) if word.isascii() else [word])
        ]


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(folded.split()).rstrip(".。 ")
