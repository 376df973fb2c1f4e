"""The answers as a prediction file of VLMEvalKit, so that its own scorer runs on them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from sophia.evaluation.records import EvalRecord
from sophia.rewards.tags import extract_answer

_PIXELS = "image"


def write_predictions(table: Path, records: Sequence[EvalRecord], out: Path) -> None:
    """Write all columns of a TSV but its images, and the column ``prediction``.

    A prediction is the content of the answer tag, or all of an answer without one, "" where there
    is none: what our own rule was given. Rows that were not asked are left out; of several answers
    to a question the first stands there.

    Args:
        table: the benchmark's file in VLMEvalKit's format.
        records: the answers.
        out: where to write; VLMEvalKit expects MODEL_DATASET.tsv.
    """
    import pandas  # a second, and only where predictions are written

    said = {
        record.uid.partition("/")[2]: extract_answer(record.text) or ""
        for record in records
        if record.sample == 0
    }
    header = pandas.read_csv(table, sep="\t", nrows=0).columns
    rows = pandas.read_csv(table, sep="\t", usecols=[c for c in header if c != _PIXELS])
    asked = rows[rows["index"].astype(str).isin(said)].copy()
    asked["prediction"] = [said[str(index)] for index in asked["index"]]
    partial = out.with_suffix(".partial")
    asked.to_csv(partial, sep="\t", index=False)
    os.replace(partial, out)
