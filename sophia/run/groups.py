"""The groups of an RL step as they were, kept in one parquet file per step and process."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sophia.run.pictures import prompt_images
from sophia.types import Completion, Message, Reward, RewardPart, ScoredGroup

_NAME = re.compile(r"step_(\d+)-rank_(\d+)\.parquet")
_PART = pa.struct([("name", pa.string()), ("value", pa.float64()), ("weight", pa.float64())])
_COMPLETION = pa.struct(
    [
        ("text", pa.string()),
        ("num_tokens", pa.int64()),
        ("truncated", pa.bool_()),
        ("seed", pa.int64()),
        ("sampling_logp_mean", pa.float64()),
        ("sampling_logp_min", pa.float64()),
        ("parts", pa.list_(_PART)),
        ("total", pa.float64()),
        ("gated", pa.bool_()),
        ("advantage", pa.float64()),
    ]
)
_SCHEMA = pa.schema(
    [
        ("rl_step", pa.int64()),
        ("uid", pa.string()),
        ("problem_type", pa.string()),
        ("prompt", pa.string()),
        ("question", pa.string()),
        ("problem", pa.string()),
        ("options", pa.map_(pa.string(), pa.string())),
        ("answer", pa.string()),
        ("images", pa.list_(pa.binary())),
        ("trust", pa.float64()),
        ("thinking_counted", pa.bool_()),
        ("completions", pa.list_(_COMPLETION)),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionRecord:
    """A completion, its reward, and the advantage that the loss used.

    ``sampling_logp_mean`` and ``_min`` are log-probabilities in nats over its tokens, under the
    policy that sampled it. ``gated`` says that the missing format set ``total`` to 0; ``total`` is
    None when the completion could not be scored.
    """

    text: str
    num_tokens: int
    truncated: bool
    seed: int
    sampling_logp_mean: float
    sampling_logp_min: float
    parts: tuple[RewardPart, ...]
    total: float | None
    gated: bool
    advantage: float

    def value(self, name: str) -> float | None:
        """The value of the named reward part, None when it is absent or unscored."""
        return next((part.value for part in self.parts if part.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRecord:
    """A prompt and everything that was sampled, scored and used for it.

    ``images`` are files in PNG or JPEG; ``trust`` is the trust weight (gamma) of the group.
    """

    rl_step: int
    uid: str
    problem_type: str
    prompt: str
    """All turns as text, ``<image>`` where an image stands."""
    question: str
    """The last user turn, as the template made it."""
    problem: str
    """The row's own question in it."""
    options: Mapping[str, str]
    """The text of each option by its letter; empty unless it is multiple choice."""
    answer: str
    images: tuple[bytes, ...]
    trust: float
    thinking_counted: bool
    completions: tuple[CompletionRecord, ...]


def record_groups(
    groups: Sequence[ScoredGroup],
    advantages: Sequence[float],  # of all completions, in their order
    *,
    rl_step: int,
    max_image_side: int,
) -> list[GroupRecord]:
    """The groups of a step as records, with the advantages that the loss used.

    Images with a side over ``max_image_side`` pixels are made smaller; 0 leaves images out.
    """
    remaining = iter(advantages)
    records = []
    for group in groups:
        prompt = group.rollout.prompt
        pairs = zip(group.rollout.completions, group.rewards, strict=True)
        records.append(
            GroupRecord(
                rl_step=rl_step,
                uid=prompt.uid,
                problem_type=prompt.problem_type,
                prompt="\n".join(_turn(message) for message in prompt.messages),
                question=prompt.question,
                problem=prompt.shown_question,
                options=prompt.options,
                answer=prompt.answer,
                images=prompt_images(prompt, max_side=max_image_side) if max_image_side else (),
                trust=group.trust,
                thinking_counted=group.thinking_counted,
                completions=tuple(_record(c, r, next(remaining)) for c, r in pairs),
            )
        )
    return records


def _turn(message: Message) -> str:
    text = "".join(part if isinstance(part, str) else "<image>" for part in message.content)
    return f"{message.role}: {text}"


def _record(completion: Completion, reward: Reward, advantage: float) -> CompletionRecord:
    logps = completion.sampling_logps
    return CompletionRecord(
        text=completion.text,
        num_tokens=len(completion.token_ids),
        truncated=completion.truncated,
        seed=completion.seed,
        sampling_logp_mean=fmean(logps) if logps else 0.0,
        sampling_logp_min=min(logps, default=0.0),
        parts=reward.parts,
        total=reward.total,
        gated=reward.gated,
        advantage=advantage,
    )


def save_groups(
    folder: Path,
    records: Sequence[GroupRecord],
    *,
    rl_step: int,
    rank: int = 0,
    world_size: int = 1,
) -> None:
    """Write the step's file, whole or not at all; the same step again replaces it.

    The first process removes what more processes than now had written before a resume.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step_{rl_step:06d}-rank_{rank}.parquet"
    partial = path.with_suffix(".partial")
    rows = [asdict(record) for record in records]
    pq.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA), partial)
    os.replace(partial, path)
    if rank == 0:
        for old in folder.glob(f"step_{rl_step:06d}-rank_*.parquet"):
            if _rank(old) >= world_size:
                old.unlink()


def kept_steps(folder: Path) -> list[int]:
    """The RL steps whose groups are kept in a folder, earliest first."""
    matches = (_NAME.fullmatch(path.name) for path in folder.glob("step_*.parquet"))
    return sorted({int(match[1]) for match in matches if match})


def load_groups(folder: Path, rl_step: int, *, images: bool = True) -> list[GroupRecord]:
    """All groups of a step, process by process; empty when the step was not kept.

    Older files hold no ``problem``; there it is the last user turn. Without ``images`` the records
    have none, which is faster.
    """
    return list(_load(folder, rl_step, images=images))


def _load(folder: Path, rl_step: int, *, images: bool) -> Iterator[GroupRecord]:
    files = folder.glob(f"step_{rl_step:06d}-rank_*.parquet")
    wanted = [name for name in _SCHEMA.names if images or name != "images"]
    for path in sorted(files, key=_rank):
        held = set(pq.read_schema(path).names)
        for row in pq.read_table(path, columns=[n for n in wanted if n in held]).to_pylist():
            yield GroupRecord(
                **{
                    "problem": row["question"],
                    **row,
                    "options": dict(row.get("options", ())),
                    "images": tuple(row.get("images", ())),
                    "completions": tuple(_completion(c) for c in row["completions"]),
                }
            )


def _rank(path: Path) -> int:
    match = _NAME.fullmatch(path.name)
    return int(match[2]) if match else -1


def _completion(row: dict[str, Any]) -> CompletionRecord:
    return CompletionRecord(**{**row, "parts": tuple(RewardPart(**p) for p in row["parts"])})
