"""`infer`: ask a policy, read along, and see what the answer would have been rewarded with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from sophia.cli.build import SHARED, build
from sophia.cli.parts import ENGINE_ARGUMENTS, build_engine
from sophia.cli.prompts import prompt_fitter
from sophia.cli.questions import Question, as_paths, expand
from sophia.cli.quiet import quiet_libraries
from sophia.cli.settings import InferSettings
from sophia.cli.validate import validate
from sophia.data.encode import PromptEncoder
from sophia.rollout.seeds import completion_seed
from sophia.rollout.transformers.engine import TransformersEngine
from sophia.run.convert import to_hf_folder
from sophia.types import GenerationRequest, Prompt, Rollout


def infer(cfg: DictConfig) -> None:
    """Answer every question that is asked."""
    validate(cfg, InferSettings, shared=(*SHARED, *ENGINE_ARGUMENTS))
    if cfg.ckpt is None or cfg.question is None:
        raise ValueError(
            "ckpt and question are needed: python -m sophia infer ckpt=RUN image=PICTURE"
            ' question="What is their sum?"'
        )
    quiet_libraries()
    questions = expand(_base(cfg), sys.stdin if cfg.question == "-" else None)
    first = next(questions, None)
    if first is None:
        raise ValueError("question=- reads standard input, and nothing came.")
    template = build(cfg.template, {})
    first.prompt(template, "")  # a wrong image is said before the model is loaded
    with _Answers(cfg) as answers:
        _answer(answers, first, first.prompt(template, "question-0"))
        for place, question in enumerate(questions, start=1):
            _answer(answers, question, question.prompt(template, f"question-{place}"))


def _base(cfg: DictConfig) -> Question:
    image = cfg.image if cfg.image is None or isinstance(cfg.image, str) else list(cfg.image)
    options = OmegaConf.to_container(cfg.options)
    assert isinstance(options, dict)
    return Question(
        question=str(cfg.question),
        images=as_paths(image),
        answer=None if cfg.answer is None else str(cfg.answer),
        problem_type=cfg.problem_type,
        options={str(letter): str(text) for letter, text in options.items()},
    )


def _answer(answers: _Answers, question: Question, prompt: Prompt) -> None:
    names = ", ".join(path.name for path in question.images)
    _show(f"{names}: {question.question}\n" if names else f"{question.question}\n")
    rollout = answers.stream(prompt)
    _show("\n")
    if question.answer is not None:
        _show(f"[{answers.rewards(rollout)}]\n")
    _show("\n")


def _show(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


class _Answers:
    """The policy and its graders; closed at the end."""

    def __init__(self, cfg: DictConfig) -> None:
        folder = to_hf_folder(Path(cfg.ckpt))
        self._encoder = PromptEncoder(folder)
        self._fitter = prompt_fitter(cfg, self._encoder)
        self._seed = cfg.seed
        shared: dict[str, Any] = {"policy_folder": folder, "encoder": self._encoder}
        self._sampling = build(cfg.sampling, shared)
        engine = build_engine(cfg, shared)
        if not isinstance(engine, TransformersEngine):
            raise ValueError("infer streams from rollout=transformers; leave rollout away.")
        self._engine = engine
        self._outcome = build(cfg.reward.outcome, shared)
        self._format = build(cfg.reward.format, shared)
        self._judge = build(cfg.judge, shared)

    def __enter__(self) -> _Answers:
        return self

    def __exit__(self, *args: object) -> None:
        self._outcome.close()
        if self._judge is not None:
            self._judge.close()

    def stream(self, prompt: Prompt) -> Rollout:
        """One completion, shown while it is generated."""
        opened = self._fitter.open(prompt)
        seed = completion_seed(self._seed, 0, prompt.uid, 0)
        request = GenerationRequest(prompt=opened, encoded=self._encoder(opened), seeds=(seed,))
        return self._engine.stream(request, self._sampling, _show)

    def rewards(self, rollout: Rollout) -> str:
        """``right answer 9: outcome 1, format 1, thinking 0.8``."""
        completion = rollout.completions[0]
        outcome = self._outcome(rollout.prompt, completion)
        graded = "not scored" if outcome is None else f"{outcome:g}"
        parts = [f"outcome {graded}", f"format {int(self._format(completion.text))}"]
        if self._judge is not None:
            judged = self._judge.open_step().submit(rollout.prompt, [completion]).result()[0]
            parts.append("thinking not scored" if judged is None else f"thinking {judged:g}")
        return f"right answer {rollout.prompt.answer}: {', '.join(parts)}"
