"""Streaming shows the same text, piece by piece, and no half characters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from sophia.data.digits import DigitsDataset
from sophia.data.encode import PromptEncoder
from sophia.rollout.transformers.engine import TransformersEngine
from sophia.rollout.transformers.streamer import TextStreamer
from sophia.types import GenerationRequest, SamplingParams
from tests.builders import generated


def decode(tokens: Sequence[int]) -> str:
    return bytes(tokens).decode(errors="replace")


def test_a_character_comes_when_its_bytes_are_there() -> None:
    pieces: list[str] = []
    streamer = TextStreamer(decode, pieces.append)
    for byte in "aé!".encode():
        streamer.put(byte)
    streamer.end()
    assert pieces == ["a", "é", "!"]


def test_what_never_finishes_is_shown_at_the_end() -> None:
    pieces: list[str] = []
    streamer = TextStreamer(decode, pieces.append)
    streamer.put(0xC3)
    assert pieces == []
    streamer.end()
    assert pieces == ["�"]


def test_streaming_is_generating(
    tiny_folder: Path, encoder: PromptEncoder, digits: DigitsDataset
) -> None:
    engine = TransformersEngine(
        policy_folder=tiny_folder, decode=encoder.decode,
        media_token_ids=encoder.media_token_ids, device="cpu", max_batch_size=8,
    )  # fmt: skip
    sampling = SamplingParams(max_new_tokens=12)
    request = GenerationRequest(prompt=digits[0], encoded=encoder(digits[0]), seeds=(5,))
    pieces: list[str] = []
    streamed = engine.stream(request, sampling, pieces.append).completions[0]
    (whole,) = generated(engine, [request], sampling)[0].completions
    assert streamed == whole
    assert "".join(pieces) == whole.text
    assert len(pieces) > 1
    both = GenerationRequest(prompt=digits[0], encoded=encoder(digits[0]), seeds=(5, 6))
    with pytest.raises(ValueError, match=r"one completion can be streamed, not 2"):
        engine.stream(both, sampling, pieces.append)
