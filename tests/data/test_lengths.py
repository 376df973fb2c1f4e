from __future__ import annotations

import logging

import pytest
from PIL import Image

from sophia.data.encode import PromptEncoder
from sophia.data.images.pixels import PixelLimits
from sophia.data.lengths import (
    FittingPrompts,
    OverlongError,
    PromptFitter,
    PromptLength,
    open_dataset,
)
from sophia.types import Prompt
from tests.data.builders import dataset, fitter, image, plain_source


def prompts(*sides: int, words: int = 4) -> Prompt:
    row = {"problem": "word " * words, "answer": "1", "images": [image(s, s) for s in sides]}
    return dataset(plain_source([row]))[0]


def test_length_on_paper() -> None:
    # 56 x 56 pixels are 4 tokens, 84 x 84 are 9.
    length = fitter().measure(prompts(56, 84))
    assert length == PromptLength(text_tokens=4, image_tokens=(4, 9))
    assert length.total == 17


@pytest.mark.parametrize("on_overlong", ["refuse", "skip"])
def test_refused_when_too_long(on_overlong: str) -> None:
    strict = fitter(max_prompt_tokens=16, on_overlong=on_overlong)  # type: ignore[arg-type]
    with pytest.raises(
        OverlongError, match=r"has 17 tokens \(4 text, 13 image\), at most 16 are allowed"
    ):
        strict.open(prompts(56, 84))


def test_images_shrink_alike_until_the_prompt_fits() -> None:
    shrinking = fitter(max_prompt_tokens=34, on_overlong="resize")
    prompt = prompts(140, 140, words=2)  # 2 + 25 + 25 tokens
    opened = shrinking.open(prompt)
    sizes = [media.source.size for media in opened.media if isinstance(media.source, Image.Image)]
    assert sizes == [(112, 112), (112, 112)]  # 2 + 16 + 16 = 34
    assert opened.question == prompt.question


def test_images_do_not_shrink_below_min_pixels() -> None:
    floor = fitter(min_pixels=16 * 784, max_prompt_tokens=12, on_overlong="resize")
    with pytest.raises(OverlongError, match="Resizing cannot help: lower min_pixels, or"):
        floor.open(prompts(140))


def test_a_long_text_cannot_be_helped_by_resizing() -> None:
    shrinking = fitter(max_prompt_tokens=3, on_overlong="resize")
    with pytest.raises(OverlongError):
        shrinking.open(prompts(words=4))
    with pytest.raises(OverlongError, match="Resizing cannot help"):
        shrinking.open(prompts(56, words=4))


def remedy(fits: PromptFitter, prompt: Prompt) -> tuple[str, str]:
    """Column and remedy of the refusal."""
    with pytest.raises(OverlongError) as caught:
        fits.open(prompt)
    assert caught.value.total == fits.measure(prompt).total
    assert caught.value.remedy in str(caught.value)
    return caught.value.column, caught.value.remedy


def test_the_remedy_for_images_that_are_too_long() -> None:
    column, said = remedy(fitter(max_prompt_tokens=16), prompts(56, 84))
    assert column == "images"
    assert "prompt_limits.max_prompt_tokens=17, which takes it" in said
    assert "prompt_limits.on_overlong=skip" in said
    assert "prompt_limits.on_overlong=resize" in said


@pytest.mark.parametrize("sides", [(), (56,)])
def test_the_remedy_for_a_text_that_is_too_long(sides: tuple[int, ...]) -> None:
    column, said = remedy(fitter(max_prompt_tokens=3), prompts(*sides, words=9))
    assert column == "problem"
    assert f"prompt_limits.max_prompt_tokens={9 + 4 * len(sides)}, which takes it" in said
    assert said.startswith("Resizing cannot help, the text alone is too long")
    assert "resize," not in said


def test_prompts_that_fit_keep_the_usual_limits() -> None:
    usual = fitter(on_overlong="resize")
    prompt = prompts(56)
    pixels = PixelLimits(min_pixels=28 * 28, max_pixels=64 * 28 * 28)
    assert usual.limits_for(prompt, usual.measure(prompt)) == (pixels,)


def test_skipping_counts(caplog: pytest.LogCaptureFixture) -> None:
    rows = [{"problem": "word " * n, "answer": "1", "images": []} for n in (2, 9, 3)]
    fitting = FittingPrompts(
        dataset(plain_source(rows)), fitter(max_prompt_tokens=5, on_overlong="skip")
    )
    with caplog.at_level(logging.WARNING):
        assert [len(fitting[i].question.split()) for i in range(len(fitting))] == [2, 3]
    assert fitting.num_skipped == 1
    with pytest.raises(IndexError):
        fitting[2]
    assert "skipped 1 of 3 prompts over 5 tokens" in caplog.text
    with pytest.raises(ValueError, match="none of 3 prompts has at most 1 tokens"):
        len(FittingPrompts(dataset(plain_source(rows)), fitter(max_prompt_tokens=1)))


def test_opened_prompts_are_fitted_and_decoded() -> None:
    rows = [
        {"problem": "word", "answer": "1", "images": [image(60, 60)]},
        {"problem": "word " * 9, "answer": "1", "images": []},
    ]
    skipping = fitter(max_prompt_tokens=5, on_overlong="skip")
    opened = open_dataset(dataset(plain_source(rows)), skipping)
    assert len(opened) == 1
    (media,) = opened[0].media
    assert isinstance(media.source, Image.Image)
    assert media.source.size == (56, 56)
    refusing = open_dataset(dataset(plain_source(rows)), fitter(max_prompt_tokens=5))
    assert len(refusing) == 2
    with pytest.raises(OverlongError, match="row 1: the prompt has 9 tokens"):
        refusing[1]


def test_measured_without_pixels_and_encoded_with_them_are_the_same(encoder: PromptEncoder) -> None:
    rows = [
        {
            "problem": "<image> or <image>\nlarger?",
            "answer": "1",
            "images": [image(61, 97), image(300, 40)],
        },
        {"problem": "one?", "answer": "1", "images": [image(13, 500)]},
        {"problem": "none?", "answer": "1"},
    ]
    real = fitter(
        count_tokens=lambda prompt: len(encoder.unexpanded_ids(prompt)), max_prompt_tokens=999
    )
    for prompt in map(dataset(plain_source(rows)).__getitem__, range(3)):
        encoded = encoder(real.open(prompt))
        assert real.measure(prompt).total == len(encoded.prompt_ids)
