"""Replies survive the process, and processes share them."""

from __future__ import annotations

import logging
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from sophia.chat.question import ChatReply
from sophia.chat.replies import Replies

WRITER = """
import sys
from pathlib import Path
from sophia.chat.question import ChatReply
from sophia.chat.replies import Replies
cache = Replies(Path(sys.argv[1]), name="judge")
for i in range(200):
    reply = ChatReply(text=str(i))
    cache.put({f"{sys.argv[2]}-{i}": reply, f"all-{i}": reply})
cache.close()
"""


def opened(path: Path) -> Replies:
    return Replies(path, name="judge")


def test_replies_come_back_as_they_were(tmp_path: Path) -> None:
    replies = {
        str(i): ChatReply(text=f"a\n\u00e9\U0001f600{i}", prompt_tokens=i, completion_tokens=2 * i)
        for i in range(2000)
    }
    with closing(opened(tmp_path / "sub" / "replies.sqlite")) as cache:
        cache.put(replies)
    with closing(opened(tmp_path / "sub" / "replies.sqlite")) as cache:
        assert cache.get([*replies, "unknown"]) == replies
        cache.put({"0": ChatReply(text="another")})
        assert cache.get(["0"]) == {"0": replies["0"]}


def test_processes_that_start_together_on_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "replies.sqlite"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), name]) for name in "abcd"]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0, 0, 0]
    with closing(opened(path)) as cache:
        for name in ("a", "b", "c", "d", "all"):
            expected = {f"{name}-{i}": ChatReply(text=str(i)) for i in range(200)}
            assert cache.get(list(expected)) == expected


def test_a_file_that_is_no_cache(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database, " * 100)
    with pytest.raises(ValueError, match=r"notes\.txt cannot be used.*judge\.cache_path"):
        opened(tmp_path / "notes.txt")


def test_a_file_of_scores_from_before_is_said_and_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    path = tmp_path / "judge.sqlite"
    with closing(sqlite3.connect(path)) as old, old:
        old.execute("CREATE TABLE scores (key TEXT PRIMARY KEY, score REAL NOT NULL) WITHOUT ROWID")
        old.execute("INSERT INTO scores VALUES ('a', 0.7)")
    with closing(opened(path)) as cache:
        assert cache.get(["a"]) == {}
        cache.put({"a": ChatReply(text="0.3")})
        assert cache.get(["a"]) == {"a": ChatReply(text="0.3")}
    with closing(sqlite3.connect(path)) as old:
        assert old.execute("SELECT * FROM scores").fetchall() == [("a", 0.7)]
    assert f"{path} also holds scores of an earlier version" in caplog.text
    assert "not used" in caplog.text


def test_a_new_file_has_nothing_to_say(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    opened(tmp_path / "new.sqlite").close()
    assert caplog.text == ""


@pytest.mark.parametrize("text", ["", "a\x00b", "\ud800"])
def test_whatever_text_came_can_be_kept(text: str, tmp_path: Path) -> None:
    reply = ChatReply(text=text, truncated=True)
    with closing(opened(tmp_path / "replies.sqlite")) as cache:
        cache.put({"a": reply})
        expected = text.encode("utf-8", "replace").decode()  # a file holds no lone surrogates
        assert cache.get(["a"]) == {"a": replace(reply, text=expected)}
