"""A headless browser for pages that are files."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@contextmanager
def opened(path: Path, *, width: int = 1220) -> Iterator[Any]:
    """A Playwright page ``width`` pixels wide that shows the file.

    Every error and every request for more fails the test.
    """
    binary = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if binary is None:
        pytest.skip("no Chromium here; on Debian: apt-get install chromium")
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("playwright is not installed; pip install -e '.[dev]'")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=list(_QUIET))
        page = browser.new_page(viewport={"width": width, "height": 900})
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text))
        page.on("request", lambda request: _note_request(problems, path, request.url))
        page.goto(path.resolve().as_uri())
        yield page
        browser.close()
    assert not problems


def _note_request(problems: list[str], path: Path, url: str) -> None:
    if url != path.resolve().as_uri() and not url.startswith("data:"):
        problems.append(f"asked for {url}")
