"""Lets torchvision be imported without its compiled part, by declaring that part's operators.

There is no CPU build of torchvision where torch is a CPU build, and vLLM imports its pure-Python
transforms only. Installed beside the packages, with a .pth file that imports it in every process.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Sequence
from typing import Any


class _DeclareOnImport(importlib.abc.MetaPathFinder):
    """Finds nothing; torch is imported no earlier than torchvision is."""

    library: Any = None

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: types.ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname == "torchvision" and self.library is None:
            import torch

            self.library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
            for name in ("nms", "qnms"):
                self.library.define(
                    f"{name}(Tensor dets, Tensor scores, float threshold) -> Tensor"
                )
        return None


sys.meta_path.insert(0, _DeclareOnImport())
