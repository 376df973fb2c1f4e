"""Small pictures of a question's images for a page."""

from __future__ import annotations

from collections.abc import Sequence

from sophia.data.images.opening import ImageError, open_upright
from sophia.run.pictures import data_uri, media_file
from sophia.types import Media

_MAX_SIDE = 224  # pixels


def small_pictures(images: Sequence[Media]) -> tuple[str, ...]:
    """Each image upright as a ``data:`` URI; one that cannot be opened has no picture."""
    found = []
    for media in images:
        try:
            upright = Media(source=open_upright(media))
        except ImageError:  # images are the user's, and the record says what is wrong with it
            continue
        found.append(data_uri(media_file(upright, max_side=_MAX_SIDE)))
    return tuple(found)
