"""A run's settings as they may leave this machine: no secret, no address, no local path in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from sophia.cli.command_line.arguments import PLACED
from sophia.cli.commands import CONFIGS
from sophia.run.later import with_later

SETTINGS_FILE = "sophia.yaml"
"""The file of an exported folder with the settings that its questions are asked by."""

ASKED = ("data", "template", "prompt_limits", "reward", "judge", "evaluation")
"""The groups that decide how a policy is asked and graded."""

LENGTH = "sampling.max_new_tokens"

_LEFT_OUT = "(left out)"
_OF_THE_MACHINE = ("cache_dir", "logger")
_SECRET = re.compile(
    r"(^|_)(key|token|secret|password|passwd|credentials?|authorization)$", re.IGNORECASE
)
_SECRET_VALUE = re.compile(r"^(hf_|sk-|wandb_|ghp_)\w{8,}")
_ADDRESS = re.compile(r"^\w+://")
_WHOLE_PATH = re.compile(r"^(~|/|[A-Za-z]:[\\/])")
_PATH = re.compile(r"(?<![\w./<])~?(?:/[\w.+@-]+)+")
_RESOLVER = re.compile(r"\$\{[^}]*:")
_HTTP_JUDGE = "sophia.rewards.judge.http.HTTPJudge"
_OWN_OF_A_JUDGE = ("url", "api_key", "cache_path", "model")


def portable(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run, interpolations as they were written, for others to read.

    Secrets, addresses and what comes from the environment are left out, of local paths the last
    part stays, and settings about this machine alone are gone. A template is text, and stays.
    """
    return {
        key: value if key == "template" else _portable(key, value)
        for key, value in settings.items()
        if key not in _OF_THE_MACHINE
    }


def _portable(key: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _portable(str(name), member) for name, member in value.items()}
    if isinstance(value, list):
        return [_portable(key, member) for member in value]
    if not isinstance(value, str) or not value:
        return value
    if _SECRET.search(key) or _SECRET_VALUE.match(value) or _ADDRESS.match(value):
        return _LEFT_OUT
    if _RESOLVER.search(value):
        return _LEFT_OUT
    if _WHOLE_PATH.match(value):
        return ".../" + re.split(r"[\\/]", value.rstrip("\\/"))[-1]
    return _PATH.sub(lambda match: ".../" + match[0].rpartition("/")[2], value)


def settings_to_share(settings: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What others need to ask a policy as its run did, and the names of groups that cannot go.

    A group stays behind when it names files of this machine or classes that sophia does not ship,
    since nobody else could use it. Rewards of a user's own take no part in an evaluation. A judge
    goes without its address: whoever evaluates has one of their own.
    """
    shared, behind = {}, []
    for name in ASKED:
        if name not in settings:
            continue
        group = _without_own(name, settings[name])
        if portable({name: group}) == {name: group} and _problem(name, group) is None:
            shared[name] = group
        else:
            behind.append(name)
    length = (settings.get("sampling") or {}).get("max_new_tokens")
    if length is not None:
        shared["sampling"] = {"max_new_tokens": length}
    return shared, tuple(behind)


def _without_own(name: str, group: Any) -> Any:
    if not isinstance(group, Mapping):
        return group
    if name == "reward":
        return {**group, "extra": {}}
    if name == "judge" and group.get("_target_") == _HTTP_JUDGE:
        plain = {key: value for key, value in group.items() if key not in _OWN_OF_A_JUDGE}
        model = group.get("model")
        kept = isinstance(model, str) and portable({"model": model}) == {"model": model}
        return {**plain, "model": model} if kept else plain
    return dict(group)


def shared_settings(path: Path) -> dict[str, Any]:
    """The settings that an exported folder brings, safe to be used: they may come from a stranger.

    A judge's address and key are those of whoever asks.

    Raises:
        ValueError: the file cannot be read; or it names a class that no shipped configuration
            names, a file outside of the folder, an address, or something of the environment.
    """
    try:
        read = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    except (OmegaConfBaseException, ValueError, OSError) as error:
        raise ValueError(f"{path} cannot be read ({error}); delete it to do without.") from error
    settings = with_later({str(k): v for k, v in read.items()}) if isinstance(read, dict) else {}
    groups = {name: settings[name] for name in ASKED if name in settings}
    for name, group in groups.items():
        problem = _problem(name, group)
        if problem is None and portable({name: group}) != {name: group}:
            problem = "names a path, an address or the environment of some machine"
        if problem is not None:
            raise ValueError(
                f"{path}: {name} {problem}, which an exported folder may not do. If you trust where"
                " it comes from, say these settings on the command line and delete the file."
            )
    judge = groups.get("judge")
    if isinstance(judge, dict) and judge.get("_target_") == _HTTP_JUDGE:
        groups["judge"] = {**_shipped_http_judge(), **judge}
    length = (settings.get("sampling") or {}).get("max_new_tokens")
    return groups if not isinstance(length, int) else {**groups, LENGTH: length}


def _shipped_http_judge() -> dict[str, Any]:
    shipped = OmegaConf.to_container(OmegaConf.load(CONFIGS / "judge" / "http.yaml"), resolve=False)
    assert isinstance(shipped, dict)
    return {str(key): shipped[key] for key in _OWN_OF_A_JUDGE}


def _problem(name: str, group: Any) -> str | None:
    """What a group of shared settings holds that could run or read what it should not."""
    if isinstance(group, Mapping) and "defaults" in group:
        return "has a list of defaults"
    known = _shipped_targets(name)
    for key, value in _members(group):
        if key == "_target_":
            if value not in known:
                return f"is built by {value!r}, which is not sophia's"
        elif key.startswith("_"):
            return f"has a key {key!r}"
        elif isinstance(value, str) and _RESOLVER.search(value):
            return f"has {value!r}"
        elif isinstance(value, str) and name != "template" and ".." in Path(value).parts:
            return f"names {value!r}"
    return None


def _shipped_targets(name: str) -> set[str]:
    """The classes that the shipped configurations of a group name."""
    groups = [name, *(group for group, node in PLACED.items() if node.startswith(f"{name}."))]
    files = (file for group in groups for file in (CONFIGS / group).rglob("*.yaml"))
    nodes = (OmegaConf.to_container(OmegaConf.load(file), resolve=False) for file in files)
    return {value for node in nodes for key, value in _members(node) if key == "_target_"}


def _members(node: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Every (key, value) anywhere in a node, groups too; members of a list have the list's key."""
    if isinstance(node, Mapping):
        for name, value in node.items():
            yield str(name), value
            yield from _members(value, str(name))
    elif isinstance(node, list):
        for value in node:
            yield key, value
            yield from _members(value, key)
