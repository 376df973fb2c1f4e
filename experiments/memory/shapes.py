"""One linear layer, forward and backward, on rows of ever new lengths: memory by type.

Usage: python experiments/memory/shapes.py
"""

from __future__ import annotations

import os
import random
import subprocess
import sys

import torch

from sophia.measure.perf import resident_bytes

CASES = (("float32", ""), ("bfloat16", ""), ("bfloat16", "AVX2"))


def main() -> None:
    if len(sys.argv) > 1:
        measure(getattr(torch, sys.argv[1]))
        return
    for dtype, isa in CASES:  # each in a process of its own
        print(f"\n{dtype}, ONEDNN_MAX_CPU_ISA={isa or 'unset'}", flush=True)
        environment = {**os.environ, **({"ONEDNN_MAX_CPU_ISA": isa} if isa else {})}
        subprocess.run([sys.executable, __file__, dtype], env=environment, check=True)


def measure(dtype: torch.dtype) -> None:
    """Prints MiB after 0, 500, ... 3,000 rows with one of 361 lengths each."""
    torch.set_num_threads(1)
    draw = random.Random(0)
    layer = torch.nn.Linear(64, 256).to(dtype)
    for index in range(3001):
        layer(torch.randn(draw.randint(40, 400), 64, dtype=dtype)).sum().backward()
        layer.zero_grad()
        if index % 500 == 0:
            print(f"{(resident_bytes() or 0) / 2**20:.0f}", end=" ", flush=True)
    print()


if __name__ == "__main__":
    main()
