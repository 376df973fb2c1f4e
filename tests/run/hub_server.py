"""A Hub on loopback: as much of its HTTP interface as an upload of a folder takes."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


@dataclass
class HubServer:
    """Keeps what is committed.

    Args:
        refusals: the status and the message that a path, by its beginning, is answered with.
        large: whether weights go by LFS, in requests of their own.
        repos: repositories that there are, by name, with whether they are private.
        files: the content of committed files by (repository, path).
        tokens: the authorisation of every request to the Hub itself.
    """

    refusals: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    large: bool = False
    repos: dict[str, bool] = field(default_factory=dict)
    files: dict[tuple[str, str], bytes] = field(default_factory=dict)
    tokens: set[str | None] = field(default_factory=set)
    blobs: dict[str, bytes] = field(default_factory=dict)
    sent_by_lfs: set[str] = field(default_factory=set)

    def __enter__(self) -> HubServer:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """Status and JSON for a request."""
        for start, (status, message) in self.refusals.items():
            if path.startswith(start):
                return status, {"error": message}
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        if path.endswith("/info/lfs/objects/batch"):
            return 200, self._batch(json.loads(body))
        if path.startswith("/blobs/"):
            self.blobs[path.removeprefix("/blobs/")] = body
            return 200, {}
        repo, action = "/".join(path.split("/")[3:5]), path.split("/")[5]
        if repo not in self.repos:
            return 404, {"error": "Repository not found"}
        if action == "preupload":
            return 200, self._modes(json.loads(body))
        assert action == "commit", path
        for line in body.decode().splitlines():
            self._keep(repo, json.loads(line))
        return 200, {"commitUrl": f"{self.url}/{repo}/commit/0", "commitOid": "0", "success": True}

    def _create(self, asked: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        name = f"{asked['organization']}/{asked['name']}"
        assert asked["type"] == "model"
        known = name in self.repos
        self.repos.setdefault(name, asked.get("visibility") == "private")
        return (409 if known else 200), {"url": f"{self.url}/{name}"}

    def _modes(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "files": [
                {
                    "path": file["path"],
                    "shouldIgnore": False,
                    "uploadMode": "lfs"
                    if self.large and file["path"].endswith(".safetensors")
                    else "regular",
                }
                for file in asked["files"]
            ]
        }

    def _batch(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        actions = [
            {**entry, "actions": {"upload": {"href": f"{self.url}/blobs/{entry['oid']}"}}}
            for entry in asked["objects"]
        ]
        return {"transfer": "basic", "objects": actions}

    def _keep(self, repo: str, line: Mapping[str, Any]) -> None:
        value = line["value"]
        if line["key"] == "file":
            self.files[repo, value["path"]] = base64.b64decode(value["content"])
        elif line["key"] == "lfsFile":
            self.files[repo, value["path"]] = self.blobs[value["oid"]]
            self.sent_by_lfs.add(value["path"])


def _handler(hub: HubServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            path = self.path.partition("?")[0]
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if not path.startswith("/blobs/"):
                hub.tokens.add(self.headers["Authorization"])
            status, answer = hub.answer(path, body)
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_PUT = do_POST  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            return None

    return Handler
