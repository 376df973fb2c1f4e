"""A headless browser for pages that are files."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


_kept: list[Any] = []


@pytest.fixture(scope="module")
def one_browser() -> Iterator[None]:
    """Show all pages of a module in one browser, for starting one takes longer than a page.

    Not for a module that runs coroutines: Playwright's own loop runs until the module is over.
    """
    if _missing():
        yield
        return
    with _browser() as browser:
        _kept.append(browser)
        yield
        _kept.clear()


@contextmanager
def opened(path: Path, *, width: int = 1220) -> Iterator[Any]:
    """A Playwright page ``width`` pixels wide that shows the file.

    Every error and every request for more fails the test.
    """
    if missing := _missing():
        pytest.skip(missing)
    with nullcontext(_kept[0]) if _kept else _browser() as browser:
        page = browser.new_page(viewport={"width": width, "height": 900})
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text))
        page.on("request", lambda request: _note_request(problems, path, request.url))
        page.goto(path.resolve().as_uri())
        try:
            yield page
        finally:
            page.close()
    assert not problems


def _missing() -> str:
    """What is not here, with how to get it; nothing where all is."""
    if _binary() is None:
        return "no Chromium here; on Debian: apt-get install chromium"
    if importlib.util.find_spec("playwright") is None:
        return "playwright is not installed; pip install -e '.[dev]'"
    return ""


def _binary() -> str | None:
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


@contextmanager
def _browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_binary(), args=list(_QUIET))
        try:
            yield browser
        finally:
            browser.close()


def _note_request(problems: list[str], path: Path, url: str) -> None:
    if url != path.resolve().as_uri() and not url.startswith("data:"):
        problems.append(f"asked for {url}")
