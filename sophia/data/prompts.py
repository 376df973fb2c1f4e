"""What every data set is to the rest of the program."""

from __future__ import annotations

from typing import Protocol

from sophia.types import Prompt


class PromptDataset(Protocol):
    """Prompts by index. Their images are references, unless the data set opens them.

    The same index gives the same prompt each time.
    """

    def __len__(self) -> int:
        """How many prompts there are."""

    def __getitem__(self, index: int, /) -> Prompt:
        """The prompt at a 0-based index; IndexError behind the last one."""
