"""`python -m sophia COMMAND [key=value ...]`: every command under one name."""

from __future__ import annotations

import sys

from sophia.cli.commands import COMMANDS, usage


def main() -> None:
    """Run the command that is named on the command line."""
    typed = sys.argv[1] if len(sys.argv) > 1 else ""
    if typed not in COMMANDS:
        asked = typed in ("", "-h", "--help")
        (sys.stdout if asked else sys.stderr).write(usage(typed) + "\n")
        sys.exit(0 if asked else 2)
    del sys.argv[1]

    from sophia.cli.start import run  # Hydra

    run(COMMANDS[typed])


if __name__ == "__main__":
    main()
