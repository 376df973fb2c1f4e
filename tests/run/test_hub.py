"""A folder arrives on the Hub whole, and what can go wrong is one sentence without the token."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from sophia.run.hub import HubTarget, push_folder
from tests.commands import ROOT
from tests.run.hub_server import HubServer

TOKEN = "hf_of_nobody"
FILES = {
    "config.json": b"{}",
    "README.md": b"---\ntags:\n- sophia\n---\n",
    "model.safetensors": bytes(range(256)) * 40,
    "curves.png": b"\x89PNG\r\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "exported"
    made.mkdir()
    for name, content in FILES.items():
        (made / name).write_bytes(content)
    return made


def target(hub: HubServer, *, private: bool = False) -> HubTarget:
    return HubTarget(name="somebody/digits", private=private, token=TOKEN, endpoint=hub.url)


def arrived(hub: HubServer) -> dict[str, bytes]:
    return {path: content for (repo, path), content in hub.files.items() if "digits" in repo}


@pytest.mark.parametrize("private", [True, False])
def test_every_file_arrives(private: bool, folder: Path) -> None:
    with HubServer() as hub:
        address = push_folder(folder, target(hub, private=private), message="trained")
        assert address == f"{hub.url}/somebody/digits"
        assert arrived(hub) == FILES
        assert hub.repos == {"somebody/digits": private}
        assert hub.tokens == {f"Bearer {TOKEN}"}


def test_a_second_upload_replaces_what_changed(folder: Path) -> None:
    with HubServer() as hub:
        push_folder(folder, target(hub), message="trained")
        (folder / "README.md").write_bytes(b"with a licence")
        push_folder(folder, target(hub), message="again")
        assert arrived(hub) == {**FILES, "README.md": b"with a licence"}


@pytest.mark.parametrize(
    ("refusals", "said"),
    [
        ({"/api/repos/create": (401, "Invalid token")}, r"refused the token \(401: Invalid token"),
        ({"/api/repos/create": (403, "No rights")}, r"\(403: No rights\).* of the type 'write'"),
        ({"/api/repos/create": (400, "Bad name")}, r"answered 400 \(Bad name\)"),
        (
            {"/api/models/somebody/digits/preupload": (404, "Not here")},
            "has no model repository of that name.*one of a data set or a Space",
        ),
        (
            {"/api/models/somebody/digits/commit": (403, "Read only")},
            r"refused the token \(403: Read only\)",
        ),
    ],
    ids=["token", "rights", "name", "other type", "commit"],
)
def test_a_refusal_says_why_and_loses_nothing(
    refusals: Mapping[str, tuple[int, str]], said: str, folder: Path
) -> None:
    with HubServer(refusals=refusals) as hub, pytest.raises(ValueError, match=said) as caught:
        push_folder(folder, target(hub), message="trained")
    message = str(caught.value)
    assert TOKEN not in message
    assert f"sophia export ckpt={folder} push=somebody/digits" in message
    assert {f.name: f.read_bytes() for f in folder.iterdir()} == FILES


def test_no_network(folder: Path) -> None:
    with HubServer() as hub:
        gone = target(hub)
    with pytest.raises(ValueError, match=r"cannot be reached.*Check the network, HF_ENDPOINT"):
        push_folder(folder, gone, message="trained")


def test_what_is_known_before_is_said_before() -> None:
    with pytest.raises(ValueError, match=r"push=digits is no repository; write push=USER/NAME"):
        HubTarget(name="digits", private=True, token=TOKEN)
    with pytest.raises(ValueError, match=r"needs a token that may write.*HF_TOKEN"):
        HubTarget(name="somebody/digits", private=True, token=None)
    assert TOKEN not in repr(HubTarget(name="somebody/digits", private=True, token=TOKEN))


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own: huggingface_hub reads its environment once."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_offline_is_said_at_once() -> None:
    code = "from sophia.run.hub import HubTarget as T; T(name='a/b', private=True, token='t')"
    ended = command("-c", code, HF_HUB_OFFLINE="1")
    assert "push=a/b needs the network, but HF_HUB_OFFLINE is set" in ended.stderr


@pytest.mark.slow
def test_the_command_pushes_what_was_exported_before(folder: Path) -> None:
    """Weights by LFS, without the package that would send them by another protocol."""
    arguments = ("-m", "sophia", "export", f"ckpt={folder}", "push=somebody/digits")
    with HubServer(large=True) as hub:
        ended = command(
            *arguments, "private=false", HF_ENDPOINT=hub.url, HF_TOKEN=TOKEN, HF_HUB_OFFLINE="0",
            HF_HUB_DISABLE_XET="1",
        )  # fmt: skip
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert arrived(hub) == FILES
        assert hub.sent_by_lfs == {"model.safetensors"}
        assert f"uploaded: {hub.url}/somebody/digits" in ended.stdout
        assert TOKEN not in ended.stdout + ended.stderr
