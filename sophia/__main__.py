"""`python -m sophia COMMAND [key=value ...]`, or `sophia COMMAND ...`: all commands, one name."""

from __future__ import annotations

import sys

from sophia import __version__
from sophia.cli.commands import COMMANDS, usage, what_is_missing

_HELP = {"-h", "--help"}


def main() -> None:
    """Run the command that is named on the command line."""
    typed = sys.argv[1] if len(sys.argv) > 1 else ""
    if typed in ("--version", "-V", "version"):
        sys.stdout.write(f"sophia {__version__}\n")
        return
    if typed == "help":  # help COMMAND is COMMAND --help
        sys.argv[1:] = [*sys.argv[2:3], "--help"]
        typed = sys.argv[1]
    if typed not in COMMANDS:
        asked = typed in ("", *_HELP)
        (sys.stdout if asked else sys.stderr).write(usage(typed) + "\n")
        sys.exit(0 if asked else 2)
    if problem := what_is_missing():
        sys.stderr.write(problem + "\n")
        sys.exit(1)
    del sys.argv[1]
    if _HELP & set(sys.argv[1:]):
        from sophia.cli.help import help_text  # reads the configs

        sys.stdout.write(help_text(COMMANDS[typed]) + "\n")
        return

    from sophia.cli.start import run  # Hydra

    run(COMMANDS[typed])


if __name__ == "__main__":
    main()
