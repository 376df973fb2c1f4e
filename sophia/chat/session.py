"""What a served model holds open while it is in use."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from sophia.chat.calls import CallSettings, PatientClient
from sophia.chat.client import ChatClient
from sophia.chat.ledger import Ledger
from sophia.chat.loop import LoopThread
from sophia.chat.protocol import ChatRequest
from sophia.chat.question import ChatReply
from sophia.chat.replies import Replies


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A thread with an event loop, connections, and the file of kept replies."""

    loop: LoopThread
    client: ChatClient
    patient: PatientClient
    replies: Replies | None
    model: str
    calls: CallSettings

    def key(self, request: ChatRequest) -> str:
        """A hash of all that the reply to a request depends on."""
        parts = (self.model, self.calls.max_tokens, self.calls.temperature, request.content)
        return sha256(json.dumps(parts).encode("ascii")).hexdigest()

    async def look_up(self, keys: Sequence[str], ledger: Ledger) -> dict[str, ChatReply]:
        """The kept replies by key; an access that fails is counted and finds none."""
        if self.replies is None or not keys:
            return {}
        try:
            return await asyncio.to_thread(self.replies.get, keys)
        except sqlite3.Error as error:
            ledger.cache_fails(error)
            return {}

    async def keep(self, key: str, reply: ChatReply, ledger: Ledger) -> None:
        """Keep a reply that held an answer: a process that is killed later does not lose it."""
        if self.replies is None:
            return
        try:
            await asyncio.to_thread(self.replies.put, {key: reply})
        except sqlite3.Error as error:
            ledger.cache_fails(error)

    def close(self) -> None:
        """Cancel the calls in flight, then close connections, thread and file."""
        self.loop.cancel_running()
        self.loop.submit(self.client.close()).result()
        self.loop.close()
        if self.replies is not None:
            self.replies.close()


def opened_session(
    name: str, *, url: str, model: str, api_key: str, replies: Replies | None, calls: CallSettings
) -> Session:
    """A new session; ``name`` is the thread's, ``url`` the server's ``.../v1`` address."""
    client = ChatClient(
        url, model=model, api_key=api_key, timeout_s=calls.timeout_s, max_tokens=calls.max_tokens,
        temperature=calls.temperature, structured=calls.structured,
    )  # fmt: skip
    return Session(
        loop=LoopThread(name), client=client, replies=replies, model=model, calls=calls,
        patient=PatientClient(client, settings=calls, jitter=random.Random()),
    )  # fmt: skip
