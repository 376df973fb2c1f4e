"""What a function of the user's own may answer, as an estimator and as a policy loss."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from sophia.failures import RunStopped, StoppedTogether
from sophia.grpo.estimators.own import OwnAdvantages
from sophia.grpo.losses.clipped import Clipped
from sophia.grpo.losses.own import OwnPolicyLoss
from tests.grpo.scores import alone, scores_of
from tests.grpo.test_loss import batch_of

ANSWER: Any = None
"""What the function below answers, or raises."""


def say(*given: Any, **also: Any) -> Any:
    if isinstance(ANSWER, Exception):
        raise ANSWER
    return ANSWER


def answering(monkeypatch: pytest.MonkeyPatch, answer: Any) -> str:
    monkeypatch.setattr(f"{__name__}.ANSWER", answer)
    return f"{__name__}:say"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ([1.0, -1.0], "it returned list, expected a tensor of shape (2,)."),
        (torch.ones(2, 1), "it returned (2, 1), expected a tensor of shape (2,)."),
        (torch.tensor([1.0, torch.nan]), "it returned an advantage that is not finite."),
        (KeyError("format"), "KeyError: 'format' (test_own.py, line 24)."),
    ],
)
def test_what_an_estimator_may_not_answer(
    answer: Any, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    estimator = OwnAdvantages(answering(monkeypatch, answer))
    with pytest.raises(RunStopped) as stopped:
        estimator(scores_of([1.0, 0.0]), everywhere=alone)
    assert str(stopped.value) == f"the estimator {__name__}:say failed: {said}"


def test_what_stopped_another_process_is_not_the_estimators(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    estimator = OwnAdvantages(answering(monkeypatch, StoppedTogether("of the other")))
    with pytest.raises(StoppedTogether, match=r"^of the other$"):
        estimator(scores_of([1.0, 0.0]), everywhere=alone)


LOGPS = torch.full((3,), -1.0)
TERM = Clipped()(LOGPS.clone().requires_grad_(), LOGPS, batch_of([1, 2], [1.0, -1.0]))


def failure(term: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    policy = OwnPolicyLoss(answering(monkeypatch, term))
    with pytest.raises(RunStopped) as stopped:
        policy(LOGPS.clone().requires_grad_(), LOGPS, batch_of([1, 2], [1.0, -1.0]))
    return str(stopped.value).removeprefix(f"the policy loss {__name__}:say failed: ")


NOTHING = torch.zeros(3, dtype=torch.bool)


@pytest.mark.parametrize(
    ("term", "said"),
    [
        (TERM.loss, "it returned Tensor, expected a PolicyTerm."),
        (replace(TERM, loss=TERM.loss.sum()), "its loss is (), expected a tensor of the shape of"),
        (replace(TERM, ratio=1.0), "its ratio is float, expected a tensor"),  # type: ignore[arg-type]
        (replace(TERM, cut={"high": NOTHING}), "its cut has no 'low'; there must be low and high."),
        (replace(TERM, cut={"low": NOTHING, "high": NOTHING[:2]}), "its cut['high'] is (2,), exp"),
        (replace(TERM, cut={"low": NOTHING, "high": LOGPS}), "its cut holds numbers; expected is"),
        (replace(TERM, loss=TERM.loss.detach()), "its loss has no gradient: it must be made of"),
        (ValueError("no such key"), "ValueError: no such key (test_own.py, line 24)."),
    ],
)
def test_what_a_policy_loss_may_not_answer(
    term: Any, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert failure(term, monkeypatch).startswith(said)


def test_a_loss_is_asked_for_no_gradient_where_there_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bare = replace(TERM, loss=TERM.loss.detach())
    policy = OwnPolicyLoss(answering(monkeypatch, bare))
    assert policy(LOGPS, LOGPS, batch_of([1, 2], [1.0, -1.0])) is bare
