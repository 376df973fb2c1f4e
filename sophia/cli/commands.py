"""The commands by name, with all that their help says.

Imports the standard library alone: the list of them must be there at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sophia.cli.command_line.suggestions import nearest

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command, `python -m sophia NAME`.

    Args:
        name: what is typed.
        about: what it does, in a line of the list of commands.
        does: what it does, in two or three sentences of its help.
        required: the root keys that must be given.
        examples: what is typed behind the name, and what that is for.
        also: words of other programs for it, which a mistyped name is compared with.
        config: the file of configs/ that its configuration is composed from.
        settings: the dataclass of ``sophia.cli.validation.settings`` that names its root keys.
        script: the script at the top level of the project that is this command; None without one.
        function: the function that takes the configuration, as ``module:name``, where no script is.
        sweeps: whether -m runs it once for each of several values.
        model: how much of ``model.path`` must be there before the function is imported, as
            ``sophia.models.hub`` names it; None: it looks itself, or needs none.
        of_a_run: whether settings of the run that ``ckpt`` lies in are its defaults.
    """

    name: str
    about: str
    does: str
    required: tuple[str, ...] = ()
    examples: tuple[tuple[str, str], ...]
    also: tuple[str, ...]
    config: str
    settings: str
    script: Path | None = None
    function: str = ""
    model: Literal["config", "tokenizer"] | None = None
    sweeps: bool = False
    of_a_run: bool = False

    @property
    def called(self) -> str:
        """How it is called from the project's top level, without its arguments."""
        return f"python {self.script.name}" if self.script else f"python -m sophia {self.name}"


COMMANDS = {
    command.name: command
    for command in (
        Command(
            name="train", about="one run, or a sweep",
            does="Builds the model, evaluates it, trains it with GRPO or Trust-GRPO, evaluates it"
            " again and shows both side by side. A run is its folder: metrics, checkpoints, the"
            " policy and report.html are in it. With -m and several values for a key it is a sweep,"
            " one run after the other and one table.",
            examples=(
                ("experiment=mine data=example model.path=MODEL", "rows and a model of your own"),
                ("num_steps=100 run_dir=runs/a resume=true", "go on where it stopped"),
                ("-m annealing=exponential,constant seed=0,1", "a sweep of four runs"),
            ),
            also=("fit", "run", "learn", "grpo", "rl", "finetune", "tune", "sft", "start"),
            config="train", settings="TrainSettings",
            script=ROOT / "train.py", sweeps=True,
        ),
        Command(
            name="evaluate", about="a policy on held-out questions",
            does="Asks one or several policies the held-out questions and grades the answers:"
            " accuracy with its interval, by type of question, and the thinking where a judge is"
            " chosen; evaluation.extract=lenient adds the accuracy of answers with and without"
            " tags. benchmark=[...] asks the field's benchmarks instead, with the paper's numbers"
            " beside ours. Data, template, length of answers, rules and judge are those of the run."
            " The same call again goes on where it stopped.",
            required=("ckpt",),
            examples=(
                ("ckpt=outputs/quickstart/RUN", "the last policy of a run"),
                ("'ckpt=[runs/a,runs/b]' seed=1", "two runs side by side, other questions"),
                ("ckpt=runs/a 'benchmark=[mmstar,mme]' blind=true", "benchmarks, from your files"),
            ),
            also=("eval", "test", "val", "score", "benchmark", "bench", "measure"),
            config="evaluate", settings="EvaluateSettings",
            script=ROOT / "evaluate.py", of_a_run=True,
        ),
        Command(
            name="export", about="a checkpoint, in Hugging Face format",
            does="Writes a checkpoint of a run as a folder that from_pretrained and vLLM load, with"
            " a model card, and uploads it where push= says. Adapters are merged into the weights.",
            required=("ckpt", "out"),
            examples=(
                ("ckpt=runs/a out=exported", "the last checkpoint of a run"),
                ("ckpt=runs/a/checkpoints/step_000100.ckpt out=exported", "a certain one"),
                ("ckpt=runs/a out=exported push=USER/NAME", "and on to the Hugging Face Hub"),
            ),
            also=("convert", "merge", "save", "upload", "push", "publish", "merge-and-unload"),
            config="export", settings="ExportSettings",
            function="sophia.cli.verbs.export:export",
        ),
        Command(
            name="plan", about="the memory and the disk of a run",
            does="Says whether a run fits on a machine: the memory of each GPU, part by part, and"
            " the disk. It takes every key of train, needs no GPU and loads no weights.",
            examples=(
                ("experiment=sophiavl_7b", "on eight GPUs of 80 GB"),
                ("experiment=sophiavl_3b num_devices=4 device_gib=40", "on four of 40 GB"),
                ("experiment=sophiavl_7b_lora num_devices=1", "adapters, on one"),
            ),
            also=("estimate", "memory", "fits", "size", "dry-run", "budget"),
            config="plan", settings="PlanSettings",
            function="sophia.cli.verbs.plan:plan", model="config",
        ),
        Command(
            name="report", about="write the page of a run",
            does="Writes report.html in the folder of a run: curves, questions with their answers,"
            " and what the run was. It works while the run goes on and after it, and the page needs"
            " no server.",
            required=("run_dir",),
            examples=(
                ("run_dir=outputs/quickstart/RUN", "of one run"),
                ("run_dir=runs/a", "of a run in a folder that you named"),
                ("run_dir=runs/a debug=true", "and where an error came up, if there is one"),
            ),
            also=("ui", "show", "page", "dashboard", "view", "plot", "html", "curves", "visualize"),
            config="report", settings="ReportSettings",
            function="sophia.cli.verbs.report:report",
        ),
        Command(
            name="inspect", about="one group of one step",
            does="Prints one group of one step as it was: the question, every answer with the parts"
            " of its reward, gamma and the advantages. Without a step it lists those that it has.",
            required=("run_dir",),
            examples=(
                ("run_dir=outputs/quickstart/RUN", "which steps are kept"),
                ("run_dir=runs/a step=120", "the first group of that step"),
                ("run_dir=runs/a step=120 group=3", "its fourth"),
            ),
            also=("group", "rollouts", "samples", "completions", "look", "cat", "trace"),
            config="inspect", settings="InspectSettings",
            function="sophia.cli.verbs.report:inspect_group",
        ),
        Command(
            name="infer", about="ask a policy a question",
            does="Asks a policy a question, with or without an image, and prints its answer. With"
            " the right answer it is graded, and with judge=http its thinking is scored. question=-"
            " reads many questions from standard input.",
            required=("ckpt", "question"),
            examples=(
                ("ckpt=runs/a image=cat.png question='How many cats?'", "one question"),
                ("ckpt=runs/a image=cat.png question='How many cats?' answer=2", "graded"),
                ("ckpt=runs/a image=photos question='How many cats?'", "of each image in a folder"),
            ),
            also=("predict", "chat", "generate", "ask", "inference", "sample", "query", "serve"),
            config="infer", settings="InferSettings",
            function="sophia.cli.verbs.infer:infer", of_a_run=True,
        ),
        Command(
            name="check", about="the data of a run, before it trains",
            does="Goes through the data of a run once: rows that cannot be read, images that are"
            " missing, answers that no rule can grade, prompts that are too long. It takes every"
            " key of train, so the very same settings are checked, and writes the refused rows to"
            " a file.",
            examples=(
                ("experiment=mine data=example model.path=MODEL", "rows of your own"),
                ("experiment=sophiavl_7b", "the data of a recipe"),
                ("experiment=sophiavl_7b decode_images=true", "and open every image"),
            ),
            also=("validate", "lint", "data", "inspect-data", "preprocess", "doctor", "verify"),
            config="check", settings="CheckSettings",
            function="sophia.cli.verbs.check:check_or_exit", model="tokenizer",
        ),
        Command(
            name="overlap", about="training rows that are in a benchmark",
            does="Looks for the questions and images of benchmarks among the training rows of a"
            " run, near duplicates included: images that were cropped, resized or saved again,"
            " questions in slightly other words. It writes a list of all pairs, a page that shows"
            " them side by side, and the rows to leave out for data.train.exclude. No model and no"
            " GPU is needed, and a second call does not open an image again.",
            examples=(
                ("data=sophiavl_130k benchmark=[mathvista,mmmu]", "the data of the paper"),
                ("experiment=mine data=example benchmark=[mmstar]", "rows of your own"),
                (
                    "data=math12k benchmark=[math500] exclude=[question,text]",
                    "text alone; rows that only share an image stay in",
                ),
            ),
            also=("contamination", "leakage", "dedup", "deduplicate", "decontaminate", "leak"),
            config="overlap", settings="OverlapSettings",
            function="sophia.cli.verbs.overlap:overlap",
        ),
        Command(
            name="judge-check", about="is the judge there?",
            does="Asks the judge's server for two scores, one of good and one of bad reasoning, and"
            " says whether it answers, whether it can tell them apart, and how long it takes."
            " Ends with status 1 where it is not fit.",
            examples=(
                ("", "the judge that the environment names"),
                ("judge.url=http://gpu7:8000/v1 judge.model=mine", "a certain one"),
                ("judge_prompt=release", "asked as the authors' judge was trained"),
            ),
            also=("ping", "judge", "check-judge", "reward-model", "judge_check"),
            config="judge_check", settings="JudgeCheckSettings",
            function="sophia.cli.verbs.judge_check:judge_check_or_exit",
        ),
    )
}  # fmt: skip


def usage(typed: str) -> str:
    """The list of commands as text, and which one was probably meant by what was typed."""
    words = {word: command.name for command in COMMANDS.values() for word in command.also}
    meant = words.get(typed.lower()) or nearest(typed, COMMANDS) or words.get(nearest(typed, words))
    hint = f" Did you mean {meant!r}?" if meant else ""
    known = "\n".join(f"  {command.name:12} {command.about}" for command in COMMANDS.values())
    return (
        f"usage: python -m sophia COMMAND [key=value ...]{hint}\n{known}\n"
        "python -m sophia COMMAND --help   says what it does, with examples and all keys"
    )


def what_is_missing() -> str:
    """What to do where configs/ does not lie beside the package; empty where it does."""
    if CONFIGS.is_dir():
        return ""
    return (
        f"error: the commands need configs/, train.py and evaluate.py, which are not in {ROOT}:"
        " this copy of sophia was installed without them. Clone the repository and install it with"
        " `pip install -e .` there; `import sophia` works as it is (docs/library.md)."
    )
