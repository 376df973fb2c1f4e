"""The texts of configs/template/, against the prompts as their authors published them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from sophia.data.template import PromptTemplate
from sophia.types import Media, Message

FOLDER = Path(__file__).parents[2] / "configs/template"
PICTURE = Media(source=Path("a.png"))
PONDER = (
    "Please think about this question as if you were a human pondering deeply. Engage in an"
    " internal dialogue using expressions such as 'let me think', 'wait', 'Hmm', 'oh, I see',"
    " 'let's break it down', etc, or other natural language thought expressions{stop} It's"
    " encouraged to include self-reflection or verification in the reasoning process. Provide your"
    " detailed reasoning between the <think> </think> tags, and then give your final answer between"
    " the <answer> </answer> tags."
)
SYSTEM = (
    "You FIRST think about the reasoning process as an internal monologue and then provide the"
    " final answer.{gap}The reasoning process MUST BE enclosed within <think> </think> {tags}. The"
    " final answer MUST BE enclosed within <answer> </answer> tags, for example"
    " <think>your_thinking_process</think><answer>your_final_answer</answer>. If you use formula,"
    " please use LaTeX format."
)
SENTENCES = {
    "multiple choice": " Please provide only the single option letter (e.g., A, B, C, D, etc.)"
    " within the <answer> </answer> tags.",
    "numerical": " Please provide the numerical value (e.g., 42 or 3.14) within the <answer>"
    " </answer> tags.",
    "OCR": " Please transcribe text from the image/video clearly and provide your text answer"
    " within the <answer> </answer> tags.",
    "free-form": " Please provide your text answer within the <answer> </answer> tags.",
    "text": " Please provide the short text answer within the <answer> </answer> tags.",
    "caption": "",
}


def load(name: str) -> PromptTemplate:
    template = instantiate(OmegaConf.load(FOLDER / f"{name}.yaml"), _convert_="all")
    assert isinstance(template, PromptTemplate)
    return template


def rendered(
    name: str, *, problem_type: str = "numerical", options: dict[str, str] | None = None
) -> tuple[Message, ...]:
    question = (PICTURE, "Which?")
    return load(name).render(question, problem_type=problem_type, options=options or {})


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.yaml")))
def test_every_template_keeps_question_and_image(name: str) -> None:
    user = rendered(name)[-1]
    assert user.role == "user"
    assert "Which?" in user.text
    assert [part for part in user.content if isinstance(part, Media)] == [PICTURE]


@pytest.mark.parametrize("problem_type", SENTENCES)
def test_paper(problem_type: str) -> None:
    system, user = rendered("paper", problem_type=problem_type)
    assert system.text == SYSTEM.format(gap=" ", tags="tags")
    assert user.content == (
        PICTURE,
        "Which?\n" + PONDER.format(stop=".") + SENTENCES[problem_type],
    )


@pytest.mark.parametrize("problem_type", SENTENCES)
def test_release(problem_type: str) -> None:
    system, user = rendered("release", problem_type=problem_type)
    assert system.text == SYSTEM.format(gap="\n ", tags="tagsdd")
    assert user.text == "Which?\n" + PONDER.format(stop="") + SENTENCES[problem_type]


def test_options() -> None:
    options = {"A": "red", "B": "blue"}
    shown = {
        name: rendered(name, options=options)[-1].text for name in ("paper", "release", "plain")
    }
    assert shown["paper"].startswith("Which?\nA. red; B. blue\nPlease think")
    assert shown["release"].startswith("Which?A. red; B. blue\nPlease think")
    assert shown["plain"] == "Which?\nA. red\nB. blue"


def test_visualthinker_for_a_base_model() -> None:
    (user,) = rendered("visualthinker_base")
    assert user.content == (
        PICTURE,
        "<image>A conversation between User and Assistant. The user asks a question about the"
        " image, and the Assistant solves it. The assistant first thinks about the reasoning"
        " process in the mind and then provides the user with the answer.\nUser: Which? \n"
        "Assistant: Let me solve this step by step.\n<think>",
    )


def test_visualthinker_for_an_instruction_tuned_model() -> None:
    (user,) = rendered("visualthinker_instruct")
    assert user.content == (
        PICTURE,
        "Which?  Output the thinking process in <think> </think> and final answer (option) in"
        " <answer> </answer> tags.",
    )


def test_plain() -> None:
    assert rendered("plain") == (Message(role="user", content=(PICTURE, "Which?")),)
