"""What is wrong with a run at the last step in its folder: finished, killed or still going on."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from sophia.measure.health import Finding, Limits, findings
from sophia.run.folder import RunFolder
from sophia.run.metrics_file import read_metrics

log = logging.getLogger(__name__)


def run_findings(folder: RunFolder) -> list[Finding]:
    """The conditions that hold, by the run's metrics and the limits in its settings.

    Empty for a run without such limits (``callbacks.health`` is null).
    """
    limits = _limits(_settings(folder.config))
    if limits is None:
        return []
    rows = read_metrics(folder.metrics)[-limits.most_steps :]
    return findings([{name: float(value) for name, value in row.items()} for row in rows], limits)


def _settings(path: Path) -> Any:
    """The settings as plain values; nothing of a file that was written by another hand."""
    try:
        return yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:  # the rest of the page is there all the same
        log.warning("%s is no YAML, so limits of health are the defaults: %s", path, error)
        return None


def _limits(settings: Any) -> Limits | None:
    """Those of the settings; by default where they say nothing of them."""
    node = settings
    for key in ("callbacks", "health"):
        if not isinstance(node, Mapping) or key not in node:
            return Limits()
        node = node[key]
    if node is None:
        return None
    limits = node.get("limits") if isinstance(node, Mapping) else None
    return Limits.of(limits) if isinstance(limits, Mapping) else Limits()
