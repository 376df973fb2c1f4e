"""What a command can be told: what it does, with examples, its groups with choices, and its keys.

Hydra's own help prints the whole composition and takes twice as long as composing it. Here the
files of configs/ are read: a key means what the comment behind it says.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from omegaconf import OmegaConf

from sophia.cli.commands import COMMANDS, CONFIGS, Command

_HYDRAS_OWN = "hydra"
_WIDTH = 100
_KEY = re.compile(r"(?P<key>\w+):(?P<value>[^#]*)(?:# (?P<meaning>.*))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class RootKey:
    """A key at the top of a command's configuration.

    Args:
        name: the key.
        value: what it is unless something else is said, as the file has it; "" for a block.
        meaning: the comment behind it.
        below: the keys of the block that it is.
    """

    name: str
    value: str
    meaning: str
    below: tuple[str, ...]

    @property
    def about(self) -> str:
        """Its meaning, and its value or the keys below it."""
        value = ", ".join(self.below) if self.below else self.value
        return f"{self.meaning} [{value}]" if value not in ("", "null") else self.meaning


def help_text(command: Command) -> str:
    """How it is called, what it does, examples, groups with all choices, and its root keys."""
    defaults = dict(_defaults(command.config))
    groups = {
        name: _choices(name, chosen)
        for name, chosen in defaults.items()
        if not isinstance(chosen, list)
    }
    keys = {key.name: key.about for key in root_keys(command.config) if key.name not in defaults}
    required = [f"{key}=..." for key in command.required]
    parts = [
        f"{' '.join([command.called, *required])} [GROUP=CHOICE ...] [KEY=VALUE ...]:"
        f" {command.about}",
        textwrap.fill(command.does, _WIDTH),
        f"required: {', '.join(command.required) or 'nothing'}",
        "examples:\n" + _examples(command),
    ]
    if groups:
        parts.append("groups, the default first:\n" + _table(groups))
    for name in defaults.keys() - groups.keys():
        about = _abouts(name)
        parts.append(
            f"none or several of a group, such as {name}=[{','.join(list(about)[:2])}]:\n"
            + _table(about)
        )
    parts.append(
        "keys, with what they are unless you or an experiment say otherwise:\n" + _table(keys)
    )
    parts.append(
        f"{command.called} --cfg job   prints every key with its value\n"
        f"{command.called} --hydra-help   is about flags such as --cfg and -m"
    )
    return "\n\n".join(parts)


def root_keys(config: str) -> list[RootKey]:
    """The keys at the top of a file of configs/ and of the commands' files that it begins with."""
    found, own = {}, _load(config)
    for entry in own.get("defaults", []):
        if isinstance(entry, str) and entry in COMMANDS:  # check and plan begin with a run's
            found.update({key.name: key for key in root_keys(entry)})
    for line in (CONFIGS / f"{config}.yaml").read_text().splitlines():
        match = _KEY.fullmatch(line)
        if match is None or match["key"] in ("defaults", _HYDRAS_OWN):
            continue
        name, node = match["key"], own[match["key"]]
        below = [str(k) for k in node if k != "_target_"] if isinstance(node, dict) else []
        value, meaning = match["value"].strip(), (match["meaning"] or "").strip()
        found[name] = RootKey(name=name, value=value, meaning=meaning, below=tuple(below))
    return list(found.values())


def _examples(command: Command) -> str:
    lines = [(f"{command.called} {typed}".rstrip(), about) for typed, about in command.examples]
    return "\n".join(f"  {line}\n      {about}" for line, about in lines)


def _table(rows: dict[str, str]) -> str:
    """Two columns, the second wrapped."""
    width = max(map(len, rows))
    return "\n".join(
        textwrap.fill(
            text, _WIDTH, initial_indent=f"  {name:{width}}  ", subsequent_indent=" " * (width + 4),
            break_long_words=False, break_on_hyphens=False,
        )
        if text else f"  {name}"
        for name, text in rows.items()
    )  # fmt: skip


def _defaults(config: str) -> Iterator[tuple[str, Any]]:
    """The groups of a command, each with its default choice, or a list of choices."""
    for entry in _load(config).get("defaults", []):
        if isinstance(entry, str):
            if entry in COMMANDS:
                yield from _defaults(entry)
            continue
        (name, chosen), *_ = entry.items()
        if _HYDRAS_OWN not in name:
            yield name, chosen


def _choices(group: str, chosen: Any) -> str:
    """The names of all choices, the default first."""
    default = "null" if chosen is None else str(chosen)
    found = {path.stem for path in (CONFIGS / group).glob("*.yaml")} | {default}
    return ", ".join(sorted(found, key=lambda name: (name != default, name)))


def _abouts(group: str) -> dict[str, str]:
    """What the first comment of each choice says of it."""
    files = sorted((CONFIGS / group).glob("*.yaml"))
    return {path.stem: _first_comment(path.read_text()) for path in files}


def _first_comment(text: str) -> str:
    comments = [line.removeprefix("# ") for line in text.splitlines() if line.startswith("# ")]
    return next((line for line in comments if not line.startswith("@")), "")


def _load(config: str) -> dict[str, Any]:
    loaded = OmegaConf.to_container(OmegaConf.load(CONFIGS / f"{config}.yaml"))
    assert isinstance(loaded, dict)
    return {str(key): value for key, value in loaded.items()}
