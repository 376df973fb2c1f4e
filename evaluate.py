"""`python evaluate.py ckpt=PATH [seed=N]`: policies on held-out questions. See README.md."""

from __future__ import annotations

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from sophia.cli.start import start
from sophia.cli.validation.inert import refuse_inert
from sophia.cli.validation.settings import EvaluateSettings
from sophia.cli.validation.validate import validate


def evaluate(cfg: DictConfig) -> None:
    """One evaluation: validate, find the policies, ask each of them, show them side by side."""
    validate(cfg, EvaluateSettings)
    refuse_inert(cfg, HydraConfig.get().overrides.task)

    if cfg.benchmarks:
        from sophia.cli.verbs.benchmarking import evaluate_benchmarks

        evaluate_benchmarks(cfg)
        return

    from sophia.cli.verbs.evaluation import answer, find_policies, output_folder, show

    policies = find_policies(cfg)
    output = output_folder(cfg, policies)
    records = [answer(cfg, policy, output) for policy in policies]
    show(cfg, output, policies, records)


if __name__ == "__main__":
    start("evaluate", evaluate)
