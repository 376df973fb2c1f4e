"""From the data node to the prompts of a run: built, measured, checked, opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from omegaconf import DictConfig

from sophia.cli.running.build import build
from sophia.cli.running.files import check_data_files
from sophia.data.check.check import DataCheck, check_sample
from sophia.data.encode import PromptEncoder
from sophia.data.lengths import PromptFitter, PromptLimits, open_dataset
from sophia.data.prompts import PromptDataset
from sophia.rewards.gold import gold_checker
from sophia.rewards.outcome import OutcomeReward

_SAMPLED_PROMPTS = 64

DataPart = Literal["train", "heldout", "validation"]


def build_dataset(cfg: DictConfig, part: DataPart) -> Any:
    """The data set of one part of the data; its images are references, none is opened yet.

    Raises ValueError for files that are not there.
    """
    check_data_files(cfg, part)
    return build(cfg, f"data.{part}", {"template": build(cfg, "template")})


def prompt_fitter(cfg: DictConfig, encoder: PromptEncoder) -> PromptFitter:
    """What measures and opens prompts for the checkpoint that the encoder belongs to.

    Raises:
        ValueError: the checkpoint's image processor, and so the engine, would resize again.
    """
    limits: PromptLimits = build(cfg, "prompt_limits")
    smallest, largest = encoder.pixel_range
    if limits.min_pixels < smallest or limits.max_pixels > largest:
        raise ValueError(
            f"prompt_limits allow images of {limits.min_pixels} to {limits.max_pixels} pixels, but"
            f" the image processor of the checkpoint resizes to between {smallest} and {largest}."
            " Narrow prompt_limits (prompt_limits=tiny is for the built-in model), or widen `size`"
            " in its preprocessor_config.json."
        )
    return PromptFitter(
        limits,
        count_tokens=lambda prompt: len(encoder.unexpanded_ids(prompt)),
        factor=encoder.pixels_per_token_side,
    )


def data_check(fitter: PromptFitter, outcome: OutcomeReward, *, decode_images: bool) -> DataCheck:
    """What looks for everything in the rows that would stop or spoil a run."""
    return DataCheck(
        fitter,
        problem_types=outcome.problem_types,
        gold_checker=gold_checker(outcome),
        decode_images=decode_images,
    )


def open_checked(
    datasets: Mapping[DataPart, Any], fitter: PromptFitter, outcome: OutcomeReward, *, seed: int
) -> dict[DataPart, PromptDataset]:
    """The data sets with open images, after a look at some prompts of each.

    Raises:
        ValueError: a sampled prompt cannot be trained on; names the rows.
    """
    check = data_check(fitter, outcome, decode_images=True)
    for dataset in datasets.values():
        check_sample(dataset, check, num_prompts=_SAMPLED_PROMPTS, seed=seed)
    return {name: open_dataset(dataset, fitter) for name, dataset in datasets.items()}
