"""A folder goes to the Hugging Face Hub; a repository is made where there is none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi, is_offline_mode
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils.tqdm import disable_progress_bars

from sophia.models.hub import TransportError

_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_DENIED = (401, 402, 403)


@dataclass(frozen=True, slots=True, kw_only=True)
class HubTarget:
    """Where on the Hub a folder goes.

    Args:
        name: the repository, as ``USER/NAME``.
        private: whether a repository that is made now is seen by its owner alone.
        token: a token that may write there; kept out of every message.
        endpoint: the address of the Hub; None for the usual one.

    Raises:
        ValueError: the name is none, there is no token, or the network is not to be used.
    """

    name: str
    private: bool
    token: str | None
    endpoint: str | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"push={self.name} is no repository; write push=USER/NAME.")
        if not self.token:
            raise ValueError(
                f"push={self.name} needs a token that may write: make one at"
                " https://huggingface.co/settings/tokens, and put it into the environment as"
                " HF_TOKEN."
            )
        if is_offline_mode():
            raise ValueError(
                f"push={self.name} needs the network, but HF_HUB_OFFLINE is set; unset it."
            )

    def __repr__(self) -> str:
        return f"HubTarget({self.name}, private={self.private})"


def push_folder(folder: Path, target: HubTarget, *, message: str) -> str:
    """Upload every file of a folder, and return the address of the repository's page.

    What is there already under other names stays. ``message`` is that of the commit.

    Raises:
        ValueError: the Hub cannot be reached, or refuses; the folder is as it was.
    """
    api = HfApi(endpoint=target.endpoint, token=target.token)
    disable_progress_bars()
    try:
        api.create_repo(target.name, private=target.private, repo_type="model", exist_ok=True)
        api.upload_folder(
            repo_id=target.name, folder_path=folder, repo_type="model", commit_message=message
        )
    except (TransportError, OSError, RuntimeError) as error:
        raise ValueError(
            f"{target.name} was not uploaded: {_reason(error, api.endpoint)} Nothing is lost:"
            f" {folder} is whole. Then: python -m sophia export ckpt={folder} push={target.name}"
        ) from None
    return f"{api.endpoint}/{target.name}"


def _reason(error: Exception, endpoint: str) -> str:
    if not isinstance(error, HfHubHTTPError):
        return (
            f"{endpoint} cannot be reached ({error}). Check the network, HF_ENDPOINT and proxies."
        )
    status = error.response.status_code
    said = error.server_message or "no reason given"
    if status in _DENIED:
        return (
            f"{endpoint} refused the token ({status}: {said}). It must be valid, of the type"
            " 'write', and of somebody who may write there."
        )
    if status == 404:
        return (
            f"{endpoint} has no model repository of that name ({said}). Is the user or organisation"
            " spelt rightly, and is the name not one of a data set or a Space?"
        )
    if status == 409:
        return f"{endpoint} has something else of that name ({said}). Choose another name."
    return f"{endpoint} answered {status} ({said}). Try again later."
