"""VLMEvalKit's own functions, without its packages' first lines, which import every model it knows.

Importing its top package also switches off the checking of certificates; this does not.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from pathlib import Path


def _enter(name: str, folder: Path) -> None:
    """Let modules of a package be imported, and not what its ``__init__`` imports."""
    package = types.ModuleType(name)
    package.__path__ = [str(folder)]
    sys.modules.setdefault(name, package)


_found = importlib.util.find_spec("vlmeval")
assert _found is not None
assert _found.origin is not None
_enter("vlmeval", Path(_found.origin).parent)
_enter("vlmeval.dataset", Path(_found.origin).parent / "dataset")

from vlmeval.dataset.image_mcq import CustomMCQDataset  # noqa: E402
from vlmeval.dataset.image_vqa import ImageVQADataset  # noqa: E402
from vlmeval.dataset.image_yorn import ImageYORNDataset  # noqa: E402
from vlmeval.dataset.utils.mathverse import post_check_score as mathverse_check  # noqa: E402
from vlmeval.dataset.utils.mathvista import post_check as mathvista_check  # noqa: E402
from vlmeval.dataset.utils.vqa_eval import process_line  # noqa: E402
from vlmeval.dataset.utils.yorn import YOrN_Extraction as yes_or_no  # noqa: E402
from vlmeval.dataset.vl_rewardbench import get_score as verdict_score  # noqa: E402
from vlmeval.utils.matching_util import can_infer, can_infer_option  # noqa: E402

__all__ = [
    "CustomMCQDataset",
    "ImageVQADataset",
    "ImageYORNDataset",
    "can_infer",
    "can_infer_option",
    "mathverse_check",
    "mathvista_check",
    "process_line",
    "verdict_score",
    "yes_or_no",
]
