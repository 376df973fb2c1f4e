"""What the program offers to each node of a configuration, beside the node's own keys.

A constructor takes of these what it names; every other argument of it is a key of its node. So a
callback of one's own that wants the run's folder and the engine says ``run_dir`` and ``engine``.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

OFFERS: dict[str, tuple[str, ...]] = {
    "data.train": ("template",),
    "data.heldout": ("template",),
    "data.validation": ("template",),
    "data": (
        "encoder", "train", "heldout", "validation", "num_steps", "prompts_per_step", "seed",
    ),
    "rollout": ("policy_folder", "decode", "media_token_ids", "unexpanded_ids", "seed"),
    "evaluation": ("engine", "encoder", "outcome", "format", "judge"),
    "reward": ("outcome", "format", "annealing", "judge"),
    "algorithm": ("model", "policy_folder"),
    "callbacks.*": (
        "run_dir", "engine", "sync", "composer", "evaluator", "sampling", "validation_prompts",
        "num_generations", "num_steps", "seed", "name", "data_name", "benchmarks",
    ),
    "logger.*": ("run_dir", "start_step"),
    "trainer": ("logger", "callbacks", "plugins"),
}  # fmt: skip


def offered_to(path: str) -> tuple[str, ...]:
    """The names that the program passes to the node at this dotted path."""
    for pattern, names in OFFERS.items():
        if fnmatchcase(path, pattern) and path.count(".") == pattern.count("."):
            return names
    return ()
