"""One process that loads its shards of a checkpoint; prints the host memory that it took."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import distributed
from torch.distributed.device_mesh import init_device_mesh

from sophia.models.load import empty_model
from sophia.models.read import fill
from sophia.models.scorer import TokenScorer
from sophia.models.sharding import Sharding, shard


def kernel_bytes(name: str) -> int:
    """A figure of this process that Linux keeps."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


def main() -> None:
    """Write the growth of the peak to OUT.rank."""
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    distributed.init_process_group("gloo")
    device = torch.device("cpu")
    model = empty_model(folder)
    scorer = TokenScorer(model, rows="shared", temperature=1.0)
    sharding = Sharding(
        mesh=init_device_mesh("cpu", (distributed.get_world_size(),)),
        device=device,
        compute_dtype=torch.bfloat16,
        reduce_dtype=torch.float32,
        reshard_after_forward=True,
    )
    shard(scorer, sharding, replicated=set(), offload=False)
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak of start-up
    before = kernel_bytes("VmRSS")
    fill(model, folder, device=device, offload=False)
    out.with_suffix(f".{distributed.get_rank()}").write_text(str(kernel_bytes("VmHWM") - before))
    distributed.barrier()
    distributed.destroy_process_group()


if __name__ == "__main__":
    main()
