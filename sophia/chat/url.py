"""Addresses of OpenAI-compatible servers."""

from __future__ import annotations

from urllib.parse import urlsplit

_ENDPOINT = "/chat/completions"
_EXPECTED = "expected http(s)://HOST:PORT/v1, with or without /chat/completions at its end"


def base_url(url: str, *, name: str) -> str:
    """The ``.../v1`` base of a server given as host, base or full chat-completions address.

    A bare host gets ``/v1``; a path that is neither empty nor the endpoint is kept as it is, since
    gateways serve under paths of their own. ``name`` is the node of settings that it stands in.

    Raises:
        ValueError: it is no http address, or holds a user name, a password or a query.
    """
    parts = urlsplit(url.strip())
    if parts.username or parts.password:  # the address appears in logs; do not repeat it here
        raise ValueError(
            f"the {name}'s address carries a user name or password; {_EXPECTED}."
            f" Give the key as {name}.api_key (OPENAI_API_KEY) instead."
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"the {name}'s address is {url!r}; {_EXPECTED}. Set {name}.url.")
    if parts.query or parts.fragment:
        raise ValueError(
            f"the {name}'s address {parts.scheme}://{parts.netloc}{parts.path} goes on after the"
            f" path; {_EXPECTED}. Set {name}.url without it."
        )
    path = parts.path.rstrip("/").removesuffix(_ENDPOINT) or "/v1"
    return f"{parts.scheme}://{parts.netloc}{path}"
