"""A process that loads a share of a checkpoint takes memory for a share."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, AutoModelForImageTextToText

from tests.processes import ROOT, environment, finish, free_port
from tests.warm import WarmProcess

HIDDEN = {"hidden_size": 768, "intermediate_size": 4096, "num_hidden_layers": 8}


def synthetic(folder: Path, **text: int) -> int:
    """Random float32 weights in several files; returns their bytes."""
    values = json.loads((ROOT / "tests/shapes/qwen2_5_vl_7b/config.json").read_text())
    values["text_config"].update(
        num_attention_heads=12, num_key_value_heads=4, vocab_size=32_000, **text
    )
    values["text_config"]["rope_parameters"]["mrope_section"] = [8, 12, 12]
    values["vision_config"].update(
        depth=2, hidden_size=128, intermediate_size=256, num_heads=4,
        out_hidden_size=text["hidden_size"], fullatt_block_indexes=[1],
    )  # fmt: skip
    (folder / "shape").mkdir(parents=True)
    (folder / "shape" / "config.json").write_text(json.dumps(values))
    config = AutoConfig.from_pretrained(folder / "shape")
    model = AutoModelForImageTextToText.from_config(config, dtype=torch.float32)
    model.save_pretrained(folder / "model", max_shard_size="200MB")
    return sum(file.stat().st_size for file in (folder / "model").glob("*.safetensors"))


def loaded_by_two(folder: Path, out: Path) -> list[int]:
    """The growth of each process's peak."""
    port = free_port()
    command = ("-m", "tests.loading_worker", str(folder), str(out))
    finish([WarmProcess(*command, environment=environment(rank, 2, port)) for rank in range(2)])
    return [int(out.with_suffix(f".{rank}").read_text()) for rank in range(2)]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's figures of a process")
def test_each_of_two_processes_takes_about_half(tmp_path: Path) -> None:
    size = synthetic(tmp_path, **HIDDEN)
    assert size > 500e6
    peaks = loaded_by_two(tmp_path / "model", tmp_path / "peak")
    assert all(0.4 * size < peak < 0.75 * size for peak in peaks)
