"""A checkpoint by its folder or by its id on the Hugging Face Hub, found before anything is loaded.

What is in the cache is taken as it is, without asking. Else the Hub is asked once, with a short
limit; the libraries that load models would repeat a question that nobody answers for half a minute.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, cast

from huggingface_hub import (
    constants,
    get_hf_file_metadata,
    hf_hub_url,
    snapshot_download,
    try_to_load_from_cache,
)
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
)

Need = Literal["config", "tokenizer", "weights"]
"""How much of a checkpoint must be there; each includes the one before it."""

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"

_CONFIG = "config.json"
_ASK_TIMEOUT_S = 5.0
_HUB_ID = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
_DOWNLOADED: Mapping[Need, Sequence[str]] = {
    "config": [_CONFIG, "generation_config.json"],
    "tokenizer": ["*.json", "*.txt", "*.jinja", "*.model"],
    "weights": ["*.json", "*.txt", "*.jinja", "*.model", "*.safetensors"],
}
TransportError = cast("type[Exception]", HfHubHTTPError.__mro__[1])
"""What the client's HTTP library raises: it has been requests, httpx and httpx2, by version."""


def find_checkpoint(name: Path | str, need: Need = "weights") -> Path:
    """The folder of a checkpoint: a folder itself, or that of a Hub id, downloaded if need be.

    Raises:
        ValueError: it is no folder, is not in the cache, and the Hub cannot give it.
    """
    folder = _here(name, need)
    if folder is not None:
        return folder
    _ask_hub(str(name))
    return Path(snapshot_download(str(name), allow_patterns=list(_DOWNLOADED[need])))


def check_checkpoint(name: Path | str, need: Need = "weights") -> None:
    """Raise ValueError for a checkpoint that is neither here nor to be had; loads nothing."""
    if _here(name, need) is None:
        _ask_hub(str(name))


def cached_checkpoint(name: str, need: Need = "weights") -> Path | None:
    """The folder in the cache of a Hub id; None when it is not there, or not all of it."""
    if not is_hub_id(name):
        return None
    config = try_to_load_from_cache(name, _CONFIG)
    if not isinstance(config, str):
        return None
    folder = Path(config).parent
    return folder if all((folder / file).is_file() for file in _files(folder, need)) else None


def is_hub_id(name: str) -> bool:
    """Whether a name could be an id on the Hub: ``owner/model``, or a single word."""
    return _HUB_ID.fullmatch(name) is not None


def _here(name: Path | str, need: Need) -> Path | None:
    """The folder on this machine, if there is one.

    Raises ValueError for a folder that holds no model, and for what can be no Hub id either.
    """
    folder = Path(name)
    if (folder / _CONFIG).is_file():
        return folder
    if folder.is_dir() or not is_hub_id(str(name)):
        what = f"has no {_CONFIG}" if folder.is_dir() else "does not exist"
        raise ValueError(
            f"{name} is not a model in Hugging Face format: it {what}. Point model.path at a"
            " folder that from_pretrained can load."
        )
    return cached_checkpoint(str(name), need)


def _files(folder: Path, need: Need) -> Iterator[str]:
    """What a run reads of a checkpoint: some may be missing where a download has broken off."""
    yield _CONFIG
    if need == "config":
        return
    yield "tokenizer_config.json"
    if "vision_config" in json.loads((folder / _CONFIG).read_text()):
        yield "preprocessor_config.json"
    if need == "tokenizer":
        return
    if (folder / INDEX).is_file():
        yield from set(json.loads((folder / INDEX).read_text())["weight_map"].values())
    else:
        yield SINGLE


def _ask_hub(name: str) -> None:
    """Raise ValueError unless the Hub has this checkpoint and lets us read it; asks once."""
    if constants.HF_HUB_OFFLINE:
        raise _not_here(name, "HF_HUB_OFFLINE=1 forbids asking the Hub")
    try:
        get_hf_file_metadata(hf_hub_url(name, _CONFIG), timeout=_ASK_TIMEOUT_S)
    except GatedRepoError:
        why = "the Hub shows it only to those who have accepted its terms (and said hf auth login)"
        raise _not_here(name, why) from None
    except RepositoryNotFoundError:
        raise _not_here(name, f"{constants.ENDPOINT} has no such model, or hides it") from None
    except EntryNotFoundError:
        raise _not_here(name, f"the one on the Hub has no {_CONFIG}") from None
    except (TransportError, OSError) as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise _not_here(name, f"{constants.ENDPOINT} does not answer ({reason})") from None


def _not_here(name: str, why: str) -> ValueError:
    expected = Path(constants.HF_HUB_CACHE) / f"models--{name.replace('/', '--')}"
    return ValueError(
        f"the model {name} is neither a folder here nor whole in the cache ({expected}), and {why}."
        f" Where there is a network say: hf download {name}; or give a folder: model.path=FOLDER."
    )
