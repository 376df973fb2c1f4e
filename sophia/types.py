"""The concepts of the system as values.

Shapes: G groups (prompts) of a step, B completions, N all completion tokens in one flat row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor


RowsKind = Literal["shared", "naive"]
"""How the completions of a batch are laid out for the model; naive is the reference path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """One image (later: video) of a prompt, as a reference or already opened.

    A data set hands out paths or encoded bytes, so that rows stay small; a loader worker replaces
    them by the opened image, resized once, and that datum is what trainer, engine and judge see.
    """

    source: Path | bytes | Image
    kind: Literal["image"] = "image"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One chat turn. Media stand where they occur in the text, so counts cannot disagree."""

    role: Literal["system", "user", "assistant"]
    content: tuple[str | Media, ...]

    @property
    def text(self) -> str:
        """The text parts joined, media left out."""
        return "".join(part for part in self.content if isinstance(part, str))


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A question with its images, and what a right answer to it is."""

    uid: str
    """Names the row; seeds of completions are made from it."""
    messages: tuple[Message, ...]
    answer: str
    """The gold answer."""
    problem_type: str
    """Which rule grades an answer, such as ``math`` or ``multiple choice``."""
    options: Mapping[str, str] = field(default_factory=dict)
    """The text of each option by its letter; empty unless it is multiple choice."""
    problem: str = ""
    """The row's own question, before any template and without its images and options.

    "" for a prompt that was made of no row; ``question`` is then the best that is known.
    """
    tolerance: float = 0.0
    """How far a number p may be from the gold g, relatively: |p - g| <= tolerance * |g|."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Whatever else the row carried."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """The data's own name of a column by our name of it; empty for built-in data."""

    def column(self, name: str) -> str:
        """The data's own name of what we call ``answer``, ``images`` and so on; else that name."""
        return self.columns.get(name, name)

    @property
    def media(self) -> tuple[Media, ...]:
        """All media of all messages, in reading order."""
        return tuple(p for m in self.messages for p in m.content if isinstance(p, Media))

    @property
    def question(self) -> str:
        """The text of the last user turn."""
        return next((m.text for m in reversed(self.messages) if m.role == "user"), "")

    @property
    def shown_question(self) -> str:
        """What a reader is shown as the question: the row's own where it is known."""
        return self.problem or self.question


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EncodedPrompt:
    """A prompt as tensors, made once per step and shared by engine, reference and policy.

    P is its number of tokens. ``prompt_ids`` has every image placeholder expanded to one token per
    image feature. ``image_features`` is what a frozen vision tower makes of all images, each output
    (features, H); () while that is unknown.
    """

    prompt_ids: Tensor  # (P,) int64
    mm_token_type_ids: Tensor  # (P,) int64: 0 text, 1 image
    pixel_values: Tensor | None  # (patches, patch_dim) float32, all images; None without images
    image_grid_thw: Tensor | None  # (images, 3) int64, in patches
    image_features: tuple[Tensor, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """One sampled continuation; the ids the engine drew are the ids that the loss sees."""

    text: str
    """Decoded without special tokens."""
    token_ids: tuple[int, ...]
    """With the sampled end-of-sequence token, when there is one."""
    sampling_logps: tuple[float, ...]
    """Log-probability of each token under softmax(logits / temperature), whole vocabulary."""
    finish_reason: Literal["stop", "length"]
    seed: int

    @property
    def truncated(self) -> bool:
        """Whether the length limit cut it."""
        return self.finish_reason == "length"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """A prompt with its ``num_generations`` completions, not scored yet."""

    prompt: Prompt
    encoded: EncodedPrompt
    completions: tuple[Completion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GradedGroup:
    """A rollout that the rules have graded, as a reward term sees it; one entry a completion."""

    rollout: Rollout
    well_formed: tuple[bool, ...]
    """Whether it has the format that was asked for."""
    answered: tuple[bool, ...]
    """Whether it passed the format gate; True without one."""
    outcomes: tuple[float | None, ...]
    """In [0, 1], 0 behind the gate; None where the outcome could not be scored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TermValues:
    """What a reward term says of a group: the total of a completion gets weight * value."""

    values: tuple[float | None, ...]
    """One per completion, finite; None where there is none."""
    weights: tuple[float, ...]
    """One per completion; a completion of weight 0 needs no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardPart:
    """One named term of a reward.

    ``value`` is None where it could not be scored, ``weight`` what it was multiplied by.
    """

    name: str
    value: float | None
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reward:
    """The parts of one completion's reward and their total.

    ``total`` None: the outcome could not be scored, so the completion leaves its group.
    ``gated`` tells that the format gate set the total to zero.
    """

    parts: tuple[RewardPart, ...]
    total: float | None
    gated: bool = False

    def value(self, name: str) -> float | None:
        """The value of the named part, None when it is absent or unscored."""
        return next((part.value for part in self.parts if part.name == name), None)

    def weight(self, name: str) -> float:
        """What the named part counts in the total; 0 when it is absent."""
        return next((part.weight for part in self.parts if part.name == name), 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredGroup:
    """A rollout, one reward per completion, and the trust weight (gamma) that was applied."""

    rollout: Rollout
    rewards: tuple[Reward, ...]
    trust: float
    thinking_counted: bool
    """Whether the thinking term entered the totals of this group."""
    family: str | None = None
    """Groups of one family are compared with each other; None: this group is one for itself."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainBatch:
    """Flat, ragged tensors organised by group: sequences of a group are neighbours."""

    prompts: tuple[EncodedPrompt, ...]  # G
    group_ids: Tensor  # (B,) int64: whose prompt each completion continues
    lengths: Tensor  # (B,) int64, sum N
    completion_ids: Tensor  # (N,) int64
    sequence_ids: Tensor  # (N,) int64: which completion each token belongs to
    sampling_per_token_logps: Tensor  # (N,) float32
    loss_mask: Tensor  # (N,) bool: tokens that enter the loss
    advantages: Tensor  # (B,) float32


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingParams:
    """How completions are drawn. Temperature 0 is greedy.

    Off are ``top_p`` 1, ``top_k`` 0, ``min_p`` 0, ``repetition_penalty`` 1 and an empty ``stop``.
    A completion ends with the token that completes one of the ``stop`` strings: neither its ids
    nor its text are cut. Whatever is set, log-probabilities are those of
    softmax(logits / temperature) over the whole vocabulary.
    """

    max_new_tokens: int
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, allowed, range_ in (
            ("max_new_tokens", self.max_new_tokens >= 1, "be at least 1"),
            ("temperature", self.temperature >= 0.0, "be at least 0, which is greedy"),
            ("top_p", 0.0 < self.top_p <= 1.0, "lie in (0, 1]; 1 is off"),
            ("top_k", self.top_k >= 0, "be at least 0, which is off"),
            ("min_p", 0.0 <= self.min_p <= 1.0, "lie in [0, 1]; 0 is off"),
            ("repetition_penalty", self.repetition_penalty > 0.0, "be above 0; 1 is off"),
        ):
            if not allowed:
                raise ValueError(f"{name} is {getattr(self, name)}; it must {range_}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """One prompt to be continued once per seed.

    ``forced`` holds completions, one per seed, to be repeated token by token in place of drawing:
    how an engine is asked for the log-probabilities of given tokens.
    """

    prompt: Prompt
    encoded: EncodedPrompt
    seeds: tuple[int, ...]
    forced: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightSample:
    """Which columns of a weight are read, the weight by its Hugging Face name.

    Of a vector they are elements. Weights of more than two dimensions count as (first, rest).
    """

    name: str
    columns: tuple[int, ...]
