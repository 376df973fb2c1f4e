"""The memory plan: numbers that can be redone on paper, and the same as what a run holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from sophia.cli.running.build import build
from sophia.cli.running.plan import check_fits, disk_plan, memory_plan
from sophia.measure.disk import DiskPlan
from sophia.measure.memory import GIB, MemoryPlan
from tests.composing import composed
from tests.processes import sharded_run

SHAPES = Path(__file__).parents[1] / "shapes"
SIZE_7B = 8_292_166_656


def plan(*overrides: str, num_devices: int = 8, device_gib: float = 80.0) -> MemoryPlan:
    cfg = composed(*overrides)
    return memory_plan(
        cfg,
        build(cfg, "model"),
        cfg.model.path,
        num_processes=num_devices,
        device_bytes=device_gib * GIB,
    )


def seven_billion(*overrides: str, **machine: float) -> MemoryPlan:
    path = f"model.path={SHAPES / 'qwen2_5_vl_7b'}"
    return plan("experiment=sophiavl_7b", path, *overrides, **machine)  # type: ignore[arg-type]


def test_7b_on_8_gpus() -> None:
    result = seven_billion()
    # An eighth of float32 weights and gradients, two float32 moments, and a bfloat16 reference.
    share = SIZE_7B / 8
    assert result.held["policy"] == pytest.approx(4 * share, rel=1e-3)
    assert result.held["optimizer"] == pytest.approx(8 * share, rel=1e-3)
    assert result.held["reference"] == pytest.approx(2 * share, rel=1e-3)
    assert result.training["gradients"] == pytest.approx(4 * share, rel=1e-3)
    check_fits(result, device_bytes=80 * GIB)


def test_the_documents_figures_are_the_plans() -> None:
    text = (SHAPES.parent.parent / "docs" / "running.md").read_text()
    result = seven_billion()
    figures = {**result.held, **result.training}
    for name in ("policy", "optimizer", "reference", "gradients", "gathered layers", "activations"):
        row = next(line for line in text.splitlines() if line.startswith(f"| {name} |"))
        assert f"{figures[name] / GIB:.2f}" in row


def disk(*overrides: str) -> DiskPlan:
    path = f"model.path={SHAPES / 'qwen2_5_vl_7b'}"
    cfg = composed("experiment=sophiavl_7b", path, *overrides)
    return disk_plan(cfg, build(cfg, "model").empty(cfg.model.path), cfg.model.path)


def test_the_disk_holds_checkpoints_of_twelve_bytes_a_weight() -> None:
    result = disk()
    # Float32: weights, two moments. The last two, the best, one being written. A bfloat16 policy.
    assert result.checkpoint == 12 * SIZE_7B
    assert result.policy == 2 * SIZE_7B
    assert result.sum == (4 * 12 + 2) * SIZE_7B


def test_adapters_make_small_checkpoints() -> None:
    result = disk("experiment=sophiavl_7b_lora", "callbacks.checkpoint.keep_best=0")
    assert 2 * SIZE_7B < result.checkpoint < 2.5 * SIZE_7B  # bfloat16 weights, few moments
    assert result.num_checkpoints == 3


def test_offloading_moves_to_the_host() -> None:
    result = seven_billion("trainer.strategy.offload=[optimizer,reference]")
    assert set(result.host) == {"policy", "optimizer", "gradients", "reference"}
    assert set(result.held) == {"CUDA and fragments"}


def test_adapters_have_no_reference_and_few_moments() -> None:
    result = seven_billion("experiment=sophiavl_7b_lora")
    assert "reference" not in result.held
    assert result.held["optimizer"] < 0.05 * seven_billion().held["optimizer"]


@pytest.mark.parametrize(
    ("overrides", "num_devices", "device_gib", "knob"),
    [
        ((), 1, 80.0, r"optimizer .* GiB: trainer\.strategy\.offload=\[optimizer\]"),
        (("algorithm.update.micro_batch_tokens=131072",), 8, 80.0, "micro_batch_tokens"),
    ],
)
def test_what_cannot_fit_is_refused_with_the_knob(
    overrides: tuple[str, ...], num_devices: int, device_gib: float, knob: str
) -> None:
    result = seven_billion(*overrides, num_devices=num_devices, device_gib=device_gib)
    with pytest.raises(ValueError, match=knob):
        check_fits(result, device_bytes=device_gib * GIB)


@pytest.mark.slow
@pytest.mark.parametrize("freeze", [[], ["vision"]])
def test_predicted_is_measured(freeze: list[str], larger_folder: Path, tmp_path: Path) -> None:
    measured = sharded_run(
        2, tmp_path / "out.pt", folder=larger_folder, optimizer="adamw", freeze=freeze,
        strategy={"compute_dtype": "bfloat16"},
    )["bytes"]  # fmt: skip
    predicted = plan(
        "experiment=sophiavl_7b", f"model.path={larger_folder}",
        f"model.freeze=[{','.join(freeze)}]", num_devices=2,
    )  # fmt: skip
    for name in ("policy", "optimizer", "reference"):
        assert predicted.held[name] == pytest.approx(measured[name], rel=0.05), name
