"""`python -m sophia VERB [key=value ...]`: every command under one name."""

from __future__ import annotations

import logging
import sys

from sophia.cli.commands import VERBS, usage


def main() -> None:
    """Run the verb that the command line names."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    verb = sys.argv[1] if len(sys.argv) > 1 else ""
    if verb not in VERBS:
        logging.getLogger(__name__).error("%s", usage(verb))
        sys.exit(2)
    del sys.argv[1]
    VERBS[verb].run()


if __name__ == "__main__":
    main()
