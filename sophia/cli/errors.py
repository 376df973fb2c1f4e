"""A user's mistake ends in one readable sentence with a remedy; ``debug=true`` shows where it was.

Hydra's own messages about a command line are said again in our words.
"""

from __future__ import annotations

import contextlib
import difflib
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from sophia.cli.thinking import no_judge_for
from sophia.failures import Interrupted, RunStopped

log = logging.getLogger(__name__)

_INTERRUPTED = 130  # 128 + SIGINT, as shells have it

_KEY = re.compile(r"Could not (?:override|delete from config\.?) '?([\w./@]+)'?")
_AMBIGUOUS = re.compile(r"Ambiguous value for argument '(.+?)'")


@contextlib.contextmanager
def readable_errors(*, debug: bool) -> Iterator[None]:
    """Turn ValueError, OSError and RunStopped into a message and exit status 1; Ctrl-C is 130."""
    try:
        yield
    except KeyboardInterrupt:
        if debug:
            raise
        log.error("interrupted.")
        sys.exit(_INTERRUPTED)
    except (ValueError, OSError, RunStopped) as error:
        if debug:
            raise
        if not logging.getLogger().handlers:  # Hydra has not come to set up any
            logging.basicConfig(format="%(message)s", stream=sys.stdout)
        interrupted = isinstance(error, Interrupted) or isinstance(error.__cause__, Interrupted)
        log.error("%s%s", "" if interrupted else "error: ", error)
        sys.exit(_INTERRUPTED if interrupted else 1)


def explained(
    error: HydraException | OmegaConfBaseException, *, configs: Path, config_name: str
) -> ValueError:
    """What Hydra says about a command line or a configuration, as a ValueError in our words."""
    text = str(error)
    if isinstance(error, OverrideParseException):
        return ValueError(
            f"{error.override!r} cannot be read; write key=value, and quote a value with spaces,"
            " commas or brackets: 'key=\"a, b\"'."
        )
    if isinstance(error, MissingConfigException) and error.missing_cfg_file and error.options:
        return ValueError(_no_such_choice(error.missing_cfg_file, list(error.options)))
    if match := _AMBIGUOUS.search(text):
        return ValueError(
            f"{match[1]} has several values; quote it to mean one value, or add -m for a sweep."
        )
    if match := _KEY.search(text):
        return ValueError(_no_such_key(match[1], configs, config_name))
    return ValueError(" ".join(line.strip() for line in text.splitlines() if line.strip()))


def _no_such_choice(missing: str, options: list[str]) -> str:
    group, _, name = missing.rpartition("/")
    close = difflib.get_close_matches(name, options, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"there is no {group} {name!r}; {hint}known are {', '.join(sorted(options))}."


def _no_such_key(key: str, configs: Path, config_name: str) -> str:
    with initialize_config_dir(version_base="1.3", config_dir=str(configs)):
        cfg = compose(config_name)
    plain = OmegaConf.to_container(cfg, resolve=False)
    groups = [path.name for path in configs.iterdir() if path.is_dir()]
    known = sorted({*_keys("", plain), *groups})
    if key in known:  # in the default choice of its group
        group = key.partition(".")[0]
        return str(no_judge_for(key)) if group == "annealing" else f"this {group} has no {key}."
    close = difflib.get_close_matches(key, known, n=1)
    siblings = [k for k in known if k.count(".") == key.count(".")]
    near = [k for k in siblings if k.rpartition(".")[0] == key.rpartition(".")[0]]
    hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(near or groups)}."
    return f"unknown key {key}; {hint}"


def _keys(path: str, node: Any) -> Iterator[str]:
    """Dotted names of all keys, groups of keys included."""
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        name = f"{path}.{key}" if path else str(key)
        yield name
        yield from _keys(name, value)
