"""Evaluation records and kept groups with keyword overrides."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

from sophia.evaluation.records import EvalRecord
from sophia.run.groups import CompletionRecord, GroupRecord
from sophia.types import RewardPart


def record(index: int, **overrides: Any) -> EvalRecord:
    """A right answer, soundly thought."""
    values: dict[str, Any] = {
        "uid": f"p{index}", "problem_type": "numerical", "units": (index,), "question": "?",
        "problem": "?", "answer": "4", "text": "<think>2 + 2 = 4</think><answer>4</answer>",
        "well_formed": True, "outcome": 1.0, "thinking": 1.0,
    }  # fmt: skip
    return EvalRecord(**{**values, **overrides})


def kept_completion(outcome: float, thinking: float | None, **overrides: Any) -> CompletionRecord:
    """A completion with weight 0.3 on its thinking."""
    parts = (
        RewardPart(name="outcome", value=outcome, weight=1.0),
        RewardPart(name="thinking", value=thinking, weight=0.3),
    )
    values: dict[str, Any] = {
        "text": f"outcome {outcome}, thinking {thinking}", "num_tokens": 5, "truncated": False,
        "seed": 7, "sampling_logp_mean": -1.0, "sampling_logp_min": -2.0, "parts": parts,
        "total": outcome + 0.3 * (thinking or 0.0), "gated": False, "advantage": 0.5,
    }  # fmt: skip
    return CompletionRecord(**{**values, **overrides})


def kept_group(*completions: CompletionRecord, **overrides: Any) -> GroupRecord:
    """A group of step 0 about one white image."""
    values: dict[str, Any] = {
        "rl_step": 0, "uid": "p0", "problem_type": "numerical", "prompt": "user: <image>2 + 2?",
        "question": "2 + 2?", "problem": "2 + 2?", "options": {}, "answer": "4",
        "images": (png(),), "trust": 1.0, "thinking_counted": True, "completions": completions,
    }  # fmt: skip
    return GroupRecord(**{**values, **overrides})


def png(size: tuple[int, int] = (8, 8)) -> bytes:
    """A white image."""
    buffer = io.BytesIO()
    Image.new("RGB", size, "white").save(buffer, format="PNG")
    return buffer.getvalue()
