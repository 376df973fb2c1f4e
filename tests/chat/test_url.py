"""Addresses of a server in every form that users have them in."""

from __future__ import annotations

import pytest

from sophia.chat.url import base_url


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/v1"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000/v1"),
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
        (" http://127.0.0.1:8000/v1/ ", "http://127.0.0.1:8000/v1"),
        ("http://127.0.0.1:8000/v1/chat/completions", "http://127.0.0.1:8000/v1"),
        ("http://127.0.0.1:8000/v1/chat/completions/", "http://127.0.0.1:8000/v1"),
        ("https://gateway.example/judges/a/v1", "https://gateway.example/judges/a/v1"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
    ],
)
def test_base(given: str, base: str) -> None:
    assert base_url(given, name="judge") == base


@pytest.mark.parametrize("given", ["", "localhost:8000/v1", "127.0.0.1", "ftp://a/v1", "http://"])
def test_no_address(given: str) -> None:
    with pytest.raises(ValueError, match="expected http"):
        base_url(given, name="judge")


@pytest.mark.parametrize("given", ["http://me:hunter2@a/v1", "http://a/v1?api_key=hunter2"])
def test_secrets_in_the_address_are_refused_and_not_repeated(given: str) -> None:
    with pytest.raises(ValueError, match="expected http") as refused:
        base_url(given, name="judge")
    assert "hunter2" not in str(refused.value)
