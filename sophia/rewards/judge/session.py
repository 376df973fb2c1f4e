"""What a judge holds open while it is in use: a thread, connections, the cache."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PIL import Image

from sophia.rewards.judge.cache import ScoreCache, score_key
from sophia.rewards.judge.calls import PatientClient
from sophia.rewards.judge.client import ChatClient, Question
from sophia.rewards.judge.failure import CallFailedError
from sophia.rewards.judge.ledger import Ledger
from sophia.rewards.judge.loop import LoopThread
from sophia.rewards.judge.media import EncodedImage, encode_image
from sophia.rewards.judge.prompt import PROMPT_VERSION, Sees, shown
from sophia.types import Completion, Media, Prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Made when the first step opens, so that building a judge costs nothing."""

    loop: LoopThread
    client: ChatClient
    patient: PatientClient
    cache: ScoreCache | None
    model: str
    sees: Sees
    deadline_s: float

    async def questions(
        self, prompt: Prompt, completions: Sequence[Completion]
    ) -> list[tuple[str, Question]]:
        """The cache key and the question of each completion; images are encoded once for all.

        Raises CallFailedError("media", ...) if an image cannot be read.
        """
        images = await asyncio.to_thread(_encode, prompt.media)
        digests = [image.digest for image in images]
        urls = tuple(image.url for image in images)
        texts = [shown(completion, self.sees) for completion in completions]
        return [
            (
                score_key(self.model, PROMPT_VERSION, self.sees, digests, prompt.question, text),
                Question(question=prompt.question, response=text, image_urls=urls),
            )
            for text in texts
        ]

    async def look_up(self, keys: Sequence[str], ledger: Ledger) -> dict[str, float]:
        """Scores known from before. A cache that fails is counted, and the server asked."""
        if self.cache is None:
            return {}
        try:
            return await asyncio.to_thread(self.cache.get, keys)
        except sqlite3.Error as error:
            ledger.cache_fails(error)
            return {}

    async def store(self, scores: Mapping[str, float], ledger: Ledger) -> None:
        """Keep new scores; only scores: what failed once may succeed the next time."""
        if self.cache is None or not scores:
            return
        try:
            await asyncio.to_thread(self.cache.put, scores)
        except sqlite3.Error as error:
            ledger.cache_fails(error)

    def close(self) -> None:
        """Cancel what is in flight, then close everything."""
        self.loop.cancel_running()
        self.loop.submit(self.client.close()).result()
        self.loop.close()
        if self.cache is not None:
            self.cache.close()


def _encode(media: Sequence[Media]) -> list[EncodedImage]:
    try:
        return [encode_image(one) for one in media]
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise CallFailedError("media", f"an image of the prompt: {error}") from error
