"""`infer`: ask a policy, read along, and see what the answer would have been rewarded with."""

from __future__ import annotations

import sys
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from sophia.cli.quiet import quiet_libraries
from sophia.cli.running.build import build
from sophia.cli.running.data import prompt_fitter
from sophia.cli.running.parts import build_parts
from sophia.cli.verbs.questions import Question, as_paths, expand
from sophia.protocols import ThinkingJudge
from sophia.rollout.seeds import completion_seed
from sophia.rollout.transformers.engine import TransformersEngine
from sophia.run.convert import to_hf_folder
from sophia.types import Completion, GenerationRequest, Prompt, Rollout


def infer(cfg: DictConfig) -> None:
    """Answer every question that is asked, and say what each answer would be rewarded with."""
    quiet_libraries()
    questions = expand(_base(cfg), sys.stdin if cfg.question == "-" else None)
    first = next(questions, None)
    if first is None:
        raise ValueError("question=- reads standard input, and nothing came.")
    template = build(cfg, "template")
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
        self._parts = build_parts(cfg, to_hf_folder(Path(cfg.ckpt)))
        self._fitter = prompt_fitter(cfg, self._parts.encoder)
        self._seed = cfg.seed
        engine = self._parts.engine
        if not isinstance(engine, TransformersEngine):
            raise ValueError("infer streams from rollout=transformers; leave rollout away.")
        self._engine = engine

    def __enter__(self) -> _Answers:
        return self

    def __exit__(self, *args: object) -> None:
        self._parts.close()

    def stream(self, prompt: Prompt) -> Rollout:
        """One completion, shown while it is generated."""
        opened = self._fitter.open(prompt)
        seed = completion_seed(self._seed, 0, prompt.uid, 0)
        encoded = self._parts.encoder(opened)
        request = GenerationRequest(prompt=opened, encoded=encoded, seeds=(seed,))
        return self._engine.stream(request, self._parts.sampling, _show)

    def rewards(self, rollout: Rollout) -> str:
        """The first completion's rewards: ``right answer 9: outcome 1, format 1, thinking 0.8``."""
        completion = rollout.completions[0]
        outcome = self._parts.outcome(rollout.prompt, completion)
        graded = "not scored" if outcome is None else f"{outcome:g}"
        parts = [f"outcome {graded}", f"format {int(self._parts.format(completion.text))}"]
        if self._parts.judge is not None:
            parts.append(_thinking(self._parts.judge, rollout.prompt, completion))
        return f"right answer {rollout.prompt.answer}: {', '.join(parts)}"


def _thinking(judge: ThinkingJudge, prompt: Prompt, completion: Completion) -> str:
    """The judge's score in words; a judge that cannot score such a prompt says why."""
    try:
        judged = judge.open_step().submit(prompt, [completion]).result()[0]
    except ValueError as error:
        return f"thinking not scored ({str(error).partition('. ')[0]})"
    return "thinking not scored" if judged is None else f"thinking {judged:g}"
