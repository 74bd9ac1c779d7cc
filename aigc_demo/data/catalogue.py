"""``DATASETS``: the registered data sets, by key.

A set comes from torchvision, from an archive in the data folder, or is rendered here.
"""

from __future__ import annotations

from typing import Any

from torchvision import datasets

from aigc_demo.data import synthetic_shapes
from aigc_demo.data.dataset import Source
from aigc_demo.data.layouts import A_AND_B

DIGITS = tuple("0123456789")
FASHION = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
CIFAR10 = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
STYLES = ("twemoji", "noto", "fluentui", "openmoji")
MONET_LICENCE = "paintings public domain, photos unclear"


def _photographs(name: str, title: str, licence: str, **fields: Any) -> Source:
    fields = {"archive": f"{name}.zip", "flip": True} | fields
    return Source(name, title, 128, 3, licence, **fields)


def _emoji(
    name: str, title: str, licence: str = "MIT, OFL, CC BY-SA 4.0", **fields: Any
) -> Source:
    return Source(name, title, 64, 3, licence, background=255, archive="emoji.zip", **fields)


def _emoji_styles(name: str, title: str, styles: tuple[str, ...], **fields: Any) -> Source:
    folders = tuple(f"{style}/" for style in styles)
    fields |= {"domains": styles, "train": folders, "test": folders}
    return _emoji(name, title, paired=True, held_out=100, **fields)


def _shapes(name: str, title: str, size: int, **fields: Any) -> Source:
    return Source(name, title, size, 3, synthetic_shapes.LICENCE, **fields)


SOURCES = (
    Source(
        "mnist",
        "Digits (MNIST)",
        32,
        1,
        "CC BY-SA 3.0",
        classes=DIGITS,
        torchvision=datasets.MNIST,
    ),
    Source(
        "fashion_mnist",
        "Fashion-MNIST",
        32,
        1,
        "MIT",
        classes=FASHION,
        torchvision=datasets.FashionMNIST,
    ),
    Source(
        "cifar10",
        "CIFAR-10",
        32,
        3,
        "none stated",
        flip=True,
        classes=CIFAR10,
        archive="cifar10.zip",
        torchvision=datasets.CIFAR10,
    ),
    Source("quickdraw", "Doodles (Quick, Draw!)", 32, 1, "CC BY 4.0", archive="quickdraw.zip"),
    Source("scenes", "Scenes", 64, 3, "unclear", flip=True, archive="scenes.zip"),
    Source("pixel_tiles", "Game sprites", 32, 3, "CC0", archive="pixel_tiles.zip"),
    _emoji("emoji", "Emoji in four styles"),
    _photographs(
        "bsds500",
        "Photographs (BSDS500)",
        "research use",
        train=("train/", "test/"),
        test=(),
        windows=12,
        named=False,
    ),
    _photographs(
        "landscapes",
        "Landscape photographs",
        "unclear (Flickr)",
        archive="monet2photo.zip",
        train=("trainB/",),
        test=("testB/",),
        named=False,
    ),
    _photographs(
        "monet2photo",
        "Monet and photographs",
        MONET_LICENCE,
        domains=("Monet", "photo"),
        **A_AND_B,
    ),
    _photographs(
        "summer2winter",
        "Summer and winter",
        "unclear (Flickr)",
        domains=("summer", "winter"),
        **A_AND_B,
    ),
    _photographs(
        "facades",
        "Façades and their plans",
        "CMP, unverified",
        domains=("plan", "photo"),
        paired=True,
        **A_AND_B,
    ),
    _emoji_styles(
        "twemoji2fluentui", "Emoji: Twemoji and Fluent", ("twemoji", "fluentui"), licence="MIT"
    ),
    _emoji_styles("emoji_styles", "Emoji in any style", STYLES),
    _shapes(
        "shapes",
        "Shapes (drawn here)",
        32,
        classes=tuple(synthetic_shapes.KINDS),
        synthetic=synthetic_shapes.pictures,
    ),
    _shapes(
        "outlines",
        "Outlines and shapes (drawn here)",
        64,
        domains=("outline", "shape"),
        paired=True,
        synthetic=synthetic_shapes.outlines,
    ),
    _emoji("emoji_captions", "Emoji and what they are called", held_out=200, captions=True),
)
DATASETS: dict[str, Source] = {source.name: source for source in SOURCES}
