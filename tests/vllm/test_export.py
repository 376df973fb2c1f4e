"""An exported folder in the hands of others: the code on its card, with transformers and vLLM."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from transformers import AutoProcessor

from sophia.data.encode import PromptEncoder
from sophia.models.processor import loading_problem
from sophia.types import Media, Message
from tests.builders import prompt
from tests.cli.test_export import code, exported, make_run

ASKED = "inputs['input_ids'][0].tolist()"
FIRST = f"print('TOKENS', [{ASKED}, output[0, len({ASKED}):].tolist()])\n"
SECOND = "print('TOKENS', [outputs[0].prompt_token_ids, list(outputs[0].outputs[0].token_ids)])\n"
ENVIRONMENT = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
}


@pytest.fixture(scope="module")
def out(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of a run, with another system prompt than none."""
    root = tmp_path_factory.mktemp("shared")
    made = make_run(root / "run", folder, "template.system=Look closely.")
    exported(made, root / "out")
    Image.linear_gradient("L").resize((84, 56)).convert("RGB").save(root / "picture.png")
    return root / "out"


def test_the_processor_loads(out: Path) -> None:
    assert loading_problem(out) is None
    assert type(AutoProcessor.from_pretrained(out)).__name__ == "Qwen2_5_VLProcessor"


def test_the_code_on_the_card_answers(out: Path) -> None:
    """Both libraries give the same answer to what the run would have asked, to the token."""
    card = (out / "README.md").read_text()
    with_transformers, with_vllm = code(card)
    with_vllm = with_vllm.replace("LLM(model_id,", "LLM(model_id, dtype='float32',")
    program = out.parent / "card.py"
    program.write_text(with_transformers + FIRST + with_vllm + SECOND)
    ended = subprocess.run(
        [sys.executable, str(program)],
        cwd=out.parent,  # where picture.png is, and the folder by its name
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    lines = [line for line in ended.stdout.splitlines() if line.startswith("TOKENS ")]
    first, second = (json.loads(line.removeprefix("TOKENS ")) for line in lines)
    assert first == second
    assert len(first[1]) == 24
    with Image.open(out.parent / "picture.png") as picture:
        asked = prompt(
            uid="a",
            messages=(
                Message(role="system", content=("Look closely.",)),
                Message(role="user", content=(Media(source=picture), "What is to be seen?")),
            ),
        )
        assert first[0] == PromptEncoder(out)(asked).prompt_ids.tolist()
