"""Images of a few styles, and what happens to an image on its way from one data set to another."""

from __future__ import annotations

import random
from collections.abc import Callable
from io import BytesIO

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageEnhance
from sklearn.datasets import load_sample_images

from sophia.data.digits import DigitsDataset

Picture = Image.Image


def bars(seed: int) -> Picture:
    """A bar chart with five values; all else is the same in each."""
    heights = np.random.default_rng(seed).integers(1, 100, 5)
    figure = Figure(figsize=(4, 3), dpi=100)
    axes = figure.subplots()
    axes.bar(list("ABCDE"), heights)
    axes.set_ylim(0, 100)
    return _drawn(figure)


def lines(seed: int) -> Picture:
    """A chart with two lines in one box."""
    generator = np.random.default_rng(seed)
    figure = Figure(figsize=(4, 3), dpi=100)
    axes = figure.subplots()
    for _ in range(2):
        axes.plot(range(10), generator.integers(1, 100, 10))
    axes.set_ylim(0, 100)
    return _drawn(figure)


def pies(seed: int) -> Picture:
    """Five wedges in the same colours and the same order: nothing but their angles differs."""
    shares = np.random.default_rng(seed).integers(5, 100, 5)
    figure = Figure(figsize=(4, 3), dpi=100)
    figure.subplots().pie(shares, labels=list("ABCDE"))
    return _drawn(figure)


def triangles(seed: int) -> Picture:
    """A triangle with its corners named, as in geometry problems."""
    draw = random.Random(seed)
    corners = [(draw.randint(20, 300), draw.randint(20, 220)) for _ in range(3)]
    picture = Image.new("RGB", (320, 240), "white")
    pen = ImageDraw.Draw(picture)
    pen.polygon(corners, outline="black", width=2)
    for corner, name in zip(corners, "ABC", strict=True):
        pen.text(corner, name, fill="black")
    return picture


def scenes(seed: int) -> Picture:
    """Coloured discs before the same grey ground, as in synthetic counting sets."""
    draw = random.Random(seed)
    ground = np.tile(np.linspace(120, 190, 240)[:, None], (1, 320)).astype(np.uint8)
    picture = Image.fromarray(ground).convert("RGB")
    pen = ImageDraw.Draw(picture)
    for _ in range(draw.randint(4, 8)):
        x, y, r = draw.randint(20, 300), draw.randint(60, 220), draw.randint(8, 28)
        colour = draw.choice(["red", "blue", "green", "gray", "purple", "cyan", "yellow"])
        pen.ellipse((x - r, y - r, x + r, y + r), fill=colour)
    return picture


def digits(seed: int) -> Picture:
    """Two handwritten digits of the quick start, 56 x 28 pixels."""
    media = DigitsDataset(split="train", num_prompts=2 * seed + 2, seed=0)[2 * seed].media[0]
    assert isinstance(media.source, Image.Image)
    return media.source


def photographs(seed: int) -> Picture:
    """One of 50 tiles of two photographs, in an order that mixes sky, walls and flowers."""
    photograph = Image.fromarray(load_sample_images().images[seed % 2])
    row, column = divmod(seed // 2 * 7 % 25, 5)
    width, height = photograph.width // 5, photograph.height // 5
    left, top = column * width, row * height
    return photograph.crop((left, top, left + width, top + height))


STYLES: dict[str, Callable[[int], Picture]] = {
    style.__name__: style for style in (bars, lines, pies, triangles, scenes, digits, photographs)
}


def saved(picture: Picture, file_format: str, **options: int) -> bytes:
    """The bytes of a file of the image."""
    buffer = BytesIO()
    picture.save(buffer, file_format, **options)
    return buffer.getvalue()


def reread(picture: Picture, file_format: str, **options: int) -> Picture:
    """The image after it was saved."""
    with Image.open(BytesIO(saved(picture, file_format, **options))) as image:
        return image.convert("RGB")


def resized(picture: Picture, factor: float) -> Picture:
    """The image with both sides so many times as long."""
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    return picture.resize(size, Image.Resampling.BICUBIC)


def cropped(picture: Picture, share: float) -> Picture:
    """The image without this share of its width at the left, and of its height at the bottom."""
    width, height = picture.size
    return picture.crop((round(width * share), 0, width, round(height * (1 - share))))


CHANGES: dict[str, Callable[[Picture], Picture]] = {
    "JPEG, quality 30": lambda p: reread(p, "JPEG", quality=30),
    "JPEG, quality 95": lambda p: reread(p, "JPEG", quality=95),
    "WebP, quality 50": lambda p: reread(p, "WEBP", quality=50),
    "GIF": lambda p: reread(p, "GIF"),
    "0.25 times as large": lambda p: resized(p, 0.25),
    "0.5 times as large": lambda p: resized(p, 0.5),
    "4 times as large": lambda p: resized(p, 4.0),
    "448 x 448": lambda p: p.resize((448, 448), Image.Resampling.BILINEAR),
    "half as large, then JPEG, quality 50": lambda p: reread(resized(p, 0.5), "JPEG", quality=50),
    "2 % cropped from two sides": lambda p: cropped(p, 0.02),
    "4 % cropped from two sides": lambda p: cropped(p, 0.04),
    "brighter by 15 %": lambda p: ImageEnhance.Brightness(p).enhance(1.15),
    "darker by 25 %": lambda p: ImageEnhance.Brightness(p).enhance(0.75),
    "contrast lower by 30 %": lambda p: ImageEnhance.Contrast(p).enhance(0.7),
    "grey": lambda p: p.convert("L"),
}


def _drawn(figure: Figure) -> Picture:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())
