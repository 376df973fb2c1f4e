"""`judge-check`: ask the configured judge about a good and a bad reasoning, say what came back."""

from __future__ import annotations

import sys
from contextlib import closing

from omegaconf import DictConfig
from rich.console import Console

from sophia.cli.quiet import quiet_libraries
from sophia.cli.running.build import build
from sophia.rewards.judge.check import check_judge
from sophia.rewards.judge.http import HTTPJudge


def judge_check_or_exit(cfg: DictConfig) -> None:
    """Ask the judge, and exit with status 1 when it is not fit for a run."""
    if not judge_check(cfg):
        sys.exit(1)


def judge_check(cfg: DictConfig) -> bool:
    """Print what came back from the judge; returns whether it is fit for a run."""
    quiet_libraries()
    judge = build(cfg, "judge")
    if not isinstance(judge, HTTPJudge):
        raise ValueError(
            f"judge-check is for judges behind a server; {type(judge).__name__} needs none. Choose"
            " judge=http."
        )
    with closing(judge):
        result = check_judge(judge)
    Console().print(result.report(), highlight=False, markup=False, soft_wrap=True)
    return result.fit
