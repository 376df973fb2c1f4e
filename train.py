"""`python train.py [experiment=NAME] [key=value ...]`: one run. See README.md."""

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from sophia.cli.errors import readable_errors
from sophia.cli.train import train


@hydra.main(version_base="1.3", config_path="configs", config_name="train")
def main(cfg: DictConfig) -> None:
    """Train, with user errors as one sentence."""
    with readable_errors(debug=cfg.debug):
        train(cfg, overrides=list(HydraConfig.get().overrides.task))


if __name__ == "__main__":
    main()
