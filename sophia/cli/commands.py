"""The verbs: each composes a configuration of configs/ and hands it to its function."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from sophia.cli.check import check
from sophia.cli.errors import readable_errors
from sophia.cli.evaluate import evaluate
from sophia.cli.export import export
from sophia.cli.hydra_errors import explained
from sophia.cli.infer import infer
from sophia.cli.plan import plan
from sophia.cli.report import inspect_group, report
from sophia.cli.run_defaults import asked_as_in_training
from sophia.cli.sweep.folder import is_sweep, sweep_arguments
from sophia.cli.sweep.result import final_accuracy
from sophia.cli.train import train

CONFIGS = Path(__file__).parent.parent.parent / "configs"

# Hydra takes launchers from packages called hydra_plugins alone; ours lies beside this file.
sys.path.append(str(Path(__file__).parent / "plugins"))


Completing = Callable[[Sequence[str]], AbstractContextManager[Sequence[str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """What `python -m sophia NAME` does. ``completing`` adds to what was typed."""

    config: str
    about: str
    function: Callable[[DictConfig], Any]
    sweeps: bool = False
    completing: Completing = nullcontext

    def run(self) -> None:
        """Compose from the command line and go; a user's mistake is one sentence."""
        os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra hands its errors on instead of printing them
        decorate = hydra.main(version_base="1.3", config_path=str(CONFIGS), config_name=self.config)
        with readable_errors(debug="debug=true" in sys.argv):
            try:
                if is_sweep(sys.argv[1:]):
                    self._prepare_sweep()
                with self.completing(sys.argv[1:]) as arguments:
                    sys.argv[1:] = arguments
                    decorate(self._task)()
            except (HydraException, OmegaConfBaseException) as error:
                raise explained(error, configs=CONFIGS, config_name=self.config) from error

    def _prepare_sweep(self) -> None:
        if not self.sweeps:
            raise ValueError(f"{self.config} is no sweep; leave -m away, or sweep with train.py.")
        sys.argv[1:] = sweep_arguments(sys.argv[1:])

    def _task(self, cfg: DictConfig) -> Any:
        with readable_errors(debug=cfg.debug):
            return self.function(cfg)


def _train(cfg: DictConfig) -> float | None:
    # Not cfg.run_dir: a second process of the run is told the folder of the first through Hydra.
    folder = Path(HydraConfig.get().runtime.output_dir)
    if HydraConfig.get().mode == RunMode.MULTIRUN:  # under a launcher that is not ours
        if (folder / "run.json").is_file():
            return final_accuracy(folder)
        cfg.resume = (folder / "config.yaml").is_file()
    train(cfg, run_dir=folder, overrides=list(HydraConfig.get().overrides.task))
    return final_accuracy(folder)


def _check(cfg: DictConfig) -> None:
    if check(cfg):
        sys.exit(1)  # so that a script can stop at bad rows


def _judge_check(cfg: DictConfig) -> None:
    from sophia.cli.judge_check import judge_check  # its client takes half a second to import

    if not judge_check(cfg):
        sys.exit(1)


VERBS = {
    "train": Verb(config="train", about="one run", function=_train, sweeps=True),
    "evaluate": Verb(
        config="evaluate",
        about="a policy on held-out questions",
        function=evaluate,
        completing=asked_as_in_training,
    ),
    "export": Verb(config="export", about="a checkpoint, in Hugging Face format", function=export),
    "plan": Verb(config="plan", about="the memory of a run", function=plan),
    "report": Verb(config="report", about="write the page of a run", function=report),
    "inspect": Verb(config="inspect", about="one group of one step", function=inspect_group),
    "infer": Verb(config="infer", about="ask a policy a question", function=infer),
    "check": Verb(config="check", about="the data of a run, before it trains", function=_check),
    "judge-check": Verb(config="judge_check", about="is the judge there?", function=_judge_check),
}


def usage(verb: str) -> str:
    """What to type instead."""
    close = difflib.get_close_matches(verb, VERBS, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    known = "\n".join(f"  {name:12} {v.about}" for name, v in VERBS.items())
    return f"usage: python -m sophia VERB [key=value ...]{hint}\n{known}"
