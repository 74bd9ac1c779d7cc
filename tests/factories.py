"""Pictures, data sets and plans that are small enough to train on within a test."""

from __future__ import annotations

import functools
import io
import json
import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw
from skimage import data as photographs
from torchvision.transforms import v2

from aigc_demo.methods import METHODS, checkpoint
from aigc_demo.methods.base import Batch, Generative
from aigc_demo.nn import byte_tokenizer
from aigc_demo.requests import TrainPlan
from aigc_demo.training import runs
from aigc_demo.training.events import Event

CONFIGS: dict[str, dict[str, Any]] = {
    "dcgan": {"width": 8, "latent": 8},
    "vae": {"width": 16, "latent": 3, "components": 2},
    "flow": {"width": 16, "growth": [1, 1], "depth": [1, 1]},
    "text2image": {
        "size": 32,
        "width": 16,
        "depth": 1,
        "outer": 16,
        "plan": 16,
        "layout": 4,
        "reader": 16,
        "read": 1,
        "slots": 2,
        "table": 64,
    },
    "repair": {"widths": [8, 8], "blocks": [1, 1], "crop": 16},
    "cyclegan": {
        "size": 32,
        "width": 8,
        "blocks": 1,
        "crop": 16,
        "d_width": 8,
        "d_layers": 1,
        "pool": 3,
    },
    "pix2pix": {"size": 32, "widths": [8, 8], "d_width": 8, "d_layers": 1},
    "segment": {"size": 32, "widths": [8, 8], "field": 2},
    "inpaint": {"widths": [8] * 4, "blocks": [1] * 4, "dilations": [1], "crop": 32},
    "classifier": {"widths": [8, 8, 8], "features": 8},
}
RESTORE = [name for name, method in METHODS.items() if method.task == "restore"]
TRANSLATE = [name for name, method in METHODS.items() if method.task == "translate"]
GENERATE = [name for name, method in METHODS.items() if method.task == "generate"]
LABELLED = [name for name in GENERATE if METHODS[name].condition == "label"]
SHAPES = ("discs", "squares")
EACH = 12  # pictures a class; of the 24 names 3 are held out


@functools.cache
def photo(number: int = 0) -> torch.Tensor:
    """Return a small photograph, uint8 (3, 48, 48)."""
    pixels = (photographs.astronaut, photographs.coffee)[number]()[:400, :400]
    return v2.functional.resize(torch.from_numpy(pixels).permute(2, 0, 1), [48, 48])


def draw(kind: int, index: int, side: int = 32) -> Image.Image:
    """Paint a red disc (kind 0) or a blue square (kind 1) on white; `index` moves it."""
    image = Image.new("RGB", (side, side), "white")
    x, y = 2 + index % 4, 2 + index // 4
    pen = ImageDraw.Draw(image)
    paint = pen.ellipse if kind == 0 else pen.rectangle
    paint((x, y, x + side // 2, y + side // 2), fill=("red", "blue")[kind])
    return image


def png_header(width: int, height: int) -> bytes:
    """Return a small PNG file that says it is large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(*c) for c in [(b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")]
    )


def write_folder(folder: Path, each: int = EACH) -> Path:
    """Write a folder of two class folders."""
    for kind, name in enumerate(SHAPES):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i in range(each):
            draw(kind, i).save(folder / name / f"{i:03d}.png")
    return folder


def write_pairs(folder: Path, each: int = 21) -> Path:
    """Write trainA/ with discs and trainB/ with squares at the same places, and a few to test."""
    for split, count in (("train", each), ("test", 3)):
        for kind, end in enumerate("AB"):
            (folder / f"{split}{end}").mkdir(parents=True)
            for i in range(count):
                drawn = draw(kind, i if split == "train" else 100 + i)
                drawn.save(folder / f"{split}{end}" / f"{i:03d}.png")
    return folder


def write_zip(path: Path, folder: Path) -> Path:
    """Pack `folder` into a zip."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*.*")):
            archive.write(file, file.relative_to(folder).as_posix())
    return path


def write_mnist(root: Path, count: int = 20) -> Path:
    """Write MNIST's four idx files, with `count` pictures in each split, as torchvision lays them
    out; all pixels of picture i are i + 1.
    """
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for split in ("train", "t10k"):
        pixels = b"".join(bytes([i + 1]) * 28 * 28 for i in range(count))
        images = struct.pack(">IIII", 0x803, count, 28, 28) + pixels
        labels = struct.pack(">II", 0x801, count) + bytes(i % 10 for i in range(count))
        (raw / f"{split}-images-idx3-ubyte").write_bytes(images)
        (raw / f"{split}-labels-idx1-ubyte").write_bytes(labels)
    return root


def write_doodles(root: Path, each: int = 300) -> Path:
    """Write a data root whose doodles are rings and crosses, enough of them to be scored."""
    root.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(root / "quickdraw.zip", "w") as archive:
        for split, seed in (("train", 0), ("test", 1)):
            numbers = torch.Generator().manual_seed(seed)
            for kind in ("cross", "ring"):
                for i in range(each):
                    x, y, r = torch.randint(0, 6, (3,), generator=numbers).tolist()
                    image = Image.new("L", (28, 28))
                    pen, box = ImageDraw.Draw(image), (x + 3, y + 3, x + 12 + r, y + 12 + r)
                    if kind == "ring":
                        pen.ellipse(box, outline=255, width=2)
                    else:
                        pen.line(box, fill=255, width=2)
                        pen.line((box[0], box[3], box[2], box[1]), fill=255, width=2)
                    out = io.BytesIO()
                    image.save(out, "PNG")
                    archive.writestr(f"{split}/{kind}/{i}.png", out.getvalue())
    return root


def write_facades(root: Path) -> Path:
    """Add plans and façades that are none to a data root."""
    folder = write_pairs(root / "facades")
    write_zip(root / "facades.zip", folder)
    return root


def plan(method: str, data: Path | str, **fields: Any) -> TrainPlan:
    """Return a plan of a few steps of a tiny model."""
    given = {"steps": 3, "batch": 4, "warmup": 2, "score_every": 0, "config": CONFIGS[method]}
    given |= fields
    return TrainPlan(method=method, data=str(data), **given)


def train(runs_root: Path, plan: TrainPlan, name: str = "run", **settings: Any) -> list[Event]:
    """Run `plan` to its end in ``runs_root/name``."""
    return list(follow(runs.create(runs_root, plan, name), **settings))


def follow(directory: Path, **settings: Any) -> Iterator[Event]:
    """Run what `directory` plans on the CPU, with an event at every step."""
    return runs.run(directory, **{"device": torch.device("cpu"), "log_every": 0.0} | settings)


def model(
    method: str,
    *,
    seed: int = 0,
    classes: int = 2,
    channels: int = 3,
    config: dict[str, Any] | None = None,
) -> Generative:
    """Return an untrained tiny model whose weights survive being stored in half precision."""
    torch.manual_seed(seed)
    shape = {"classes": classes * METHODS[method].classes, "channels": channels}
    built = METHODS[method].build(CONFIGS[method] | shape | (config or {}))
    for value in built.state_dict().values():
        if value.is_floating_point():
            value.add_(0.05 * torch.randn(value.shape)).copy_(value.half())
    return built.eval().requires_grad_(False)


def card(model: Generative, method: str, **fields: Any) -> checkpoint.Card:
    """Return a card that fits `model`."""
    classes = tuple(f"class {i}" for i in range(model.config.classes))
    config = model.config.model_dump(mode="json")
    return checkpoint.Card(method=method, config=config, classes=classes, **fields)


def save(folder: Path, method: str, **fields: Any) -> Generative:
    """Write an untrained tiny model to `folder` and return it."""
    built = model(method, **fields)
    checkpoint.save(folder, built, card(built, method))
    return built


def batch(size: int = 4, *, classes: int = 2, channels: int = 3, seed: int = 0) -> Batch:
    """Return random pictures of one class after the other, others to translate them to, and
    captions.
    """
    generator = torch.Generator().manual_seed(seed)
    x, y = torch.rand(2, size, channels, 32, 32, generator=generator) * 2 - 1
    captions = byte_tokenizer.encode([f"{SHAPES[i % 2]}, number {i}" for i in range(size)])
    return Batch(x, torch.arange(size) % max(classes, 1), y, captions)


def same(a: Any, b: Any) -> bool:
    """Tell whether two trees hold the same keys, values and types."""
    if type(a) is not type(b):
        return False
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def drawn(chart: Any) -> dict[str, list[tuple[float, float]]]:
    """Return the points of each curve of a chart; a level has no place on the x axis."""
    found: dict[str, list[tuple[float, float]]] = {}
    for layer in json.loads(chart.plot)["layer"] if chart else ():
        if layer["mark"]["type"] != "text":
            for row in layer["data"]["values"]:
                found.setdefault(row["curve"], []).append((row.get("x", math.nan), row["y"]))
    return found
