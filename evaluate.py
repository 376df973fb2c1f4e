"""`python evaluate.py ckpt=PATH [seed=N]`: a policy on held-out questions. See README.md."""

from sophia.cli.commands import VERBS

if __name__ == "__main__":
    VERBS["evaluate"].run()
