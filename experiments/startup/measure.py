"""Processor seconds until a command has said what it has to say.

    python experiments/startup/measure.py LABEL [RUNS] [REPEATS]

LABEL names the code that is measured; rows are appended to results.csv. A row is the median of
REPEATS measurements. Where the working directory is a checkout, that one is measured.
"""

from __future__ import annotations

import csv
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
ROOT = Path.cwd()
COMMANDS = {
    "list of commands": ("-m", "sophia"),
    "--help": ("train.py", "--help"),
    "--cfg job": ("train.py", "--cfg", "job"),
    "misspelt group": ("train.py", "experiment=quikstart"),
    "misspelt key (Hydra sees it)": ("train.py", "nmu_steps=3"),
    "misspelt key (a signature)": ("train.py", "+algorithm.loss.betta=1"),
    "misspelt key (of a callback)": ("train.py", "+callbacks.checkpoint.evry_n_steps=1"),
    "misspelt key (of the Trainer)": ("train.py", "+trainer.devixes=2"),
    "hydra alone: import": ("-c", "import hydra"),
    "lightning alone: import": ("-c", "import lightning"),
}


def seconds(arguments: tuple[str, ...]) -> float:
    """Of one command, to its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def seconds_to_first_line() -> float:
    """Of a training run, until it has said which folder, model and settings it has."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-u", "train.py", f"run_dir={folder}/run"]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        line = process.stdout.readline()
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        process.kill()
        process.communicate()
    assert line.strip(), "the run said nothing"
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(label: str, runs: int = 3, repeats: int = 5) -> None:
    """Append a row per command, ``runs`` times over."""
    path = HERE / "results.csv"
    new = not path.is_file()
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(["code", "run", "command", "cpu_s"])
        for run in range(runs):
            for name, arguments in COMMANDS.items():
                value = median(seconds(arguments) for _ in range(repeats))
                writer.writerow([label, run, name, f"{value:.2f}"])
            value = median(seconds_to_first_line() for _ in range(repeats))
            writer.writerow([label, run, "first line of a run", f"{value:.2f}"])
            file.flush()


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
