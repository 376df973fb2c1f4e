"""What `from_pretrained` takes beside weights: the chat template, tokenizer and image processor."""

from __future__ import annotations

import re
from pathlib import Path

from transformers import AutoConfig, AutoProcessor, AutoTokenizer

_TEMPLATES = ("chat_template.jinja", "chat_template.json")
_PACKAGE = re.compile(r"requires the (\w+) library")


def write_chat_template(folder: Path) -> bool:
    """Give the chat template a file of its own where only the tokenizer's config holds it.

    A processor reads the file alone; a checkpoint saved by an older transformers has none. Returns
    whether a file was written.
    """
    if any((folder / name).is_file() for name in _TEMPLATES):
        return False
    template = AutoTokenizer.from_pretrained(folder).chat_template
    if not isinstance(template, str):
        return False
    (folder / _TEMPLATES[0]).write_text(template, encoding="utf-8")
    return True


def sees_images(folder: Path) -> bool:
    """Whether the model in a folder has a vision tower."""
    return hasattr(AutoConfig.from_pretrained(folder), "vision_config")


def loading_problem(folder: Path) -> str | None:
    """Why the class that a user would take does not load from a folder here; None when it does.

    That class is AutoProcessor for a vision-language model, AutoTokenizer for a language model.
    """
    kind = AutoProcessor if sees_images(folder) else AutoTokenizer
    try:
        kind.from_pretrained(folder, local_files_only=True)
    except ImportError as error:
        package = _PACKAGE.search(str(error))
        needed = package[1].lower() if package else str(error).strip()
        return (
            f"{kind.__name__} needs the package {needed}, which is not installed here, so loading"
            " was not tried. vLLM brings it, sophia does without."
        )
    except (OSError, ValueError) as error:
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        return f"{kind.__name__} cannot load it: {first}"
    return None
