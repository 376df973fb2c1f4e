"""What is said at the end of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from sophia.cli.running.results import links, tensorboard_command
from sophia.cli.verbs.evaluation import Policy, names_of
from sophia.run.folder import RunFolder
from sophia.run.loggers import TensorBoard
from tests.short_run import RowsLogger


class OnTheWeb(RowsLogger):
    """A logger with a page on the web, unless it is offline."""

    def __init__(self, link: str | None) -> None:
        super().__init__()
        self.link = link


def test_only_what_was_sent_has_a_link(tmp_path: Path) -> None:
    board = TensorBoard(run_dir=tmp_path, start_step=0)
    assert links([board, OnTheWeb(None), OnTheWeb("https://x/1")]) == ["https://x/1"]


@pytest.mark.parametrize(
    ("folder", "command"),
    [
        ("a", "tensorboard --logdir_spec mine/a:{path}"),
        ("lr-0.1,0.2", "tensorboard --logdir {path}"),
    ],
)
def test_tensorboard_is_told_the_runs_name(folder: str, command: str, tmp_path: Path) -> None:
    path = tmp_path / folder
    path.mkdir()
    (path / "config.yaml").write_text("name: mine\n")
    assert tensorboard_command(RunFolder(path=path)) == command.format(path=path)


def test_policies_of_one_run_name_it_once(tmp_path: Path) -> None:
    run = tmp_path / "a"
    (run / "model").mkdir(parents=True)
    (run / "config.yaml").write_text("name: mine\n")

    def policy(ckpt: Path) -> Policy:
        return Policy(label=ckpt.name, ckpt=str(ckpt), folder=ckpt, prompts=[], digest="")

    policies = [policy(run), policy(run / "best" / "step_000001.ckpt"), policy(tmp_path / "hub")]
    assert names_of(policies) == "mine/a, hub"
