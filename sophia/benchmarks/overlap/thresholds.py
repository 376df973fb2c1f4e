"""From where on two images, and two questions, are near duplicates of each other."""

from __future__ import annotations

from dataclasses import dataclass

from sophia.benchmarks.overlap.sketch import NUM_BITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """What has to hold for a match; how the defaults were measured: docs/overlap.md.

    Args:
        max_bits: of the 128 bits of their hashes, in how many two near images may differ.
        min_likeness: the least correlation, in [0, 1], of their 16 x 16 pixels.
        min_similarity: the least share of common runs of words, in [0, 1], of two questions about
            near images that are the same question.
        min_similarity_alone: the same of questions that are found without their images.
        run_words: how many words are a run.
        min_words: how long a question must be to be found without its image: shorter ones, such as
            "What is the value of x?", are asked about anything.
    """

    max_bits: int = 20
    min_likeness: float = 0.95
    min_similarity: float = 0.6
    min_similarity_alone: float = 0.8
    run_words: int = 3
    min_words: int = 12

    def __post_init__(self) -> None:
        for name, allowed, range_ in (
            ("max_bits", 0 <= self.max_bits < NUM_BITS, f"lie in [0, {NUM_BITS - 1}]"),
            ("min_likeness", 0.0 < self.min_likeness <= 1.0, "lie in (0, 1]; 1 is the very same"),
            ("min_similarity", 0.0 < self.min_similarity <= 1.0, "lie in (0, 1]"),
            (
                "min_similarity_alone",
                self.min_similarity <= self.min_similarity_alone <= 1.0,
                f"lie in [min_similarity, 1], which is [{self.min_similarity}, 1]",
            ),
            ("run_words", self.run_words >= 1, "be at least 1"),
            ("min_words", self.min_words >= 1, "be at least 1"),
        ):
            if not allowed:
                raise ValueError(f"thresholds.{name} is {getattr(self, name)}; it must {range_}.")
