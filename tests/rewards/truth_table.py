"""The cases that say what the outcome rules do, and the tables in docs/rewards.md made of them.

``python -m tests.rewards.truth_table`` writes the tables.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

CASES = Path(__file__).parent / "cases"
DOCUMENT = Path(__file__).parents[2] / "docs" / "rewards.md"
TABLES = ("extraction", "math", "choice", "yes_no", "ocr", "text")
_MARKED = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class TruthCase:
    """One response and what it scores by our rules and by the release's."""

    table: str
    problem_type: str
    response: str
    shown: str
    """The response or answer as the table shows it."""
    gold: str
    options: Mapping[str, str]
    tolerance: float
    score: float | None
    release: float | None
    strict: bool | None
    """Whether the response has the strict format; None where the case does not say."""
    note: str = field(default="")


def truth_cases(table: str) -> Iterator[TruthCase]:
    """The cases of one table, in order."""
    document = json.loads((CASES / f"{table}.json").read_text(encoding="utf-8"))
    for case in document["cases"]:
        answer, repeat = case.get("answer", ""), case.get("repeat", 1)
        response = case.get("response", f"<think>t</think><answer>{answer * repeat}</answer>")
        shown = case.get("response", answer)
        yield TruthCase(
            table=table,
            problem_type=document["problem_type"],
            response=response,
            shown=_code(shown) + (f" × {repeat:,}" if repeat > 1 else ""),
            gold=case["gold"],
            options=case.get("options", document.get("options", {})),
            tolerance=case.get("tolerance", 0.0),
            score=case["score"],
            release=case["release"],
            strict=case.get("strict"),
            note=case.get("note", ""),
        )


def rendered(document: str) -> str:
    """The document with every marked table written anew."""
    return _MARKED.sub(lambda match: f"{match[1]}{_table(match[2])}{match[3]}", document)


def _table(name: str) -> str:
    if name == "differences":
        cases = [case for table in TABLES for case in truth_cases(table)]
        cases = [case for case in cases if case.score != case.release]
        return _rows(cases, ("type", "answer", "gold", "ours", "release", "note"))
    columns = ["answer", "gold", "score", "note"]
    if name == "extraction":
        columns = ["response", "score", "strict format", "note"]
    return _rows(list(truth_cases(name)), tuple(columns))


def _rows(cases: list[TruthCase], columns: tuple[str, ...]) -> str:
    header = f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n"
    return header + "".join(f"| {' | '.join(_cells(case, columns))} |\n" for case in cases)


def _cells(case: TruthCase, columns: tuple[str, ...]) -> list[str]:
    note = case.note
    if case.tolerance:
        note = f"tolerance {case.tolerance:g}"
    cells = {
        "type": case.problem_type,
        "answer": case.shown,
        "response": case.shown,
        "gold": _code(case.gold),
        "score": _score(case.score),
        "ours": _score(case.score),
        "release": _score(case.release),
        "strict format": "yes" if case.strict else "no",
        "note": note,
    }
    return [cells[column] for column in columns]


def _score(score: float | None) -> str:
    return "None" if score is None else f"{score:.4g}"


def _code(text: str) -> str:
    if not text:
        return "(empty)"
    plain = text.replace("\n", "⏎").replace("|", "\\|")
    return f"`{plain}`" if plain.strip() == plain and "`" not in plain else f"`` {plain} ``"


def main() -> None:
    """Write the tables into the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(rendered(text), encoding="utf-8")


if __name__ == "__main__":
    main()
