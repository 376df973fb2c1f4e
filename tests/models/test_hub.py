"""A model named by its Hub id: from the cache, from the Hub, or refused within seconds."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sophia.models.hub import find_checkpoint, is_hub_id
from tests.commands import ROOT

NAME = "owner/tiny"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
IN_SECONDS = 30.0
"""For two to eight seconds on a busy machine; asked as the libraries do it takes 35 and more."""


@pytest.fixture
def refusing() -> Iterator[str]:
    """An address at which nothing listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{unused.getsockname()[1]}"


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


class Hub(BaseHTTPRequestHandler):
    """As much of the Hub as one model needs: its list of files, and those."""

    def __init__(self, *args: object, folder: Path) -> None:
        self._folder = folder
        super().__init__(*args)  # type: ignore[arg-type]

    def do_HEAD(self) -> None:
        """Headers alone."""
        self._answer(body=False)

    def do_GET(self) -> None:
        """Headers and body."""
        self._answer(body=True)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged."""

    def _answer(self, *, body: bool) -> None:
        path = self.path.partition("?")[0]
        files = {file.name: file.read_bytes() for file in self._folder.iterdir()}
        if path.startswith(f"/api/models/{NAME}/tree/"):
            listed = [
                {"type": "file", "path": n, "size": len(b), "oid": n} for n, b in files.items()
            ]
            content = json.dumps(listed).encode()
        elif path.startswith(f"/api/models/{NAME}"):
            siblings = [{"rfilename": name} for name in files]
            content = json.dumps({"id": NAME, "sha": COMMIT, "siblings": siblings}).encode()
        elif path.startswith(f"/{NAME}/resolve/") and path.rpartition("/")[2] in files:
            content = files[path.rpartition("/")[2]]
        else:
            known = path.startswith(f"/{NAME}/")
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound" if known else "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{path.rpartition("/")[2]}"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)


@pytest.fixture
def hub(tiny_folder: Path) -> Iterator[str]:
    """A Hub that has one model."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Hub, folder=tiny_folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def python(*arguments: str, home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """A new interpreter: the libraries read these variables once, when they are imported."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**environment, "HF_HOME": str(home), "OMP_NUM_THREADS": "1", **variables},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
        check=False,
    )


def found(name: str, need: str, home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    code = f"from sophia.models.hub import find_checkpoint as f; print(f({name!r}, {need!r}))"
    return python("-c", code, home=home, **variables)


def in_cache(source: Path, home: Path) -> Path:
    """Put a folder where the Hub's client keeps what it has downloaded."""
    model = home / "hub" / "models--owner--tiny"
    (model / "refs").mkdir(parents=True)
    (model / "refs" / "main").write_text(COMMIT)
    return Path(shutil.copytree(source, model / "snapshots" / COMMIT))


def test_a_folder_is_itself(tiny_folder: Path) -> None:
    assert find_checkpoint(tiny_folder) == tiny_folder


@pytest.mark.parametrize("name", ["a/b/c", "./nowhere", "/nowhere", "runs//a"])
def test_what_can_be_no_id_is_a_folder_that_is_missing(name: str) -> None:
    assert not is_hub_id(name)
    with pytest.raises(ValueError, match=rf"^{re.escape(name)} is not a model .* does not exist"):
        find_checkpoint(name)


def test_what_is_cached_is_taken_without_asking(
    tiny_folder: Path, tmp_path: Path, refusing: str
) -> None:
    snapshot = in_cache(tiny_folder, tmp_path)
    for variables in ({"HF_ENDPOINT": refusing}, {"HF_HUB_OFFLINE": "1"}):
        assert found(NAME, "weights", tmp_path, **variables).stdout.strip() == str(snapshot)


@pytest.mark.parametrize(
    ("missing", "enough_for", "too_little_for"),
    [
        ("model.safetensors", "tokenizer", "weights"),
        ("preprocessor_config.json", "config", "tokenizer"),
        ("tokenizer_config.json", "config", "tokenizer"),
    ],
)
def test_half_a_download_is_not_taken_for_a_whole_one(
    missing: str, enough_for: str, too_little_for: str, tiny_folder: Path, tmp_path: Path
) -> None:
    snapshot = in_cache(tiny_folder, tmp_path)
    (snapshot / missing).unlink()
    done = found(NAME, enough_for, tmp_path, HF_HUB_OFFLINE="1")
    assert done.stdout.strip() == str(snapshot)
    refused = found(NAME, too_little_for, tmp_path, HF_HUB_OFFLINE="1")
    assert "nor whole in the cache" in refused.stdout


@pytest.mark.parametrize(
    ("need", "weights"), [("config", False), ("tokenizer", False), ("weights", True)]
)
def test_the_hub_gives_what_is_needed(need: str, weights: bool, hub: str, tmp_path: Path) -> None:
    done = found(NAME, need, tmp_path, HF_ENDPOINT=hub, HF_HUB_DISABLE_XET="1")
    assert done.returncode == 0, done.stdout
    folder = Path(done.stdout.splitlines()[-1])
    assert (folder / "config.json").is_file()
    assert (folder / "tokenizer_config.json").is_file() is (need != "config")
    assert (folder / "model.safetensors").is_file() is weights
    again = found(NAME, need, tmp_path, HF_HUB_OFFLINE="1")
    assert again.stdout.strip() == str(folder)


def test_a_name_that_the_hub_does_not_know(hub: str, tmp_path: Path) -> None:
    done = found("owner/tinny", "weights", tmp_path, HF_ENDPOINT=hub)
    assert f"{hub} has no such model, or hides it." in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "trouble"),
    [("plan", "refusing"), ("plan", "silent"), ("check", "offline"), ("train", "refusing")],
)
def test_without_the_hub_a_command_ends_in_seconds_with_one_sentence(
    command: str, trouble: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    variables = {"HF_HUB_OFFLINE": "1"}
    if trouble != "offline":
        variables = {"HF_ENDPOINT": request.getfixturevalue(trouble)}
    own = ("experiment=mine", "data=example", f"model.path={NAME}", "trainer.devices=1")
    begun = time.monotonic()
    done = python(
        "-m", "sophia", command, *own, f"run_dir={tmp_path / 'run'}", home=tmp_path, **variables
    )
    assert time.monotonic() - begun < IN_SECONDS
    assert done.returncode == 1
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    assert len(lines) == 1
    assert lines[0].startswith(f"error: the model {NAME} is neither a folder here nor whole in")
    assert str(tmp_path / "hub" / "models--owner--tiny") in lines[0]
    assert f"hf download {NAME}" in lines[0]
    assert not (tmp_path / "run" / "config.yaml").exists()
