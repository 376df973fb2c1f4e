"""Does the engine follow the trainer's weights? Asked with an image, where there is one.

Shapes: N tokens of the probe.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

import torch
from torch import Tensor, distributed

from sophia.failures import EngineFailed, together
from sophia.models.family import is_vision_weight
from sophia.protocols import RolloutEngine
from sophia.rollout.sync import WeightSync
from sophia.rollout.weights import Policy, by_name
from sophia.types import GenerationRequest, Rollout, SamplingParams

log = logging.getLogger(__name__)

_PROBE_TOKENS = 16
_SCALE = 2.0
_FLOOR = 1e-4  # float32 noise of a log-probability


class Canary:
    """Moves one text and one vision weight of the trainer, and looks whether the engine follows.

    Each is scaled, pushed, probed and put back. Every rank takes part in all of it.

    Args:
        engine: the engine that is tested.
        sync: pushes the trainer's weights to that engine.
        sampling: how the run draws; the probe's completion is drawn so too, but shorter.
    """

    def __init__(self, engine: RolloutEngine, sync: WeightSync, sampling: SamplingParams) -> None:
        self._engine = engine
        self._sync = sync
        self._sampling = replace(
            sampling, max_new_tokens=min(_PROBE_TOKENS, sampling.max_new_tokens), stop=()
        )
        self._pending = {"text", "vision"}

    def run(self, policy: Policy, requests: Sequence[GenerationRequest]) -> None:
        """Test what was not tested yet and can be with these prompts; weights stay as they are.

        The vision weight waits for a step in which every rank has a prompt with an image. Raises
        EngineFailed when the engine does not follow.
        """
        if not self._pending:
            return
        with_image = [r for r in requests if r.prompt.media]
        have_images = _on_every_rank(bool(with_image))
        chosen = _canary_weights(policy)
        kinds = [k for k in ("text", "vision") if k in self._pending & chosen.keys()]
        kinds = [k for k in kinds if k == "text" or have_images]
        if kinds:
            request = (with_image if have_images else list(requests))[0]
            with ExitStack() as awake:
                with together():
                    awake.enter_context(self._engine.awake())
                    probe = self._probe(request)
                for kind in kinds:
                    self._show(policy, probe, chosen[kind])
            self._sync.push(policy)
        self._pending -= {*kinds, *({"text", "vision"} - chosen.keys())}

    def _probe(self, request: GenerationRequest) -> Rollout:
        one = replace(request, seeds=request.seeds[:1], forced=())
        ((_, probe),) = self._engine.generate([one], self._sampling)
        return probe

    def _show(self, policy: Policy, probe: Rollout, name: str) -> None:
        self._sync.push(policy)
        engine, trainer = self._logps(policy, probe)
        with by_name(policy)[name].scaled(_SCALE):
            self._sync.push(policy)
            engine_scaled, trainer_scaled = self._logps(policy, probe)
        with together():
            for whose, logps in (
                ("engine", engine),
                ("trainer", trainer),
                ("engine", engine_scaled),
                ("trainer", trainer_scaled),
            ):
                _refuse_not_finite(whose, logps, name)
        noise = max(float((engine - trainer).abs().max()), _FLOOR)
        engine_moved, trainer_moved = engine_scaled - engine, trainer_scaled - trainer
        moved = float(trainer_moved.abs().max())
        apart = float((engine_moved - trainer_moved).abs().max())
        with together():
            _judge(name, moved=moved, apart=apart, noise=noise)

    def _logps(self, policy: Policy, probe: Rollout) -> tuple[Tensor, Tensor]:
        """Log-probabilities (N,) of the probe's tokens, by the engine and by the trainer."""
        with together():
            engine = engine_logps(self._engine, probe, self._sampling)
        return engine, policy.score([probe]).cpu()


def _refuse_not_finite(whose: str, logps: Tensor, name: str) -> None:
    """Raise EngineFailed for log-probabilities that no comparison would find fault with."""
    wrong = int((~logps.isfinite()).sum())
    if wrong:
        raise EngineFailed(
            f"the {whose} gives {wrong} of {len(logps)} tokens log-probabilities that are NaN or"
            f" infinite (canary {name!r}). Its weights or its arithmetic overflow: compute in"
            " another type (model.dtype, trainer.strategy.compute_dtype, rollout.settings.dtype),"
            " or look whether the checkpoint holds weights that are not finite."
        )


def _judge(name: str, *, moved: float, apart: float, noise: float) -> None:
    """Raise EngineFailed unless the engine's log-probabilities moved as the trainer's.

    All three are largest distances between log-probabilities, over the tokens of the probe.
    """
    if moved < 10.0 * noise:
        log.warning("canary %s shows nothing: it moves log-probs by %.1e", name, moved)
    elif apart > 0.1 * moved + 2.0 * noise:
        raise EngineFailed(
            f"with {name!r} scaled by {_SCALE:g}, log-probabilities moved by up to {moved:.2g}"
            f" in the trainer, and in the engine {apart:.2g} away from that. The engine does"
            " not compute with the weights it is sent."
        )
    log.info("canary %s: moved log-probs by %.2g, engine within %.1e", name, moved, apart)


def engine_logps(engine: RolloutEngine, rollout: Rollout, sampling: SamplingParams) -> Tensor:
    """(N,) the engine's log-probabilities of the tokens of a rollout's first completion."""
    completion = rollout.completions[0]
    request = GenerationRequest(
        prompt=rollout.prompt,
        encoded=rollout.encoded,
        seeds=(completion.seed,),
        forced=(completion.token_ids,),
    )
    fitting = replace(sampling, max_new_tokens=len(completion.token_ids), stop=())
    ((_, answer),) = engine.generate([request], fitting)
    return torch.tensor(answer.completions[0].sampling_logps)


def first_completion(rollouts: Sequence[Rollout]) -> Rollout:
    """The first completion alone, of the first rollout with an image, or else of the first."""
    rollout = next((r for r in rollouts if r.prompt.media), rollouts[0])
    return replace(rollout, completions=rollout.completions[:1])


def _canary_weights(policy: Policy) -> dict[str, str]:
    """The names of the weights to scale, as ``text`` and ``vision``, where such are trained.

    Of each the last matrix in the layers, or else the last of all.
    """
    matrices = [weight.name for weight in policy.trained_weights() if len(weight.shape) == 2]
    text = [name for name in matrices if not is_vision_weight(name)]
    vision = [name for name in matrices if is_vision_weight(name)]
    chosen = {}
    for kind, names, stack in (("text", text, ".layers."), ("vision", vision, ".blocks.")):
        if names:
            chosen[kind] = next((n for n in reversed(names) if stack in n), names[-1])
    return chosen


def _on_every_rank(flag: bool) -> bool:
    if not distributed.is_initialized() or distributed.get_world_size() == 1:
        return flag
    flags: list[bool] = [False] * distributed.get_world_size()
    distributed.all_gather_object(flags, flag)
    return all(flags)
