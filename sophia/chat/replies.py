"""Replies on disk, shared by all processes and runs on a machine.

SQLite in write-ahead-log mode: readers never wait, writers take turns, and a process that dies
half-way leaves a whole database. The file has to lie on a local disk; write-ahead logging does not
work over network file systems.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from sophia.chat.question import ChatReply

log = logging.getLogger(__name__)

_BUSY_S = 30.0
_COLUMNS = "key, text, truncated, prompt_tokens, completion_tokens"
_SETUP = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",
    "CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, text TEXT NOT NULL,"
    " truncated INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL,"
    " completion_tokens INTEGER NOT NULL) WITHOUT ROWID",
)


class Replies:
    """A persistent map from key to reply. Methods may be called from any thread.

    ``get`` and ``put`` raise sqlite3.Error when the disk fails: the caller decides what that means.

    Args:
        path: the file, on a local disk; its folder is made. ValueError when it is no such file.
        name: the node of settings that it is from, such as ``judge``.
    """

    def __init__(self, path: Path, *, name: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(
            path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
        )
        try:
            _set_up(self._connection)
        except sqlite3.Error as error:
            self._connection.close()
            raise ValueError(
                f"the {name}'s cache {path} cannot be used: {error}; expected a file of ours, or"
                f" none yet, on a local disk. Set {name}.cache_path."
            ) from error
        if _holds_scores(self._connection):
            log.info(
                "%s also holds scores of an earlier version, which kept no replies; they are left"
                " alone and not used. Delete the file to be rid of them.",
                path,
            )

    def get(self, keys: Sequence[str]) -> dict[str, ChatReply]:
        """The replies of those of the keys that have one."""
        with self._lock:
            rows = self._connection.execute(
                f"SELECT {_COLUMNS} FROM replies WHERE key IN (SELECT value FROM json_each(?))",
                (json.dumps(list(keys)),),
            ).fetchall()
        return {
            key: ChatReply(
                text=text, truncated=bool(truncated), prompt_tokens=prompt,
                completion_tokens=completion,
            )
            for key, text, truncated, prompt, completion in rows
        }  # fmt: skip

    def put(self, replies: Mapping[str, ChatReply]) -> None:
        """Add replies by key in one transaction; the first of a key stays."""
        rows = [_row(key, reply) for key, reply in replies.items()]
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            with self._connection:
                self._connection.executemany(
                    f"INSERT OR IGNORE INTO replies ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)", rows
                )

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()


def _row(key: str, reply: ChatReply) -> tuple[str, str, bool, int, int]:
    text = reply.text.encode("utf-8", "replace").decode()  # a file holds no lone surrogates
    return (key, text, reply.truncated, reply.prompt_tokens, reply.completion_tokens)


def _holds_scores(connection: sqlite3.Connection) -> bool:
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE type='table' AND name='scores'")
    return found.fetchone() is not None


def _set_up(connection: sqlite3.Connection) -> None:
    # Where two connections change the journal mode at once, SQLite refuses one without its own
    # waiting (1 of 240 when six processes open a new file together, measured), so wait here.
    give_up = time.monotonic() + _BUSY_S
    for statement in _SETUP:
        while True:
            try:
                connection.execute(statement)
                break
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > give_up:
                    raise
                time.sleep(0.02)
