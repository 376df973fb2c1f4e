"""A seed for every completion, from what it is and not from when or where it is drawn."""

from __future__ import annotations

import hashlib


def completion_seed(run_seed: int, rl_step: int, uid: str, index: int) -> int:
    """A seed in [0, 2**63): the same for any number of processes, any batch order, any resume.

    ``uid`` is the prompt's, ``index`` that of the completion within its group.
    """
    key = f"{run_seed}/{rl_step}/{index}/{uid}".encode()
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest()) >> 1
