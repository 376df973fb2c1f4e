"""The real engine, one per precision; these tests exist where vLLM is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sophia.data.digits import DigitsDataset
from sophia.data.encode import PromptEncoder
from sophia.models.tiny import TinyQwen25VL
from sophia.rollout.vllm.engine import VLLMEngine
from sophia.rollout.vllm.settings import VLLMSettings
from sophia.rollout.vllm.watchdog import Patience

if importlib.util.find_spec("vllm") is None:
    collect_ignore_glob = ["test_*.py"]

# Remarks of vLLM and of what it imports; none is about this project's code.
REMARKS = (
    "ignore::DeprecationWarning",
    "ignore::FutureWarning",  # torch.distributed.reduce_op, looked up by vLLM's dispatcher
    "ignore::UserWarning",
    "ignore::ResourceWarning",  # sockets of the one-process group, closed at exit
    "ignore::pytest.PytestUnraisableExceptionWarning",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.vllm)
            for remark in REMARKS:
                item.add_marker(pytest.mark.filterwarnings(remark))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small Qwen2.5-VL with heads of 32, the least that vLLM's CPU attention takes."""
    target = tmp_path_factory.mktemp("models") / "vllm"
    prompts = DigitsDataset(split="train", num_prompts=200, seed=0)
    corpus = [
        f"user\n{prompts[i].question}\nassistant\n{prompts[i].metadata['example'].demonstration}"
        for i in range(200)
    ]
    tiny = TinyQwen25VL(
        seed=0, vocab_size=320, hidden_size=128, num_layers=2, num_heads=4, num_kv_heads=2,
        intermediate_size=96, vision_hidden_size=64, vision_layers=2, vision_heads=2,
        initializer_range=0.08,
    )  # fmt: skip
    tiny.save(target, corpus=corpus)
    return target


@pytest.fixture(scope="session")
def vllm_encoder(folder: Path) -> PromptEncoder:
    return PromptEncoder(folder)


def make_engine(
    folder: Path,
    *,
    kind: Callable[..., VLLMEngine] = VLLMEngine,
    patience: Patience | None = None,
    **settings: Any,
) -> VLLMEngine:
    """An engine, not started yet."""
    encoder = PromptEncoder(folder)
    values: dict[str, Any] = {"dtype": "float32", "max_model_len": 1024, "max_num_seqs": 64}
    return kind(
        policy_folder=folder,
        decode=encoder.decode,
        unexpanded_ids=encoder.unexpanded_ids,
        media_token_ids=encoder.media_token_ids,
        seed=0,
        settings=VLLMSettings(**{**values, **settings}),
        patience=patience or Patience(step_s=120.0, generate_s=300.0),
    )


@pytest.fixture(scope="session")
def engine(folder: Path) -> VLLMEngine:
    """In float32. Tests that change its weights put them back."""
    return make_engine(folder)
