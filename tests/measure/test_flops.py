"""Counts of operations against hand arithmetic and against torch's own counter."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from sophia.grpo.batch import build_train_batch, slice_sequences
from sophia.measure.flops import ModelShape, forward_flops, model_shape, peak_flops
from sophia.measure.perf import Performance, backward_cost, resident_bytes, sequence_sizes
from sophia.metrics import values
from sophia.models.load import ModelLoader, empty_model, load_model
from sophia.models.lora import LoRA
from sophia.models.rows import NaiveRows
from sophia.models.scorer import TokenScorer
from sophia.models.shared_rows import shared_rows
from sophia.types import RowsKind
from tests.builders import completion, encoded, rollout
from tests.models.test_architectures import batch

SHAPES = Path(__file__).parents[1] / "shapes"


def test_a_group_by_hand() -> None:
    shape = ModelShape(layer_weights=100, num_layers=1, attention_width=10, head_weights=50)
    completions = (completion(num_tokens=2), completion(num_tokens=1))
    group = build_train_batch([rollout(encoded=encoded((1, 2, 3, 4)), completions=completions)])
    # naive: 4+2 and 4+1 tokens; pairs 6*7/2 + 5*6/2 = 36; 3 predictions
    assert forward_flops(shape, group, "naive").text == 2 * 11 * 100 + 4 * 36 * 10 + 2 * 3 * 50
    # shared: 3 prompt tokens once, 2 + 1; pairs 6 + (2*3 + 3) + (3 + 1) = 19
    assert forward_flops(shape, group, "shared").text == 2 * 6 * 100 + 4 * 19 * 10 + 2 * 3 * 50


@pytest.mark.parametrize("rows", ["shared", "naive"])
def test_torch_counts_as_much(rows: RowsKind, tiny_folder: Path) -> None:
    model = load_model(tiny_folder)
    data = batch(tiny_folder, "qwen2_5_vl")
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        TokenScorer(model, rows=rows, temperature=1.0)(data)
    counted = counter.get_flop_counts()["Global"]
    products = sum(v for k, v in counted.items() if "attention" not in str(k))
    shape = model_shape(model)
    weights_only = ModelShape(
        layer_weights=shape.layer_weights, num_layers=0, attention_width=0,
        head_weights=shape.head_weights, block_weights=shape.block_weights,
        projector_weights=shape.projector_weights, merge=shape.merge,
    )  # fmt: skip
    mine = forward_flops(weights_only, data, rows)
    tolerance = 0.02 if rows == "shared" else 0.25  # naive rows compute padding too
    assert mine.text + mine.vision == pytest.approx(products, rel=tolerance)


def test_the_tower_of_the_7b_counts() -> None:
    shape = model_shape(empty_model(SHAPES / "qwen2_5_vl_7b"))
    assert shape.layer_weights == pytest.approx(6.53e9, rel=0.01)
    assert shape.head_weights == 152064 * 3584
    assert shape.block_weights == pytest.approx(0.63e9, rel=0.01)
    assert (shape.vision_full_layers, shape.vision_window_layers, shape.window_patches) == (
        4,
        28,
        64,
    )


@pytest.mark.parametrize(
    ("name", "tflops"),
    [
        ("NVIDIA A100-SXM4-80GB", 312), ("NVIDIA A800-SXM4-80GB", 312),
        ("NVIDIA H100 80GB HBM3", 989), ("NVIDIA H800", 989), ("NVIDIA H200", 989),
        ("NVIDIA H100 PCIe", 756), ("NVIDIA H100 NVL", 835), ("NVIDIA H20", 148),
        ("NVIDIA L40S", 362), ("NVIDIA L40", 181), ("NVIDIA L4", 121), ("NVIDIA A10G", 70),
        ("NVIDIA A10", 125), ("NVIDIA A40", 149.7),
        ("NVIDIA GeForce RTX 4090", 165.2), ("NVIDIA B200", 2250),
    ],
)  # fmt: skip
def test_peaks(name: str, tflops: float) -> None:
    assert peak_flops(name) == tflops * 1e12


@pytest.mark.parametrize("name", ["Tesla T4", "NVIDIA GeForce GTX 1080", "Apple M3", ""])
def test_an_unknown_device_has_no_peak(name: str) -> None:
    assert peak_flops(name) is None


def test_what_is_frozen_costs_no_backward(tiny_folder: Path) -> None:
    whole = backward_cost(load_model(tiny_folder))
    assert (whole.text, whole.vision) == (2.0, 2.0)
    frozen = ModelLoader(path="here", freeze=("vision", "projector")).load(tiny_folder)
    assert (backward_cost(frozen).text, backward_cost(frozen).vision) == (2.0, 0.0)
    adapted = ModelLoader(path="here", lora=LoRA(rank=2, alpha=4)).load(tiny_folder)
    assert (backward_cost(adapted).text, backward_cost(adapted).vision) == (1.0, 0.0)


def _performance(folder: Path, rows: RowsKind) -> Performance:
    return Performance(
        load_model(folder), rows=rows, reference=True, old=False, num_iterations=1,
        device=torch.device("cpu"),
    )  # fmt: skip


def test_metrics_of_a_step_without_a_gpu(tiny_folder: Path) -> None:
    performance = _performance(tiny_folder, "shared")
    data = batch(tiny_folder, "qwen2_5_vl")
    timings = {"rollout": 1.0, "reference": 0.5, "update": 0.5}
    metrics = values(performance.metrics(data, [(0, 7)], timings, updated=data, world_size=2))
    assert metrics["perf/tokens_per_second"] == pytest.approx(2 * 22 / 2.0)
    forward = forward_flops(model_shape(load_model(tiny_folder)), data, "shared")
    total = 4 * (forward.text + forward.vision)  # one reference pass, forward and backward
    assert metrics["perf/tflops_per_device"] == pytest.approx(total / 1e12)
    assert "perf/mfu" not in metrics


def test_padding_by_hand(tiny_folder: Path) -> None:
    completions = tuple(completion(num_tokens=n) for n in (2, 1, 5))
    group = build_train_batch([rollout(encoded=encoded((1, 2, 3)), completions=completions)])
    # two at a time: 5 and 4 tokens padded to 5, then 8 alone: 17 of 18 positions hold a token
    spans = [(0, 2), (2, 3)]
    shares = [
        _performance(tiny_folder, rows).metrics(
            group, spans, {"update": 1.0}, updated=group, world_size=1
        )
        for rows in get_args(RowsKind)
    ]
    assert [values(s)["perf/padding_share"] for s in shares] == [0.0, pytest.approx(1 / 18)]


def test_padding_is_what_the_rows_hold_besides_tokens(tiny_folder: Path) -> None:
    data = batch(tiny_folder, "qwen2_5_vl")
    spans = [(0, 3), (3, len(data.lengths))]
    parts = [slice_sequences(data, *span) for span in spans]
    cpu = torch.device("cpu")
    computed = sum(NaiveRows(part, device=cpu).input_ids.numel() for part in parts)
    tokens = int(sequence_sizes(data).sum())
    performance = _performance(tiny_folder, "naive")
    metrics = values(performance.metrics(data, spans, {"update": 1.0}, updated=data, world_size=1))
    assert tokens < computed
    assert metrics["perf/padding_share"] == pytest.approx(1 - tokens / computed)
    packed = sum(shared_rows(part, device=cpu).input_ids.numel() for part in parts)
    prompts = sum(len(prompt.prompt_ids) - 1 for part in parts for prompt in part.prompts)
    assert packed == prompts + int(data.lengths.sum())


def test_a_process_knows_what_it_holds() -> None:
    before = resident_bytes()
    if before is None:
        pytest.skip("the system does not tell")
    held = torch.ones(2**26)  # 256 MiB
    with_tensor = resident_bytes()
    del held
    after = resident_bytes()
    assert with_tensor is not None
    assert after is not None
    assert with_tensor - before == pytest.approx(2**28, rel=0.05)
    assert with_tensor - after == pytest.approx(2**28, rel=0.05)
