"""Decoder layers of real width: naive against shared rows, forward and backward, on one device.

python experiments/gpu/layers.py results_layers.csv            # a GPU
python experiments/gpu/layers.py /tmp/out.csv --small          # a CPU: does the script run?
"""

from __future__ import annotations

import argparse
import csv
import logging
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from sophia.grpo.batch import build_train_batch
from sophia.measure.flops import forward_flops, model_shape, peak_flops
from sophia.models.scorer import TokenScorer
from sophia.types import Completion, EncodedPrompt, Prompt, Rollout, RowsKind, TrainBatch

log = logging.getLogger(__name__)

NUM_LAYERS, NUM_GENERATIONS, REPEATS = 4, 8, 5
SHAPES = {
    "3B": {"hidden_size": 2048, "intermediate_size": 11008, "heads": 16, "kv_heads": 2},
    "7B": {"hidden_size": 3584, "intermediate_size": 18944, "heads": 28, "kv_heads": 4},
    "small": {"hidden_size": 64, "intermediate_size": 128, "heads": 4, "kv_heads": 2},
}


def scorer(shape: str, rows: RowsKind, device: torch.device) -> TokenScorer:
    """Some layers with random weights and the real head."""
    sizes = SHAPES[shape]
    config = Qwen2Config(
        vocab_size=1024 if shape == "small" else 152064, hidden_size=sizes["hidden_size"],
        intermediate_size=sizes["intermediate_size"], num_hidden_layers=NUM_LAYERS,
        num_attention_heads=sizes["heads"], num_key_value_heads=sizes["kv_heads"],
        tie_word_embeddings=False, max_position_embeddings=8192,
    )  # fmt: skip
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    model: Any = Qwen2ForCausalLM(config).to(device, dtype)
    return TokenScorer(model, rows=rows, temperature=1.0)


def one_group(prompt_tokens: int, response_tokens: int) -> TrainBatch:
    """A group of equally long completions."""
    ids = torch.randint(0, 1000, (prompt_tokens,))
    encoded = EncodedPrompt(
        prompt_ids=ids, mm_token_type_ids=torch.zeros_like(ids), pixel_values=None,
        image_grid_thw=None,
    )  # fmt: skip
    tokens = tuple(torch.randint(0, 1000, (response_tokens,)).tolist())
    completion = Completion(
        text="", token_ids=tokens, sampling_logps=(0.0,) * response_tokens,
        finish_reason="length", seed=0,
    )  # fmt: skip
    prompt = Prompt(uid="p", messages=(), answer="", problem_type="math")
    completions = (completion,) * NUM_GENERATIONS
    return build_train_batch([Rollout(prompt=prompt, encoded=encoded, completions=completions)])


def measure(model: TokenScorer, batch: TrainBatch, rows: RowsKind) -> dict[str, float | str]:
    """Median seconds of forward and backward, peak memory, share of the device's peak."""
    cuda = model.device.type == "cuda"
    seconds = []
    for repeat in range(REPEATS + 2):
        model.zero_grad()
        start = time.perf_counter()
        model(batch).per_token_logps.sum().backward()
        if cuda:
            torch.cuda.synchronize()
        if repeat >= 2:  # the first ones choose kernels
            seconds.append(time.perf_counter() - start)
    median = statistics.median(seconds)
    flops = 3 * forward_flops(model_shape(model.model), batch, rows).text
    peak = peak_flops(torch.cuda.get_device_name()) if cuda else None
    return {
        "seconds": round(median, 5),
        "peak_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2) if cuda else "",
        "mfu": round(flops / median / peak, 3) if peak else "",
    }


def main() -> None:
    """Measure every shape and write the table."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args()
    device = torch.device("cpu" if options.small else "cuda")
    cases = [("small", 60, 20)] if options.small else [
        (shape, 1500, length) for shape in ("3B", "7B") for length in (500, 1000)
    ]  # fmt: skip
    found = []
    for shape, prompt_tokens, response_tokens in cases:
        for rows in ("naive", "shared"):
            model = scorer(shape, rows, device)
            if device.type == "cuda":
                torch.cuda.reset_peak_memory_stats()
            result = measure(model, one_group(prompt_tokens, response_tokens), rows)
            found.append(
                {"layers": f"{NUM_LAYERS} of {shape}", "prompt": prompt_tokens,
                 "response": response_tokens, "rows": rows, **result}
            )  # fmt: skip
            log.info("%s", found[-1])
    with options.out.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(found[0]))
        writer.writeheader()
        writer.writerows(found)


if __name__ == "__main__":
    main()
