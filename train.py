"""`python train.py [experiment=NAME] [key=value ...]`: one run. See README.md."""

from sophia.cli.commands import VERBS

if __name__ == "__main__":
    VERBS["train"].run()
