"""Hands on the text of a completion while it is generated."""

from __future__ import annotations

from collections.abc import Callable, Sequence

_UNFINISHED = "�"  # what a decoder makes of the first bytes of a character


class TextStreamer:
    """Turns tokens, given one after the other, into pieces of text.

    Args:
        decode: turns token ids into text without special tokens.
        show: is given each new piece of text; a character comes when all its bytes are there.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str], show: Callable[[str], None]) -> None:
        self._decode = decode
        self._show = show
        self._tokens: list[int] = []
        self._shown = 0

    def put(self, token: int) -> None:
        """Take the next token, and show the text that it completes."""
        self._tokens.append(token)
        text = self._decode(self._tokens)
        if not text.endswith(_UNFINISHED):
            self._emit(text)

    def end(self) -> None:
        """Show whatever is left, finished characters or not."""
        self._emit(self._decode(self._tokens))

    def _emit(self, text: str) -> None:
        if len(text) > self._shown:
            self._show(text[self._shown :])
            self._shown = len(text)
