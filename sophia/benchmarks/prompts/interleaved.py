"""Images where the question speaks of them (MMMU, MMMU-Pro)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sophia.benchmarks.item import Item, ItemPrompt
from sophia.types import Media

_PLACE = re.compile(r"<image (\d)>")


@dataclass(frozen=True, slots=True, kw_only=True)
class InterleavedPrompt:
    """Another prompt with the N-th image in the place of every ``<image N>``.

    As in VLMEvalKit, an image that nothing speaks of is not shown where another one is spoken of;
    without any ``<image N>`` all stand first. A number without an image stays as text.
    """

    text: ItemPrompt

    def __call__(self, item: Item) -> tuple[str | Media, ...]:
        parts = self.text(item)
        text = "".join(part for part in parts if isinstance(part, str))
        if not _PLACE.search(text):
            return parts
        pieces: list[str | Media] = []
        begin = 0
        for match in _PLACE.finditer(text):
            place = int(match[1]) - 1
            if 0 <= place < len(item.images):
                pieces += [text[begin : match.start()], item.images[place]]
                begin = match.end()
        return tuple(piece for piece in (*pieces, text[begin:]) if piece != "")
