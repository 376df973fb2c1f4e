from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from sophia.data.images.opening import ImageError, image_size, media_sizes, open_image, open_media
from sophia.data.images.pixels import PixelLimits
from sophia.data.rows.row_error import RowError
from sophia.types import Media, Prompt
from tests.data.builders import encoded, image, plain_source, template

LIMITS = PixelLimits(min_pixels=28 * 28, max_pixels=64 * 28 * 28)
WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def gradient(width: int, height: int) -> Image.Image:
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    pixels = np.stack([x * 7 % 256, y * 5 % 256, (x + y) * 3 % 256], axis=-1)
    return Image.fromarray(pixels.astype(np.uint8))


def prompt_with(*images: object) -> Prompt:
    row = {"problem": "x", "answer": "1", "images": list(images)}
    return plain_source([row]).prompt(0, template())


def opened(picture: Image.Image, file_format: str = "PNG", **options: object) -> Image.Image:
    return open_image(Media(source=encoded(picture, file_format, **options)), LIMITS)


@pytest.mark.parametrize("size", [(56, 28), (61, 97), (9, 31), (400, 300), (30, 200)])
def test_the_image_processor_finds_nothing_left_to_resize(size: tuple[int, int]) -> None:
    processor = Qwen2VLImageProcessorPil(
        size={"shortest_edge": LIMITS.min_pixels, "longest_edge": LIMITS.max_pixels}
    )
    shown = open_image(Media(source=encoded(gradient(*size))), LIMITS)
    ours = processor([shown], return_tensors="pt")
    kept = processor([shown], do_resize=False, return_tensors="pt")
    theirs = processor([gradient(*size)], return_tensors="pt")
    assert ours["pixel_values"].equal(kept["pixel_values"])
    assert ours["image_grid_thw"].equal(theirs["image_grid_thw"])
    assert ours["pixel_values"].equal(theirs["pixel_values"])


def test_media_come_back_open_in_their_places(tmp_path: Path) -> None:
    gradient(100, 50).save(tmp_path / "a.png")
    prompt = prompt_with(str(tmp_path / "a.png"), encoded(image(28, 28)), image(56, 56))
    shown = open_media(prompt, min_pixels=28 * 28, max_pixels=64 * 28 * 28)
    sizes = [media.source.size for media in shown.media if isinstance(media.source, Image.Image)]
    assert sizes == [(112, 56), (28, 28), (56, 56)]
    assert shown.question == prompt.question
    assert shown.uid == prompt.uid
    again = open_media(shown, min_pixels=28 * 28, max_pixels=64 * 28 * 28)
    for once, twice in zip(shown.media, again.media, strict=True):
        assert np.array_equal(np.asarray(once.source), np.asarray(twice.source))


def test_other_patch_sizes() -> None:
    shown = open_media(prompt_with(image(100, 50)), min_pixels=0, max_pixels=10**6, factor=32)
    assert isinstance(shown.media[0].source, Image.Image)
    assert shown.media[0].source.size == (96, 64)


def test_exif_orientation_is_applied_and_counted() -> None:
    picture = Image.new("RGB", (56, 28), WHITE)
    picture.paste(BLACK, (0, 0, 28, 28))
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise
    data = encoded(picture, "JPEG", exif=exif, quality=95)
    shown = open_image(Media(source=data), LIMITS)
    assert shown.size == (28, 56) == image_size(Media(source=data))
    assert shown.getpixel((14, 10)) == BLACK
    assert shown.getpixel((14, 46)) == WHITE


def test_transparency_is_laid_on_white() -> None:
    clear = Image.new("RGBA", (28, 28), (0, 0, 0, 0))
    palette = Image.new("P", (28, 28), 0)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    grey = Image.new("LA", (28, 28), (0, 0))
    assert opened(clear).getpixel((3, 3)) == WHITE
    assert opened(palette, transparency=0).getpixel((3, 3)) == WHITE
    assert opened(grey).getpixel((3, 3)) == WHITE


def test_grey_images_of_16_bits_keep_their_range() -> None:
    ramp = Image.fromarray(np.full((28, 28), 128 * 256, dtype=np.uint16))
    assert opened(ramp).getpixel((3, 3)) == (128, 128, 128)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK"])
def test_all_modes_become_rgb(mode: str) -> None:
    file_format = "TIFF" if mode == "CMYK" else "PNG"
    assert opened(image(28, 28).convert(mode), file_format).mode == "RGB"


def test_an_animation_shows_its_first_frame() -> None:
    frames = [Image.new("RGB", (28, 28), colour) for colour in (BLACK, WHITE)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert open_image(Media(source=data), LIMITS).getpixel((3, 3)) == BLACK


def test_sizes_come_from_headers() -> None:
    # Cut in the middle of the pixels: the header can still be read.
    data = encoded(gradient(100, 50))[:100]
    assert image_size(Media(source=data)) == (100, 50)
    with pytest.raises(ImageError, match=r"the image of 100 bytes cannot be used"):
        open_image(Media(source=data), LIMITS)


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "BMP", "GIF"])
def test_broken_files_name_the_row(file_format: str, tmp_path: Path) -> None:
    whole = encoded(gradient(100, 50), file_format)
    path = tmp_path / "cut"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RowError, match=r"<memory>, row 0, column 'images': .*cut cannot be used"):
        open_media(prompt_with(str(path)), min_pixels=784, max_pixels=7840)


def test_missing_empty_and_thin_images_name_the_row(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    gradient(1, 300).save(tmp_path / "thin.png")
    image().save(tmp_path / "fine.png")
    reasons = {
        "nowhere.png": "there is no file .*nowhere.png. Repair or replace",
        "empty.png": "empty.png cannot be used",
        "thin.png": "one side is more than 200 times the other",
        "fine.png/x.png": "cannot be used",
    }
    for name, reason in reasons.items():
        with pytest.raises(RowError, match=reason):
            open_media(prompt_with(str(tmp_path / name)), min_pixels=784, max_pixels=7840)
    with pytest.raises(RowError, match="row 0, column 'images': there is no file"):
        media_sizes(prompt_with(str(tmp_path / "nowhere.png")))
