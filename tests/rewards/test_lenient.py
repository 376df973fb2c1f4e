"""Where the answer of a model stands that was never taught the tags."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest

from sophia.rewards.lenient import lenient_answer
from sophia.rewards.outcome import OutcomeReward, grade
from sophia.rewards.tags import extract_answer
from tests.rewards.builders import completion, prompt

VALUES: list[tuple[str, str | None]] = [
    # tags come first, as they are read in training
    ("<think>2+2</think><answer>4</answer>", "4"),
    ("<answer>4</answer> no, <answer>5</answer>", "5"),
    ("<answer>4</answer> The answer is 5. #### 6", "4"),
    ("<answer>\\boxed{4}</answer>", "4"),
    ("<answer></answer> So the answer is 4.", "4"),
    ("<think>so <answer>5</answer>, or</think> The answer is 4.", "4"),
    ("<think>so <answer>5</answer>", None),
    ("<think>a</think> The answer is 4. <think> no, 5", None),
    ("<THINK>The answer is 5.", None),
    ("<thinking>The answer is 5.</thinking>4", "4"),
    ("", None),
    (" \n ", None),
    # tags spelt otherwise, or left open
    ("<ANSWER>4</ANSWER> Bye.", "4"),
    ("<Answer>\n4\n</Answer>", "4"),
    ("<final_answer>\\boxed{4}</final_answer>", "4"),
    ("<Final Answer>4</Final Answer>", "4"),
    ("<ANSWER>4</ANSWER><ANSWER>5</ANSWER>", "5"),
    ("<ANSWER></ANSWER> I mean <ANSWER>5", "5"),
    ("It is <answer>4", "4"),
    ("<answer>4\nI hope that this helps.", "4"),
    ("<answer>4</answer> or <answer>5", "5"),
    # JSON
    ('{"answer": 4}', "4"),
    ('{"reason": "2+2", "final_answer": "4 cm"}', "4 cm"),
    ('{"Final Answer": 2.50}', "2.50"),
    ('```json\n{"answer": "4"}\n```\nThe answer is in the object above.', "4"),
    ('{"result": {"answer": [8, 21]}}', "8, 21"),
    ('{"answer": "\\frac{1}{2}"}', "\\frac{1}{2}"),  # LaTeX that nobody escaped
    ('{"answer": "\\\\frac{1}{2}"}', "\\frac{1}{2}"),
    ('{"answer": "4"} {"answer": "5"}', "5"),
    ('{"answer": "4"} {"question": "5"}', "4"),
    ('{"answer": null}\nIt is 5.', "It is 5"),
    ('{"answer": 4, "why": "2+2\nSo 4.', "So 4"),  # broken: not JSON
    ('{"answer": ' + "9" * 5000 + "}", "9" * 5000),
    # four hashes
    ("2+2\n#### 42", "42"),
    ("#### -1,234.5", "-1,234.5"),
    ("#### $42", "$42"),
    ("#### 42 apples\n#### 43 apples", "43 apples"),
    ("#### 1. Compute\n2 + 2 = 4", "2 + 2 = 4"),  # a heading
    ("#### A closer look\n4", "4"),
    # boxes
    ("\\boxed{3} no, \\boxed{4}. The answer is 5.", "4"),
    ("#### 4\n\\boxed{5}", "4"),
    ("so \\boxed{\\frac{1}{2}}, as was asked for", "\\frac{1}{2}"),
    # sentences
    ("The answer is 3.5.", "3.5"),
    ("The answer is 3.5. I hope that this helps.", "3.5"),
    ("The answer is 4\nQuestion: and 5?", "4"),
    ("The answer is 4. No: the final answer is: 5!", "5"),
    ("**Answer:** 4", "4"),
    ("Answer: $\\frac{1}{2}$.", "$\\frac{1}{2}$"),
    ("### Final Answer\n\n42\n\nThat was easy.", "42"),
    ("The answer is:\n\\[ 42 \\]\n", "42"),
    ("The answer is $$42$$ as said", "42"),
    ("The answer to 2 + 2 is 4, because 2 + 2 is 4.", "4"),
    ("The answer is therefore 4.", "4"),
    ("The answer is not 5.\nIt is 4", "It is 4"),
    ("The answer is 4. Let me check. The answer is correct.", "4"),
    ("The answer is approx. 4.1 cm.", "approx. 4.1 cm"),
    ("答案是16。", "16"),
    ("所以最终答案：16", "16"),
    ("Let me find the answer\n2 + 2 = 4", "2 + 2 = 4"),  # no statement
    ("I answer questions. 2 + 2 = 4", "I answer questions. 2 + 2 = 4"),
    # a first line, a last line
    ("42\n\nThere are six times seven of them, as you see.", "42"),
    ("75°.\nIt is the third angle.", "75°"),
    ("1. Add them.\n2. That makes 4.\nSo 4.", "So 4"),
    ("2 + 2\n\n**4**\n", "4"),
    ("4", "4"),
    ("So we have\n\\[\nx = 42\n\\]\n", "x = 42"),
    ("That is\n```\n42\n```", "42"),
    ("Ans: 4", "4"),
]
CHOICES: list[tuple[str, str | None]] = [
    ("The answer is B. cat", "B. cat"),
    ("The answer is B. The others are wrong.", "B"),
    ("Final answer: (B)", "(B)"),
    ("The correct option is B.", "B"),
    ("One option is to compute it. So B.", "B"),
    ("#### B", "B"),
    ("答案是B。", "B"),
    ("故选B", "B"),
    ("The tail is long.\nSo B.", "B"),
    ("The tail is long, so it must be (B).", "B"),
    ("Looking at the figure, **B**", "B"),
    ("A cat is what I see, so B.", "B"),  # the first A is an article
    ("It is a cat, and I call it A cat.", "It is a cat, and I call it A cat"),
    ("So it is not A.", "So it is not A"),
    ("So both A and C.", "So both A and C"),
    ("So it is plan Z.", "So it is plan Z"),  # no letter of an option
    ("It goes through point A.", "It goes through point A"),
    ("In the plane ABC", "In the plane ABC"),
    ("B\n\nThe two angles are equal, and this is not A.", "B"),
    ("B. a cat\nIt has a tail.", "B. a cat"),
    ("B. The others have no tail.\nThat is why.", "B"),
    ("A cat sits there.\nSo B.", "B"),
    ("a cat", "a cat"),
    ("**Answer: B**", "B"),
    ("The correct answer is option C: a bird.", "C: a bird"),
    ("Its tail is long. Hence, option (B) is correct.", "B"),
    ("B is the right one, as A has no tail.", "B"),
    ("So B is not correct.", "So B is not correct"),
]


@pytest.mark.parametrize(("text", "answer"), VALUES)
def test_values(text: str, answer: str | None) -> None:
    assert lenient_answer(text) == answer


@pytest.mark.parametrize(("text", "answer"), CHOICES)
def test_choices(text: str, answer: str | None) -> None:
    assert lenient_answer(text, problem_type="multiple choice", letters="ABCD") == answer


@pytest.mark.parametrize(
    ("problem_type", "text", "answer"),
    [
        ("math", "So it is B.", "So it is B"),  # no letters outside of multiple choice
        ("yes/no", "Yes, it is.\nThe sky is blue.", "Yes, it is"),
        ("yes/no", "Let me look at the sky.\nSo no.", "So no"),
        ("yes/no", '{"answer": true}', "yes"),
        ("OCR", "Question: 2 + 2\nAnswer: 4\n#### 4", "Question: 2 + 2\nAnswer: 4\n#### 4"),
        ("OCR", "It says <ANSWER>EXIT</ANSWER>", "EXIT"),
        ("free-form", "A cat.\nIt sits.", "A cat.\nIt sits."),
        ("free-form", "I see fur.\nThe answer is a red cat.", "a red cat"),
    ],
)
def test_other_types(problem_type: str, text: str, answer: str) -> None:
    assert lenient_answer(text, problem_type=problem_type) == answer


def test_an_answer_in_tags_is_read_as_in_training() -> None:
    tagged = [text for text, _ in VALUES if "</answer>" in text.rpartition("</think>")[2]]
    read = [text for text in tagged if extract_answer(text)]
    assert len(read) >= 4
    assert [lenient_answer(text) for text in read] == [extract_answer(text) for text in read]


_PIECES = (
    " ", "\n", "x", "{", '{"', '{"a":{', '{"answer":', '{"answer":{"answer":', "answer", "answer ",
    "answer: ", "answer to x", "the answer is ", "answer\n", "#### ", "#### 4\n", "\\boxed{",
    "\\boxed{4}", "<answer>", "</answer>", "<ANSWER>", "</think>", "*", "$", "\\(", "B. ", "((A",
    "option a A", ". ", " .", ", because", "故选", "。",
)  # fmt: skip


@pytest.mark.parametrize(
    ("problem_type", "before", "behind"),
    [("math", "", ""), ("math", "answer: ", "\ny"), ("multiple choice", "x", "A")],
)
def test_no_text_costs_much_time(problem_type: str, before: str, behind: str) -> None:
    for piece in _PIECES:
        text = before + piece * (100_000 // len(piece)) + behind
        started = time.process_time()
        lenient_answer(text, problem_type=problem_type)
        assert time.process_time() - started < 0.5, piece


@pytest.mark.parametrize("problem_type", ["math", "multiple choice", "yes/no", "OCR", "text"])
def test_any_text_is_read_without_an_error(problem_type: str) -> None:
    draw = random.Random(0)
    for _ in range(300):
        text = "".join(draw.choices(_PIECES, k=draw.randint(1, 30)))
        assert lenient_answer(text, problem_type=problem_type) != ""


@pytest.fixture(scope="module")
def lenient() -> Iterator[OutcomeReward]:
    reward = OutcomeReward(extract="lenient", num_workers=1)
    yield reward
    reward.close()


def test_the_rules_are_those_of_the_strict_reading(lenient: OutcomeReward) -> None:
    strict = OutcomeReward(num_workers=1)
    row = prompt(answer="B", problem_type="multiple choice", options={"A": "a cat", "B": "a dog"})
    for text, strictly, leniently in (
        ("<answer>B</answer>", 1.0, 1.0),
        ("It barks.\nSo B.", 1.0, 1.0),
        ("A cat, or a dog?\n#### B", 0.0, 1.0),
        ('{"answer": "a dog"}', 0.0, 1.0),
        ('{"answer": "a cat"}', 0.0, 0.0),
        ("<think>So B.", 0.0, 0.0),
    ):
        assert strict(row, completion(text)) == strictly
        assert lenient(row, completion(text)) == leniently
        assert strict.leniently()(row, completion(text)) == leniently
        assert strict(row, completion(text)) == strictly


def test_the_lenient_twin_shares_the_processes() -> None:
    strict = OutcomeReward(num_workers=1)
    root = completion("The answer is $\\sin 30^\\circ$.")
    assert strict.leniently()(prompt(answer="0.5"), root) == 1.0
    assert strict.num_workers_alive == 1
    strict.close()
    assert strict.num_workers_alive == 0


def test_the_release_has_no_lenient_reading() -> None:
    with pytest.raises(ValueError, match=r"extract=lenient .*'release'.* take extract=tagged"):
        OutcomeReward(profile="release", extract="lenient")
    with pytest.raises(ValueError, match=r"extract=lenient .*'release'"):
        OutcomeReward(profile="release").leniently()


def test_grade_reads_leniently_when_asked_to() -> None:
    assert grade("numerical", "2 + 2\n#### 4\nThat is it.", "4", extract="lenient") == 1.0
    assert grade("numerical", "2 + 2\n#### 4\nThat is it.", "4") == 0.0
    with pytest.raises(ValueError, match="extract is 'loose'; known are"):
        grade("numerical", "4", "4", extract="loose")  # type: ignore[arg-type]
