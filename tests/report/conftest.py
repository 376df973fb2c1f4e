"""Fixtures of the pages, which are looked at in a browser."""

from tests.browser import one_browser

__all__ = ["one_browser"]
