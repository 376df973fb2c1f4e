"""The commands by name. Imports nothing: the list of them must be there at once."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command, `python -m sophia NAME`.

    Args:
        name: what is typed.
        about: what it does, in a line of the list of commands.
        config: the file of configs/ that its configuration is composed from.
        settings: the dataclass of ``sophia.cli.settings`` that names its root keys.
        script: the script at the top level of the project that is this command; None without one.
        function: the function that takes the configuration, as ``module:name``, where no script is.
        sweeps: whether -m runs it once for each of several values.
        model: how much of ``model.path`` must be there before the function is imported, as
            ``sophia.models.hub`` names it; None: it looks itself, or needs none.
        of_a_run: whether settings of the run that ``ckpt`` lies in are its defaults.
    """

    name: str
    about: str
    config: str
    settings: str
    script: Path | None = None
    function: str = ""
    model: Literal["config", "tokenizer"] | None = None
    sweeps: bool = False
    of_a_run: bool = False


COMMANDS = {
    command.name: command
    for command in (
        Command(
            name="train", about="one run, or a sweep", config="train",
            settings="TrainSettings",
            script=ROOT / "train.py", sweeps=True,
        ),
        Command(
            name="evaluate", about="a policy on held-out questions", config="evaluate",
            settings="EvaluateSettings",
            script=ROOT / "evaluate.py", of_a_run=True,
        ),
        Command(
            name="export", about="a checkpoint, in Hugging Face format", config="export",
            settings="ExportSettings",
            function="sophia.cli.export:export",
        ),
        Command(
            name="plan", about="the memory and the disk of a run", config="plan",
            settings="PlanSettings",
            function="sophia.cli.plan:plan", model="config",
        ),
        Command(
            name="report", about="write the page of a run", config="report",
            settings="ReportSettings",
            function="sophia.cli.report:report",
        ),
        Command(
            name="inspect", about="one group of one step", config="inspect",
            settings="InspectSettings",
            function="sophia.cli.report:inspect_group",
        ),
        Command(
            name="infer", about="ask a policy a question", config="infer",
            settings="InferSettings",
            function="sophia.cli.infer:infer", of_a_run=True,
        ),
        Command(
            name="check", about="the data of a run, before it trains", config="check",
            settings="CheckSettings",
            function="sophia.cli.check:check_or_exit", model="tokenizer",
        ),
        Command(
            name="judge-check", about="is the judge there?", config="judge_check",
            settings="JudgeCheckSettings",
            function="sophia.cli.judge_check:judge_check_or_exit",
        ),
    )
}  # fmt: skip


def usage(typed: str) -> str:
    """The list of commands as text, and which one was probably meant by what was typed."""
    close = difflib.get_close_matches(typed, COMMANDS, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    known = "\n".join(f"  {command.name:12} {command.about}" for command in COMMANDS.values())
    return f"usage: python -m sophia COMMAND [key=value ...]{hint}\n{known}"
