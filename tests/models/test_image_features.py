"""A tower that never changes is run once per rollout, and what it made serves every pass."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from sophia.data.digits import DigitsDataset
from sophia.data.encode import PromptEncoder
from sophia.models.family import Part
from sophia.models.image_features import has_constant_tower, with_image_features
from sophia.models.load import ModelLoader, load_model
from sophia.models.scorer import TokenScorer
from sophia.types import Media, Message, TrainBatch
from tests.builders import prompt
from tests.models.test_scorer import ragged
from tests.short_run import Run

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*does not have many workers",
    "ignore:.*module\\(s\\) in eval mode",
    "ignore:.*treespec, LeafSpec",
)

CPU = torch.device("cpu")


@pytest.fixture
def batch(encoder: PromptEncoder, digits: DigitsDataset) -> TrainBatch:
    """Two images of different size in one prompt, one image, none."""
    wide, small = (Media(source=Image.new("RGB", size, "red")) for size in ((112, 56), (56, 56)))
    two = prompt(messages=(Message(role="user", content=(wide, small, "Which is larger?")),))
    return ragged([encoder(two), encoder(digits[1]), encoder(prompt())])


def known(model: Any, batch: TrainBatch) -> TrainBatch:
    return replace(batch, prompts=with_image_features(model, batch.prompts, device=CPU))


def test_known_features_change_nothing(tiny_folder: Path, batch: TrainBatch) -> None:
    scorer = TokenScorer(load_model(tiny_folder), rows="shared", temperature=1.0)
    with torch.no_grad():
        torch.testing.assert_close(
            scorer(known(scorer.model, batch)).per_token_logps,
            scorer(batch).per_token_logps,
            atol=1e-5,
            rtol=0,
        )


def test_they_are_those_of_the_prompts_own_images(tiny_folder: Path, batch: TrainBatch) -> None:
    """Negative control: features of another prompt must show."""
    scorer = TokenScorer(load_model(tiny_folder), rows="shared", temperature=1.0)
    right = known(scorer.model, batch)
    doubled = tuple(
        replace(p, image_features=tuple(2 * f for f in p.image_features)) for p in right.prompts
    )
    with torch.no_grad():
        wrong = scorer(replace(right, prompts=doubled)).per_token_logps
        assert (wrong - scorer(right).per_token_logps).abs().max() > 1e-3


def test_only_a_tower_of_which_nothing_is_trained_is_constant(tiny_folder: Path) -> None:
    def constant(*freeze: Part) -> bool:
        return has_constant_tower(
            ModelLoader(path=str(tiny_folder), freeze=freeze).load(tiny_folder)
        )

    assert not constant()
    assert not constant("vision")  # the projector is trained
    assert constant("vision", "projector")


@pytest.mark.parametrize("constant", [True, False])
def test_it_runs_once_per_step_for_engine_reference_and_policy(
    constant: bool, tiny_folder: Path
) -> None:
    loader = ModelLoader(path=str(tiny_folder), freeze=("vision", "projector") if constant else ())
    run = Run(tiny_folder, num_steps=1, model=loader)
    policy = run.module._factory.policy()
    reference = run.module._factory.reference(policy)
    run.module.policy, run.module._reference = policy, [reference]
    calls: Counter[str] = Counter()
    for name, model in (
        ("engine", run.engine._model), ("policy", policy.model), ("reference", reference.model),
    ):  # fmt: skip
        model.model.visual.register_forward_hook(lambda *_, name=name: calls.update([name]))
    run.fit()
    if constant:
        assert calls == {"policy": 1}
    else:
        assert min(calls[name] for name in ("engine", "policy", "reference")) >= 1


def test_a_run_with_a_constant_tower_samples_and_learns_as_without(tiny_folder: Path) -> None:
    loader = ModelLoader(path=str(tiny_folder), freeze=("vision", "projector"))
    shared = Run(tiny_folder, num_steps=2, model=loader, rows="shared").fit()
    naive = Run(tiny_folder, num_steps=2, model=loader, rows="naive").fit()
    for name in ("reward", "loss", "kl", "grad_norm", "completions/mean_length"):
        for one, two in zip(shared.logger.rows, naive.logger.rows, strict=True):
            assert one[name] == pytest.approx(two[name], abs=1e-5)
