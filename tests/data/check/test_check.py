from __future__ import annotations

import csv
import json
import tracemalloc
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from sophia.data.check.check import DataCheck, check_sample
from sophia.data.check.figure import figure
from sophia.data.check.report import DataReport, write_counts, write_refused
from sophia.data.check.tables import tables
from sophia.data.lengths import PromptFitter
from sophia.types import Prompt
from tests.data.builders import (
    PLAIN_COLUMNS,
    dataset,
    encoded,
    fitter,
    image,
    plain_source,
    sophia_row,
    sophia_source,
    write_lines,
)


def graded(prompt: Prompt) -> str | None:
    return None if prompt.answer != "ungradable" else "'ungradable' is not a number"


def check(fits: PromptFitter | None = None, *, decode_images: bool = False) -> DataCheck:
    return DataCheck(
        fits or fitter(),
        problem_types={"numerical"},
        gold_checker=graded,
        decode_images=decode_images,
    )


def row(problem: str, images: Any = (), answer: str = "1") -> dict[str, Any]:
    return {"problem": problem, "answer": answer, "images": list(images)}


def run(*rows: dict[str, Any], heldout: Any = None, **settings: Any) -> DataReport:
    held = None if heldout is None else dataset(plain_source(heldout, name="heldout"))
    data = dataset(plain_source(rows))
    return check(**settings).run(data, heldout=held, show_progress=False)


def test_counts_lengths_and_longest() -> None:
    report = run(row("a b"), row("c", [image(56, 56)]), row("d", [image(56, 56), image(84, 84)]))
    assert (report.num_rows, report.num_usable, report.num_refused) == (3, 3, 0)
    assert report.counts == {("plain", "numerical"): 3}
    assert report.images_per_prompt == {0: 1, 1: 1, 2: 1}
    assert report.prompt_tokens.tolist() == [2, 5, 14]
    assert report.image_tokens.tolist() == [0, 4, 13]
    longest = report.longest[0]
    assert (longest.uid, longest.text_tokens, longest.image_tokens) == ("plain/<memory>-2", 1, 13)


def test_refused_rows_of_every_stage(tmp_path: Path) -> None:
    report = run(
        row(""),
        row("missing", [str(tmp_path / "no.png")]),
        row("broken", [b"not an image"]),
        row("gold", answer="ungradable"),
        row("thin", [image(1, 300)]),
        row("long " * 101),
        row("fine"),
    )
    assert (report.num_rows, report.num_refused) == (7, 6)
    reasons = [(refusal.row, refusal.column, refusal.reason) for refusal in report.refused]
    assert [reason[:2] for reason in reasons] == [
        (0, "problem"),
        (1, "images"),
        (2, "images"),
        (3, "answer"),
        (4, "images"),
        (5, "problem"),
    ]
    assert "there is no file" in reasons[1][2]
    assert "the image of 12 bytes cannot be used" in reasons[2][2]
    assert reasons[3][2] == "'ungradable' is not a number"
    assert "one side is more than 200 times" in reasons[4][2]
    assert "the prompt has 101 tokens" in reasons[5][2]
    assert report.refused_by_column == {
        ("plain", "problem"): 2,
        ("plain", "images"): 3,
        ("plain", "answer"): 1,
    }


def test_types_without_a_rule_get_the_line_that_names_them() -> None:
    columns = replace(PLAIN_COLUMNS, problem_type="kind", answer="gold")
    rows: list[dict[str, Any]] = [
        {"problem": "x", "gold": "1", "images": [], "kind": kind}
        for kind in ("integer", "riddle", "numerical")
    ] + [{"problem": "y", "gold": "ungradable", "images": [], "kind": "numerical"}]
    data = dataset(plain_source(rows, columns=columns))
    report = check().run(data, heldout=None, show_progress=False)
    assert [(refusal.row, refusal.column) for refusal in report.refused] == [
        (0, "kind"),
        (1, "kind"),
        (3, "gold"),
    ]
    integer, riddle, _ = report.refused
    assert integer.reason == "the problem type 'integer' has no rule; known are ['numerical']"
    assert "`rename_types: {integer: numerical}`" in integer.remedy
    assert "'++data.train.sources.rename_types={integer: numerical}'" in integer.remedy
    assert "or write a checker" in riddle.remedy


def test_the_longest_prompt_is_known_even_if_it_is_refused() -> None:
    report = run(row("a " * 7), row("b " * 150), fits=fitter(max_prompt_tokens=100))
    assert (report.num_refused, report.most_tokens) == (1, 150)
    assert run(row("a " * 7)).most_tokens == 7


def test_truncated_images_are_found_by_decoding() -> None:
    cut = encoded(image(200, 200, (1, 2, 3)), "BMP")[:3000]
    assert run(row("cut", [cut])).num_refused == 0
    assert run(row("cut", [cut]), decode_images=True).num_refused == 1


@pytest.mark.parametrize(("policy", "refused"), [("refuse", 1), ("skip", 0), ("resize", 0)])
def test_overlong_rows_are_counted_under_every_policy(policy: Any, refused: int) -> None:
    fits = fitter(max_prompt_tokens=12, on_overlong=policy)
    report = run(row("x", [image(140, 140)]), fits=fits)
    assert report.num_refused == refused
    assert report.num_overlong == 1 - refused


def test_memory_grows_by_little_per_row(tmp_path: Path) -> None:
    rows = ({"problem": f"{'word ' * 200}{n}", "answer": "1", "images": []} for n in range(3000))
    data = dataset(plain_source(write_lines(tmp_path / "rows.jsonl", rows)))
    assert len(data) == 3000
    tracemalloc.start()
    report = check(fitter(max_prompt_tokens=500)).run(data, heldout=None, show_progress=False)
    growth = tracemalloc.get_traced_memory()[1] / report.num_usable
    tracemalloc.stop()
    # A row is 1,000 characters; 130,000 rows may take 2 GiB, which would be 16,000 bytes each.
    assert growth < 900


def test_duplicates_and_contradictions() -> None:
    picture = encoded(image())
    report = run(
        row("same", [picture]),
        row("same", [picture]),
        row("same", [picture], answer="2"),
        row("same", [encoded(image(colour=(9, 9, 9)))]),
        row("other", [picture]),
    )
    assert report.num_duplicates == 2
    assert [twin.same_answer for twin in report.duplicates] == [True, False]
    assert report.duplicates[0].first == "plain/<memory>-0"


def test_overlap_with_held_out_rows() -> None:
    picture = encoded(image())
    report = run(
        row("same", [picture]),
        row("other", [picture]),
        row("text"),
        heldout=[row("same", [picture]), row(""), row("gone", ["no.png"]), row("text", answer="3")],
    )
    assert report.num_heldout == 2
    assert report.num_overlap == 2
    assert [(t.first, t.same_answer) for t in report.overlap] == [
        ("heldout/<memory>-0", True),
        ("heldout/<memory>-3", False),
    ]
    assert report.num_shared_images == 2


def test_equal_uids_are_refused(tmp_path: Path) -> None:
    text = {"path": "", "data_type": "text"}
    rows = [sophia_row(**text), sophia_row(**text, problem="another")]
    report = check().run(dataset(sophia_source(rows)), heldout=None, show_progress=False)
    assert report.refused[0].reason == "the uid 'Math/7' is used twice"


def test_copies_of_a_weighted_source_are_checked_once() -> None:
    data = dataset(plain_source([row("a"), row("b")], weight=2.5))
    report = check().run(data, heldout=None, show_progress=False)
    assert (report.num_rows, report.num_duplicates) == (2, 0)


def test_the_check_sees_what_the_data_set_skips() -> None:
    data = dataset(plain_source([row(""), row("b")]), on_bad_row="skip")
    report = check().run(data, heldout=None, show_progress=False)
    assert (len(data), report.num_rows, report.num_refused) == (1, 2, 1)


def test_any_map_style_data_set_can_be_checked() -> None:
    prompts = [dataset(plain_source([row("a b c")]))[0]]
    assert check().run(prompts, heldout=None, show_progress=True).prompt_tokens.tolist() == [3]


def test_sample_refuses_what_cannot_work() -> None:
    good = dataset(plain_source([row("a")] * 20))
    check_sample(good, check(), num_prompts=8, seed=0)
    mixed = dataset(plain_source([row("a"), row("b", ["no.png"]), row("c", answer="ungradable")]))
    with pytest.raises(ValueError, match="2 of 3 sampled rows cannot be trained on") as caught:
        check_sample(mixed, check(), num_prompts=8, seed=0)
    assert "row 1, column 'images': there is no file" in str(caught.value)
    assert "row 2, column 'answer': 'ungradable' is not a number" in str(caught.value)
    check_sample(mixed, check(), num_prompts=8, seed=0, max_bad_share=0.7)


def test_the_sample_says_how_many_tokens_would_do() -> None:
    data = dataset(plain_source([row("a " * n) for n in (3, 120, 150)]))
    with pytest.raises(ValueError, match="2 of 3 sampled rows") as caught:
        check_sample(data, check(fitter(max_prompt_tokens=100)), num_prompts=8, seed=0)
    assert "prompt_limits.max_prompt_tokens=150 takes the 2 that are too long." in str(caught.value)


def test_sample_follows_from_the_seed() -> None:
    rows = [row("a")] * 99 + [row("b", answer="ungradable")]
    data = dataset(plain_source(rows))

    def fails(seed: int) -> bool:
        try:
            check_sample(data, check(), num_prompts=50, seed=seed)
        except ValueError:
            return True
        return False

    found = [fails(seed) for seed in range(12)]
    assert found == [fails(seed) for seed in range(12)]
    assert len(set(found)) == 2


def test_rendering(tmp_path: Path) -> None:
    report = run(
        row("a [b]", [image(56, 56)]),
        row("a [b]", [image(56, 56)], answer="2"),
        row("gone", ["[no].png"]),
        heldout=[row("a [b]", [image(56, 56)])],
    )
    console = Console(file=StringIO(), width=160)
    console.print(tables(report))
    assert isinstance(console.file, StringIO)
    text = console.file.getvalue()
    for shown in ("there is no file [no].png", "plain/<memory>-1", "also held out", "NO"):
        assert shown in text
    figure(report).savefig(tmp_path / "report.png")
    assert (tmp_path / "report.png").stat().st_size > 1000
    write_counts(report, tmp_path / "report.json")
    counts = json.loads((tmp_path / "report.json").read_text())
    assert (counts["num_rows"], counts["num_refused"], counts["num_overlap"]) == (3, 1, 2)
    write_refused(report, tmp_path / "refused.csv")
    with (tmp_path / "refused.csv").open() as file:
        (line,) = csv.DictReader(file)
    assert (line["file"], line["row"], line["column"]) == ("<memory>", "2", "images")


def test_rendering_when_every_row_is_refused(tmp_path: Path) -> None:
    report = run(row(""))
    Console(file=StringIO()).print(tables(report))
    figure(report).savefig(tmp_path / "report.png")
