"""A prompt becomes tensors: chat template, tokens, pixels. Engine and trainer share them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from transformers import AutoTokenizer
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from sophia.data.rows.row_error import origin_of, row_error
from sophia.models.family import image_tokens, media_tokens
from sophia.models.hub import find_checkpoint
from sophia.types import EncodedPrompt, Media, Message, Prompt

_IMAGE_CONFIG = "preprocessor_config.json"
_PROCESSOR_CONFIG = "processor_config.json"
_NO_TOKEN = -1  # is no token's id


class PromptEncoder:
    """Tokenizer and image processor of a checkpoint.

    The stock processor class is not used: it cannot be built without torchvision, and it would
    hide how many tokens an image takes.

    Args:
        folder: a checkpoint in Hugging Face format, as a local folder or by its name on the hub;
            one without an image processor is a language model and takes prompts without images.
    """

    def __init__(self, folder: Path | str) -> None:
        folder = find_checkpoint(folder, "tokenizer")
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self._images = _image_processor(folder)
        vocabulary = self.tokenizer.get_vocab()
        self._image_token = next((t for t in image_tokens() if t in vocabulary), "")
        self._image_token_id: int = vocabulary.get(self._image_token, _NO_TOKEN)

    @property
    def media_token_ids(self) -> tuple[int, ...]:
        """Ids of the tokens that stand for media, which a sampler must never draw."""
        vocabulary = self.tokenizer.get_vocab()
        return tuple(vocabulary[token] for token in media_tokens() if token in vocabulary)

    @property
    def pixels_per_token_side(self) -> int:
        """Side in pixels of the square that one image token stands for; 1 for a language model."""
        if self._images is None:
            return 1
        return int(self._images.patch_size * self._images.merge_size)

    @property
    def pixel_range(self) -> tuple[int, int]:
        """The fewest and the most pixels of an image that the image processor does not resize."""
        if self._images is None:
            return 0, sys.maxsize
        return int(self._images.size["shortest_edge"]), int(self._images.size["longest_edge"])

    def __call__(self, prompt: Prompt) -> EncodedPrompt:
        """The tensors of a prompt whose images are open, up to where the assistant's turn begins.

        Raises:
            ValueError: the prompt has images and the checkpoint is a language model, or its text
                holds another number of image placeholders than it has images.
        """
        ids = torch.tensor(self.unexpanded_ids(prompt))
        if not prompt.media:
            types = torch.zeros_like(ids)
            return EncodedPrompt(
                prompt_ids=ids, mm_token_type_ids=types, pixel_values=None, image_grid_thw=None
            )
        images = self._images
        if images is None:
            raise ValueError(
                f"prompt {prompt.uid!r} has images, but the checkpoint is a language model without"
                " an image processor; choose a vision-language model, or data without images."
            )
        pixels = images([opened(media) for media in prompt.media], return_tensors="pt")
        ids = self._expand(ids, pixels["image_grid_thw"].prod(dim=1) // images.merge_size**2)
        return EncodedPrompt(
            prompt_ids=ids,
            mm_token_type_ids=(ids == self._image_token_id).long(),
            pixel_values=pixels["pixel_values"],
            image_grid_thw=pixels["image_grid_thw"],
        )

    def unexpanded_ids(self, prompt: Prompt) -> list[int]:
        """The ids of the prompt with one placeholder per image, whatever the image's size.

        Raises:
            RowError: its text holds the token that stands for an image.
            ValueError: the chat template drops images.
        """
        text = self.tokenizer.apply_chat_template(
            [self._as_dict(message) for message in prompt.messages],
            tokenize=False,
            add_generation_prompt=True,
        )
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        found = ids.count(self._image_token_id)
        if found < len(prompt.media):
            raise ValueError(
                f"prompt {prompt.uid!r} has {len(prompt.media)} images but its chat holds {found}"
                " image placeholders; does the chat template drop images?"
            )
        if found > len(prompt.media):
            reason = (
                f"the prompt has {len(prompt.media)} images but its text holds {found} image"
                f" placeholders, since it contains a literal {self._image_token}"
            )
            remedy = "Take it out of the text, or leave the row out"
            raise row_error(origin_of(prompt), prompt.column("problem"), reason, remedy)
        return ids

    def _as_dict(self, message: Message) -> dict[str, Any]:
        if self._images is None:  # whose templates know text only
            return {"role": message.role, "content": message.text}
        parts = [
            {"type": "image"} if isinstance(part, Media) else {"type": "text", "text": part}
            for part in message.content
        ]
        return {"role": message.role, "content": parts}

    def _expand(self, ids: Tensor, features: Tensor) -> Tensor:
        """(N,) ids with each placeholder as often as its image has ``features``, one per image."""
        repeats = torch.ones_like(ids)
        repeats[ids == self._image_token_id] = features
        return torch.repeat_interleave(ids, repeats)

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text of some token ids, special tokens left out."""
        text: str = self.tokenizer.decode(list(token_ids), skip_special_tokens=True)
        return text

    def save(self, folder: Path) -> None:
        """Write tokenizer and image processor to the folder of a model."""
        self.tokenizer.save_pretrained(folder)
        if self._images is not None:
            self._images.save_pretrained(folder)


def _image_processor(folder: Path) -> Qwen2VLImageProcessorPil | None:
    """The image processor of a checkpoint, or None for a language model, which has none.

    A processor that transformers 5 has saved is one file, with the image processor as a part.
    """
    whole = folder / _PROCESSOR_CONFIG
    in_whole = whole.is_file() and "image_processor" in whole.read_text()
    if not (in_whole or (folder / _IMAGE_CONFIG).is_file()):
        return None
    return Qwen2VLImageProcessorPil.from_pretrained(folder)


def opened(media: Media) -> Image.Image:
    """The image of a medium that a loader worker has opened; TypeError when it is not open."""
    if not isinstance(media.source, Image.Image):
        raise TypeError(f"medium {media.source!r} is not open; open it in the data module first.")
    return media.source
