"""`python train.py [experiment=NAME] [key=value ...]`: one run, with -m a sweep. See README.md."""

from __future__ import annotations

from omegaconf import DictConfig

from sophia.cli.start import start
from sophia.cli.validation.settings import TrainSettings
from sophia.cli.validation.validate import validate


def train(cfg: DictConfig) -> None:
    """One run: validate, build, evaluate, train, evaluate, show."""
    validate(cfg, TrainSettings)

    from sophia.cli.running.folder import opened_folder

    with opened_folder(cfg) as folder:
        # From here on torch, Lightning and transformers are needed: seconds that no typo waits for.
        from sophia.cli.running.results import show
        from sophia.cli.running.run import evaluate, fit, opened_run, save_policy

        with opened_run(cfg, folder) as run:
            before = evaluate(run, "before")
            fit(run)
            save_policy(run)
            after = evaluate(run, "after")
        show(run, before, after)


if __name__ == "__main__":
    start("train", train)
