"""``DATASETS``: the registered data sets, by key.

A set comes from torchvision, from an archive in the data folder (docs/DATA.md says where to get
them), or is rendered here.
"""

from __future__ import annotations

import torchvision

from aigc_demo.data import synthetic_shapes
from aigc_demo.data.dataset import Source
from aigc_demo.data.layouts import A_AND_B

FASHION = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
CIFAR10 = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
STYLES = ("twemoji", "noto", "fluentui", "openmoji")
STYLE_FOLDERS = tuple(f"{style}/" for style in STYLES)
EMOJI_LICENCE = "MIT, OFL, CC BY-SA 4.0"
MONET_LICENCE = "paintings public domain, photos unclear"

SOURCES = (
    Source(
        "mnist",
        "Digits (MNIST)",
        size=32,
        channels=1,
        licence="CC BY-SA 3.0",
        classes=tuple("0123456789"),
        torchvision=torchvision.datasets.MNIST,
    ),
    Source(
        "fashion_mnist",
        "Fashion-MNIST",
        size=32,
        channels=1,
        licence="MIT",
        classes=FASHION,
        torchvision=torchvision.datasets.FashionMNIST,
    ),
    Source(
        "cifar10",
        "CIFAR-10",
        size=32,
        channels=3,
        licence="none stated",
        flip=True,
        classes=CIFAR10,
        torchvision=torchvision.datasets.CIFAR10,
        archive="cifar10.zip",
    ),
    Source(
        "quickdraw",
        "Doodles (Quick, Draw!)",
        size=32,
        channels=1,
        licence="CC BY 4.0",
        archive="quickdraw.zip",
    ),
    Source(
        "scenes", "Scenes", size=64, channels=3, licence="unclear", flip=True, archive="scenes.zip"
    ),
    Source(
        "pixel_tiles",
        "Game sprites",
        size=32,
        channels=3,
        licence="CC0",
        archive="pixel_tiles.zip",
    ),
    Source(
        "emoji",
        "Emoji in four styles",
        size=64,
        channels=3,
        licence=EMOJI_LICENCE,
        background=255,
        archive="emoji.zip",
    ),
    Source(
        "bsds500",
        "Photographs (BSDS500)",
        size=128,
        channels=3,
        licence="research use",
        flip=True,
        archive="bsds500.zip",
        train=("train/", "test/"),
        test=(),
        windows=12,
        named=False,
    ),
    Source(
        "landscapes",
        "Landscape photographs",
        size=128,
        channels=3,
        licence="unclear (Flickr)",
        flip=True,
        archive="monet2photo.zip",
        train=("trainB/",),
        test=("testB/",),
        named=False,
    ),
    Source(
        "monet2photo",
        "Monet and photographs",
        size=128,
        channels=3,
        licence=MONET_LICENCE,
        flip=True,
        archive="monet2photo.zip",
        domains=("Monet", "photo"),
        **A_AND_B,
    ),
    Source(
        "summer2winter",
        "Summer and winter",
        size=128,
        channels=3,
        licence="unclear (Flickr)",
        flip=True,
        archive="summer2winter.zip",
        domains=("summer", "winter"),
        **A_AND_B,
    ),
    Source(
        "facades",
        "Façades and their plans",
        size=128,
        channels=3,
        licence="CMP, unverified",
        flip=True,
        archive="facades.zip",
        domains=("plan", "photo"),
        paired=True,
        **A_AND_B,
    ),
    Source(
        "twemoji2fluentui",
        "Emoji: Twemoji and Fluent",
        size=64,
        channels=3,
        licence="MIT",
        background=255,
        archive="emoji.zip",
        domains=("twemoji", "fluentui"),
        paired=True,
        held_out=100,
        train=("twemoji/", "fluentui/"),
        test=("twemoji/", "fluentui/"),
    ),
    Source(
        "emoji_styles",
        "Emoji in any style",
        size=64,
        channels=3,
        licence=EMOJI_LICENCE,
        background=255,
        archive="emoji.zip",
        domains=STYLES,
        paired=True,
        held_out=100,
        train=STYLE_FOLDERS,
        test=STYLE_FOLDERS,
    ),
    Source(
        "shapes",
        "Shapes (drawn here)",
        size=32,
        channels=3,
        licence=synthetic_shapes.LICENCE,
        classes=tuple(synthetic_shapes.KINDS),
        synthetic=synthetic_shapes.pictures,
    ),
    Source(
        "outlines",
        "Outlines and shapes (drawn here)",
        size=64,
        channels=3,
        licence=synthetic_shapes.LICENCE,
        domains=("outline", "shape"),
        paired=True,
        synthetic=synthetic_shapes.outlines,
    ),
    Source(
        "emoji_captions",
        "Emoji and what they are called",
        size=64,
        channels=3,
        licence=EMOJI_LICENCE,
        background=255,
        archive="emoji.zip",
        held_out=200,
        captions=True,
    ),
)
DATASETS: dict[str, Source] = {source.name: source for source in SOURCES}
