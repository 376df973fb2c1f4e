"""The base address that the client wants, from whatever form of it a user has at hand."""

from __future__ import annotations

from urllib.parse import urlsplit

_ENDPOINT = "/chat/completions"
_EXPECTED = "expected http(s)://HOST:PORT/v1, with or without /chat/completions at its end"


def base_url(url: str) -> str:
    """The ``.../v1`` base of a server given as host, base or full chat-completions address.

    A bare host gets ``/v1``; a path that is neither empty nor the endpoint is kept as it is, since
    gateways serve under paths of their own.
    """
    parts = urlsplit(url.strip())
    if parts.username or parts.password:  # the address appears in logs; do not repeat it here
        raise ValueError(
            f"the judge's address carries a user name or password; {_EXPECTED}."
            " Give the key as judge.api_key (OPENAI_API_KEY) instead."
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"the judge's address is {url!r}; {_EXPECTED}. Set judge.url.")
    if parts.query or parts.fragment:
        raise ValueError(
            f"the judge's address {parts.scheme}://{parts.netloc}{parts.path} goes on after the"
            f" path; {_EXPECTED}. Set judge.url without it."
        )
    path = parts.path.rstrip("/").removesuffix(_ENDPOINT) or "/v1"
    return f"{parts.scheme}://{parts.netloc}{path}"
