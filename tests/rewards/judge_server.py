"""A chat-completions server on loopback that answers as a test wants it to.

It speaks real HTTP/1.1 with keep-alive over real sockets. Every response under judgement carries
its true score as ``quality=0.7``; the honest server reads it there, so a test knows what each call
should have brought.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

_QUALITY = re.compile(r"quality=([0-9.]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it arrived; ``number`` counts from 0."""

    number: int
    method: str
    path: str
    headers: Mapping[str, str]
    body: Any

    @property
    def text(self) -> str:
        """The last text part that was sent."""
        content = self.body["messages"][-1]["content"]
        if isinstance(content, str):
            return content
        return str([part["text"] for part in content if part["type"] == "text"][-1])

    @property
    def images(self) -> list[str]:
        """The data URLs that were sent."""
        content = self.body["messages"][-1]["content"]
        parts = [] if isinstance(content, str) else content
        return [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes over the wire. ``cut``: hang up after so many bytes of the body."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    cut: int | None = None
    drip_s: float | None = None
    """Seconds between single bytes of the body."""


Behaviour = Callable[[Request], Answer]


def says(content: str, **overrides: Any) -> Answer:
    """A chat completion with this content."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content}}
    usage = {"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105}
    completion = {
        "id": "x", "object": "chat.completion", "created": 0, "model": "judge",
        "choices": [choice | {"finish_reason": "stop"}], "usage": usage,
    }  # fmt: skip
    body = json.dumps(completion).encode()
    return Answer(body=body, headers={"Content-Type": "application/json"}, **overrides)


def refuses(status: int, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    """An error in the protocol's form."""
    body = json.dumps({"error": {"message": message, "type": "x", "code": status}}).encode()
    content_type = {"Content-Type": "application/json"}
    return Answer(status=status, body=body, headers=content_type | dict(headers or {}))


def honest(request: Request) -> Answer:
    """The true score, as JSON if that was asked for."""
    if request.path.endswith("/models"):
        return Answer(
            body=b'{"object": "list", "data": [{"id": "thinking-reward-model"}]}',
            headers={"Content-Type": "application/json"},
        )
    found = _QUALITY.search(request.text)
    quality = found.group(1) if found else "0.5"
    if "response_format" in request.body:
        return says(json.dumps({"score": float(quality)}))
    return says(f"<answer>{quality}</answer>")


class JudgeServer:
    """Serves in a thread while the context is open; ``stop`` and ``start`` keep the port."""

    def __init__(self, behaviour: Behaviour = honest) -> None:
        self.behaviour = behaviour
        self.requests: list[Request] = []
        self.port = 0
        self.in_flight = 0
        self.max_in_flight = 0

    @property
    def url(self) -> str:
        """The base address."""
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> JudgeServer:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen."""
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)))
        self._thread.start()
        ready.wait()

    def stop(self) -> None:
        """Hang up on everyone; new connections are refused."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()

    async def _serve(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._connected, "127.0.0.1", self.port, backlog=512)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._stopping.wait()
        server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await server.wait_closed()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._converse(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has hung up
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        request = await self._receive(reader)
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        try:
            answer = self.behaviour(request)
            await asyncio.sleep(answer.delay_s)
            return await _send(writer, answer)
        finally:
            self.in_flight -= 1

    async def _receive(self, reader: asyncio.StreamReader) -> Request:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        request = Request(
            number=len(self.requests), method=method, path=path, headers=headers,
            body=json.loads(body) if body else None,
        )  # fmt: skip
        self.requests.append(request)
        return request


async def _send(writer: asyncio.StreamWriter, answer: Answer) -> bool:
    headers = {"Content-Length": str(len(answer.body)), **answer.headers}
    lines = [f"HTTP/1.1 {answer.status} X", *(f"{k}: {v}" for k, v in headers.items()), "", ""]
    writer.write("\r\n".join(lines).encode())
    if answer.drip_s is not None:
        for byte in answer.body:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(answer.drip_s)
        return True
    writer.write(answer.body[: answer.cut])
    await writer.drain()
    return answer.cut is None
