"""From a command line to a composed configuration, and the command that takes it."""

from __future__ import annotations

import importlib
import os
import runpy
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import fields
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from sophia.cli.command_line.arguments import spelled
from sophia.cli.command_line.errors import explained, readable_errors
from sophia.cli.command_line.run_defaults import asked_as_in_training
from sophia.cli.command_line.thinking import check_thinking, take_judge_away
from sophia.cli.commands import COMMANDS, CONFIGS, Command
from sophia.cli.help import help_text
from sophia.cli.running.files import check_model
from sophia.cli.running.processes import is_rank_zero
from sophia.cli.sweep.folder import is_sweep, sweep_arguments
from sophia.cli.validation import settings
from sophia.cli.validation.validate import validate
from sophia.run.folder import RunFolder

_LOG = "run.log"  # configs/hydra_defaults.yaml

Function = Callable[[DictConfig], Any]

# Hydra takes launchers from packages called hydra_plugins alone; ours lies beside this file.
sys.path.append(str(Path(__file__).parent / "plugins"))


def run(command: Command) -> None:
    """Do what `python -m sophia NAME` does: the same as the script, where there is one."""
    if command.script is not None:
        sys.argv[0] = str(command.script)  # what a second process of a run is started with
        runpy.run_path(str(command.script), run_name="__main__")
        return
    start(command.name, lambda cfg: _call_function(command, cfg))


def _call_function(command: Command, cfg: DictConfig) -> None:
    """Check keys and model, and only then import the function's module, and torch with it."""
    validate(cfg, getattr(settings, command.settings))
    if command.model is not None:
        check_model(cfg, command.model)
    module, _, name = command.function.partition(":")
    getattr(importlib.import_module(module), name)(cfg)


def start(name: str, function: Function) -> None:
    """Call the function with the configuration that ``sys.argv`` composes to.

    A user's mistake is one sentence and exit status 1.
    """
    command = COMMANDS[name]
    if {"-h", "--help"} & set(sys.argv[1:]):
        sys.stdout.write(help_text(command) + "\n")
        return
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra hands its errors on instead of printing them
    main = hydra.main(version_base="1.3", config_path=str(CONFIGS), config_name=command.config)
    with readable_errors(debug="debug=true" in sys.argv):
        try:
            sys.argv[1:] = spelled(sys.argv[1:])
            if is_sweep(sys.argv[1:]):
                _prepare_sweep(command)
            with _completed(command) as arguments:
                sys.argv[1:] = arguments
                main(lambda cfg: _call(command, function, cfg))()
        except (HydraException, OmegaConfBaseException) as error:
            raise explained(
                error, configs=CONFIGS, config_name=command.config, arguments=sys.argv[1:]
            ) from error


def _completed(command: Command) -> AbstractContextManager[list[str]]:
    """The command line, with what the run knows that it is about."""
    if not command.of_a_run:
        return nullcontext(sys.argv[1:])
    keys = [field.name for field in fields(getattr(settings, command.settings))]
    return asked_as_in_training(sys.argv[1:], keys)


def _prepare_sweep(command: Command) -> None:
    if not command.sweeps:
        raise ValueError(f"{command.name} is no sweep; leave -m away, or sweep with train.py.")
    sys.argv[1:] = sweep_arguments(sys.argv[1:])


def _call(command: Command, function: Function, cfg: DictConfig) -> Any:
    with readable_errors(debug=cfg.debug), _no_empty_folder():
        if "annealing" in cfg:
            typed = HydraConfig.get().overrides.task
            take_judge_away(cfg, typed)
            check_thinking(cfg, typed)
        if not command.sweeps:
            return function(cfg)
        # Hydra's folder: a second process of the run is told the folder of the first through it.
        folder = RunFolder(path=Path(HydraConfig.get().runtime.output_dir))
        cfg.run_dir = str(folder.path)
        if HydraConfig.get().mode == RunMode.MULTIRUN:  # under a launcher that is not ours
            if folder.is_finished:
                return folder.final_accuracy
            cfg.resume = folder.has_begun
        function(cfg)
        return folder.final_accuracy


@contextmanager
def _no_empty_folder() -> Iterator[None]:
    """Remove Hydra's folder where a refused command has left nothing in it but Hydra's log."""
    done = False
    try:
        yield
        done = True
    finally:
        folder = Path(HydraConfig.get().runtime.output_dir)
        own = folder != Path.cwd()  # a command that is no run has none
        if own and not done and is_rank_zero() and [p.name for p in folder.iterdir()] == [_LOG]:
            shutil.rmtree(folder)
