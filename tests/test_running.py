"""docs/running.md: its commands compose and their sizes fit, and what it shows is what is said."""

from __future__ import annotations

import re
import shlex
from io import StringIO

import pytest
from omegaconf import DictConfig
from rich.console import Console

from sophia.cli.commands import COMMANDS
from sophia.cli.running.build import build
from sophia.cli.running.files import DATA_ON_THE_HUB
from sophia.cli.running.folder import step_table
from sophia.cli.running.plan import check_fits, disk_plan, disk_table, memory_plan, plan_table
from sophia.cli.running.processes import check_launcher, world_size
from sophia.cli.validation.settings import TrainSettings
from sophia.cli.validation.validate import validate
from sophia.measure.memory import GIB
from tests.commands import ROOT
from tests.composing import composed

PAGE = (ROOT / "docs" / "running.md").read_text()
SHAPE = ROOT / "tests" / "shapes" / "qwen2_5_vl_7b"


def commands() -> list[list[str]]:
    """The words of every command line in the page, lines that go on joined, comments left out."""
    own = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
    blocks = re.findall(r"(?:^    .*\n)+", own, re.MULTILINE)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.split(line.replace("$HEAD", "HEAD"), comments=True) for line in lines]


def after(words: list[str], *names: str) -> list[str] | None:
    """The words behind these neighbouring ones, or None."""
    for place in range(len(words)):
        if tuple(words[place : place + len(names)]) == names:
            return words[place + len(names) :]
    return None


def processes(words: list[str]) -> int:
    """How many processes torchrun starts; one without it."""
    said = dict(word[2:].split("=") for word in words if re.fullmatch(r"--n\S+=\d+", word))
    return int(said.get("nproc-per-node", 1)) * int(said.get("nnodes", 1))


STARTS = [words for words in commands() if after(words, "train.py") is not None]


def test_the_page_starts_runs_in_all_its_ways() -> None:
    assert sorted({processes(words) for words in STARTS}) == [1, 7, 8, 16]
    assert {words[0] for words in STARTS} == {"python", "torchrun", "srun"}


@pytest.mark.parametrize("words", STARTS, ids=" ".join)
def test_a_start_composes_and_its_sizes_divide(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = [w for w in after(words, "train.py") or [] if w != "-m" and "," not in w]
    cfg = composed(*[a for a in arguments if not a.startswith("hydra")])
    validate(cfg, TrainSettings)
    if "torchrun" in words:
        monkeypatch.setenv("WORLD_SIZE", str(processes(words)))
        cfg.trainer.devices = processes(words) // cfg.trainer.num_nodes
    else:
        monkeypatch.delenv("WORLD_SIZE", raising=False)
        cfg.trainer.devices = cfg.trainer.devices if cfg.trainer.devices != "auto" else 8
    step_table(cfg, world_size=world_size(cfg))
    check_launcher(cfg)


def test_every_other_command_is_one() -> None:
    for words in commands():
        told = after(words, "-m", "sophia")
        assert told is None or told[0] in COMMANDS


def planned() -> DictConfig:
    """The configuration of the page's plan, with the shape of the model instead of its id."""
    (told,) = [t for words in commands() if (t := after(words, "-m", "sophia", "plan"))]
    return composed(*told, f"model.path={SHAPE}", config="plan")


def test_the_plan_is_of_the_run_that_is_started() -> None:
    cfg = planned()
    (seven, _resumed) = [words for words in STARTS if processes(words) == cfg.num_devices]
    started = composed(*(after(seven, "train.py") or []))
    for key in ("prompts_per_step", "num_steps", "num_generations"):
        assert cfg[key] == started[key]
    assert cfg.prompts_per_step * cfg.num_steps >= 16 * 1500


def test_the_page_shows_what_the_plan_says() -> None:
    cfg = planned()
    loader, size = build(cfg, "model"), cfg.device_gib * GIB
    memory = memory_plan(cfg, loader, SHAPE, num_processes=cfg.num_devices, device_bytes=size)
    check_fits(memory, device_bytes=size)
    shown = PAGE.partition("<!-- test: the plan -->")[2].split("```")[1]
    for table in (
        step_table(cfg, world_size=cfg.num_devices),
        plan_table(memory, title=f"{cfg.name} on 7 x 80 GiB, per GPU; predicted"),
        disk_table(disk_plan(cfg, loader.empty(SHAPE), SHAPE)),
    ):
        console = Console(width=100, record=True, file=StringIO())
        console.print(table)
        for line in console.export_text().splitlines():
            assert line.rstrip() in shown


def test_what_is_downloaded_is_what_is_looked_for() -> None:
    downloads = [words[2:] for words in commands() if words[:2] == ["hf", "download"]]
    assert [composed("experiment=sophiavl_7b").model.path] in downloads
    name = DATA_ON_THE_HUB["SophiaVL-R1-130k"]
    folder = composed("experiment=sophiavl_7b").data.train.sources.image_root
    assert [name, "--repo-type", "dataset", "--local-dir", folder] in downloads
