"""The page of a run, made by hand, looked at in a browser."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from sophia.evaluation.records import EvalRecord, save_records
from sophia.report.gallery import kind_of, save_images
from sophia.report.run import write_run_report
from sophia.run.groups import save_groups
from sophia.run.pictures import data_uri
from tests.browser import opened
from tests.records import kept_completion, kept_group, png, record

pytestmark = pytest.mark.usefixtures("one_browser")

EVIL = '<script>document.title = "owned"</script>\' onload="x()" {{ 1 + 1 }}'

BEFORE = [record(i, outcome=0.0, thinking=0.2) for i in range(5)]
AFTER = [
    record(0),
    record(1, thinking=0.3),
    record(2, outcome=0.0, thinking=0.95),
    record(3, outcome=0.0, thinking=0.1, text=EVIL),
    record(4, outcome=None),
]


def write_metrics(folder: Path, num_steps: int) -> None:
    names = (
        "reward", "accuracy", "kl", "entropy", "rewards/outcome/mean", "trust/gamma",
        "group/all_correct", "group/mixed", "group/all_wrong", "timing_s/rollout",
    )  # fmt: skip
    with (folder / "metrics.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["rl_step", *names])
        for step in range(num_steps):
            writer.writerow([step, *(0.1 * (step + i) for i in range(6)), 0.2, 0.5, 0.3, 0.25])


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """As a run leaves it, with hostile text wherever text can come from outside."""
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"name": EVIL}))
    write_metrics(tmp_path, 20)
    save(tmp_path, "before", BEFORE)
    save(tmp_path, "after", AFTER)
    save_images(tmp_path / "gallery.json", {f"p{i}": [data_uri(png())] for i in range(5)})
    lucky = kept_completion(1.0, 0.2, text=EVIL)
    save_groups(tmp_path / "rollouts", [kept_group(lucky, kept_completion(1.0, 1.0))], rl_step=0)
    return tmp_path


def save(folder: Path, when: str, records: Sequence[EvalRecord]) -> None:
    save_records(folder / f"evaluation_{when}.jsonl", records)


def test_the_filter_shows_one_kind_at_a_time(run_dir: Path) -> None:
    with opened(write_run_report(run_dir, title="a run")) as page:

        def shown() -> list[str]:
            return [
                card.get_attribute("data-uid")
                for card in page.query_selector_all(".card[data-kind]")
                if card.is_visible()
            ]

        assert shown() == ["p0", "p1", "p2", "p3", "p4"]
        for kind, uid in (
            ("right-right", "p0"),
            ("right-wrong", "p1"),
            ("wrong-right", "p2"),
            ("wrong-wrong", "p3"),
            ("unscored", "p4"),
        ):
            page.click(f"button[data-kind={kind}]")
            assert shown() == [uid]
        page.click("button[data-kind=all]")
        assert len(shown()) == 5


def test_charts_are_drawn_and_tell_their_values(run_dir: Path) -> None:
    with opened(write_run_report(run_dir, title="a run")) as page:
        titles = [element.inner_text() for element in page.query_selector_all("figcaption")]
        assert any(title.startswith("Group mix") for title in titles)
        chart = page.query_selector("figure[data-series] svg")
        assert chart.bounding_box()["height"] > 100
        chart.hover()
        assert "@" in page.query_selector("figure .legend b").inner_text()


def test_all_text_is_escaped(run_dir: Path) -> None:
    path = write_run_report(run_dir, title=EVIL)
    assert "<script>document" not in path.read_text()
    with opened(path) as page:
        assert page.title() == EVIL
        assert EVIL in page.inner_text("body")


def test_the_example_is_explained(run_dir: Path) -> None:
    text = write_run_report(run_dir, title="a run").read_text()
    assert "Right answer, wrong thinking</h2>" in text
    assert "thinking 1 and\n0.2" in text


def test_a_run_that_has_only_begun_has_a_page(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("name: begun\n")
    text = write_run_report(tmp_path, title="begun").read_text()
    assert "still running or stopped" in text
    write_metrics(tmp_path, 1)
    assert "<svg" in write_run_report(tmp_path, title="begun").read_text()


def test_a_page_needs_nothing_besides_itself(run_dir: Path) -> None:
    text = write_run_report(run_dir, title="a run").read_text()
    for outside in ("http:", "https:", 'src="/', "@import", "url("):
        assert outside not in text


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no run \(no config\.yaml\)"):
        write_run_report(tmp_path, title="none")


def test_kinds_of_answers() -> None:
    assert [kind_of(r, judged=True) for r in AFTER] == [
        "right-right", "right-wrong", "wrong-right", "wrong-wrong", "unscored",
    ]  # fmt: skip
    assert kind_of(record(0, thinking=None), judged=True) == "right-unscored"
    ill_formed = record(0, outcome=0.0, thinking=None, well_formed=False)
    assert kind_of(ill_formed, judged=True) == "wrong-unscored"
    assert [kind_of(r, judged=False) for r in AFTER] == [
        "right", "right", "wrong", "wrong", "unscored",
    ]  # fmt: skip


def test_thinking_that_was_not_scored_is_grey_and_not_wrong(run_dir: Path) -> None:
    records = [record(0), record(1, thinking=None), record(2, outcome=0.0, thinking=None)]
    save(run_dir, "before", records)
    save(run_dir, "after", records)
    with opened(write_run_report(run_dir)) as page:
        page.click("button[data-kind=right-unscored]")
        mark = page.query_selector(".card[data-uid=p1] .mark:has-text('thinking')")
        assert mark.inner_text() == "thinking not scored"
        soft = page.query_selector(".card[data-uid=p1] .soft")
        color = "element => getComputedStyle(element).color"
        assert mark.evaluate(color) == soft.evaluate(color)
        assert not page.query_selector_all("button[data-kind$=-wrong]")
        # of one right answer whose thinking was scored, none was thought wrongly
        row = page.query_selector("tr:has-text('right, wrong thinking')").inner_text().split()
        assert row[3] == "0.0"


def test_without_a_judge_a_page_says_nothing_about_thinking(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("name: mine\n")
    (tmp_path / "metrics.csv").write_text("rl_step,reward,rewards/outcome/mean\n0,0.5,0.5\n")
    (tmp_path / "validation.csv").write_text("rl_step,accuracy,format\n0,0.5,1.0\n")
    unjudged = [replace(r, thinking=None) for r in AFTER]
    save(tmp_path, "before", unjudged)
    save(tmp_path, "after", unjudged)
    save_images(tmp_path / "gallery.json", {f"p{i}": [data_uri(png())] for i in range(5)})
    with opened(write_run_report(tmp_path)) as page:
        shown = page.inner_text("body").replace(unjudged[0].text, "")
        assert "hinking" not in shown
        assert "nan" not in shown.lower()
        page.click("button[data-kind=wrong]")
        visible = [c for c in page.query_selector_all(".card[data-kind]") if c.is_visible()]
        assert [card.get_attribute("data-uid") for card in visible] == ["p2", "p3"]


def test_a_card_shows_the_question_and_folds_the_template_away(run_dir: Path) -> None:
    asked = record(0, question=f"Which? A. 4; B. 5 {EVIL}", problem="Which?", options={"A": EVIL})
    save(run_dir, "before", [asked])
    save(run_dir, "after", [asked])
    with opened(write_run_report(run_dir)) as page:
        card = page.query_selector(".card[data-uid=p0]")
        assert card.query_selector(".question").inner_text() == "Which?"
        assert card.query_selector(".options").inner_text() == f"A {EVIL}"
        folded = card.query_selector("details .text")
        assert not folded.is_visible()
        card.query_selector("summary").click()
        assert folded.inner_text() == asked.question


def test_a_run_is_called_by_its_name_unless_it_has_a_title(run_dir: Path) -> None:
    (run_dir / "config.yaml").write_text("name: quickstart\n")
    name = f"quickstart/{run_dir.name}"
    with opened(write_run_report(run_dir)) as page:
        assert (page.title(), page.inner_text("h1")) == (name, name)
    with opened(write_run_report(run_dir, title="mine")) as page:
        assert (page.title(), page.inner_text("h1")) == ("mine", "mine")


def test_a_narrow_screen_scrolls_the_tables_and_not_the_page(run_dir: Path) -> None:
    wide = [record(i, problem_type="a very long name of a problem type " * 3) for i in range(5)]
    save(run_dir, "before", wide)
    save(run_dir, "after", wide)
    with opened(write_run_report(run_dir, title="x" * 90), width=420) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 420
        for table in page.query_selector_all("table"):
            assert table.evaluate("t => getComputedStyle(t.parentElement).overflowX") == "auto"


def test_accuracy_by_type_has_a_chart_after_that_of_accuracy(run_dir: Path) -> None:
    header = "rl_step,accuracy,accuracy/ocr,accuracy/math,format"
    (run_dir / "validation.csv").write_text(f"{header}\n0,0.5,0.25,0.75,1\n5,0.6,0.5,0.7,1\n")
    with opened(write_run_report(run_dir)) as page:
        titles = [e.inner_text() for e in page.query_selector_all("figcaption")]
        place = next(i for i, t in enumerate(titles) if t.startswith("Accuracy by problem type"))
        assert titles[place - 1].startswith("Accuracy")
        legend = page.query_selector_all("figure .legend")[place].inner_text().split()
        assert legend == ["math", "ocr"]


def test_a_finished_run_says_how_long_it_took(run_dir: Path) -> None:
    run_record = {
        "overrides": ["seed=1"], "commit": "abc", "seed": 1, "versions": {"torch": "2"},
        "hardware": {"cpu_cores": 2, "gpus": []}, "wall_time_s": {"total": 125.0},
    }  # fmt: skip
    (run_dir / "run.json").write_text(json.dumps(run_record))
    assert "finished in 2:05 min, seed 1" in write_run_report(run_dir, title="a run").read_text()
