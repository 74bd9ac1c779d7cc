"""Coloured shapes that are rendered here, for lessons, and where there is no file and no network.

Each picture has one shape in front of a plain or softly textured ground, and all is known of it:
class, caption, mask and box. Picture i is the same however many are asked for, and shows the same
scene at every size: its numbers come from a hash of the seed, the split and i (splitmix64: Steele,
Lea & Flood, "Fast Splittable Pseudorandom Number Generators", 2014), not from a generator that
others have drawn from. Edges are smooth: how much of a pixel is covered follows from the signed
distance of its middle to the edge.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aigc_demo.data.dataset import Dataset, Domains, Split

Array = NDArray[Any]

COUNTS: dict[Split, int] = {"train": 6000, "test": 1000}
LICENCE = "made here, CC0"
COLOURS = {
    "red": (214, 40, 46),
    "orange": (242, 130, 24),
    "yellow": (250, 208, 28),
    "green": (38, 150, 62),
    "blue": (38, 96, 220),
    "purple": (142, 60, 186),
}
GROUNDS = {
    "white": (250, 250, 248),
    "grey": (150, 154, 160),
    "sand": (226, 212, 184),
    "night": (26, 28, 46),
}
SIZES = {"small": (0.17, 0.21), "medium": (0.25, 0.30), "large": (0.34, 0.41)}  # radii
EDGE = 0.03  # the least between a shape and the edge of its picture, in sides
TURN = 0.26  # the most that a shape is turned, in radians
GRID, SWING = 6, 26.0  # a texture's random values a side, and how far they go, in grey levels
LINE = 1.3  # half the width of an outline in pixels of 64
BLOCK = 500  # pictures rendered at a time
DRAWS = 10 + GRID * GRID  # random numbers a picture

ROWS, COLUMNS = ("top", "middle", "bottom"), ("left", "middle", "right")


@dataclass(frozen=True)
class Shapes(Dataset):
    """Pictures of shapes with a caption each, masks uint8 (N, 1, H, W), 255 in the shape, and
    boxes int64 (N, 4): left, top, right, bottom in pixels, the last two excluded.
    """

    captions: tuple[str, ...] = ()
    masks: Tensor | None = None
    boxes: Tensor | None = None


def pictures(split: Split, size: int, *, n: int | None = None, seed: int = 0) -> Shapes:
    """Render `n` (else the split's own number) pictures of side `size`."""
    scenes = Scenes.draw(split, n or COUNTS[split], seed)
    images, masks = _render(scenes, size)
    return Shapes(
        name="shapes",
        title="Shapes",
        images=images,
        labels=torch.from_numpy(scenes.kind),
        classes=tuple(KINDS),
        licence=LICENCE,
        captions=tuple(map(scenes.caption, range(len(scenes.kind)))),
        masks=masks,
        boxes=boxes_of(masks),
    )


def outlines(split: Split, size: int, *, n: int | None = None, seed: int = 0) -> Domains:
    """Render pairs: the outline of a shape, and the same shape filled in."""
    scenes = Scenes.draw(split, n or COUNTS[split] // 4, seed)
    filled, drawn = _render(scenes, size, outline=True)
    return Domains(
        name="outlines",
        title="Outlines, to be filled",
        images=drawn,
        labels=torch.zeros(len(drawn), dtype=torch.int64),
        classes=(),
        licence=LICENCE,
        others=(filled,),
        domains=("outline", "shape"),
        paired=True,
    )


@dataclass(frozen=True)
class Scenes:
    """What is to be seen in N pictures, in sides of a picture and radians."""

    kind: Array  # (N,) which of KINDS
    colour: Array  # (N,) which of COLOURS
    ground: Array  # (N,) which of GROUNDS
    scale: Array  # (N,) which of SIZES
    radius: Array  # (N,)
    middle: Array  # (N, 2) x, y
    angle: Array  # (N,)
    textured: Array  # (N,) bool
    texture: Array  # (N, GRID, GRID) in [-1, 1]

    @classmethod
    def draw(cls, split: Split, n: int, seed: int) -> Scenes:
        """Draw the scenes 0 to n - 1; kinds come in turn, the rest at random."""
        u = _uniforms(seed, ("train", "test").index(split), n)
        scale = (u[:, 0] * len(SIZES)).astype(np.int64)
        low, high = np.array([*SIZES.values()])[scale].T
        radius = low + (high - low) * u[:, 1]
        room = 1 - 2 * (radius + EDGE)
        return cls(
            kind=np.arange(n, dtype=np.int64) % len(KINDS),
            colour=(u[:, 2] * len(COLOURS)).astype(np.int64),
            ground=(u[:, 3] * len(GROUNDS)).astype(np.int64),
            scale=scale,
            radius=radius,
            middle=radius[:, None] + EDGE + room[:, None] * u[:, 4:6],
            angle=(2 * u[:, 6] - 1) * TURN,
            textured=u[:, 7] < 0.5,
            texture=2 * u[:, 10:].reshape(n, GRID, GRID) - 1,
        )

    def parts(self) -> list[Scenes]:
        """Return the same scenes in blocks."""
        edges = range(0, len(self.kind), BLOCK)
        return [
            Scenes(**{name: x[at : at + BLOCK] for name, x in vars(self).items()}) for at in edges
        ]

    def caption(self, i: int) -> str:
        """Describe picture `i` in words."""
        names = (SIZES, COLOURS, KINDS, GROUNDS)
        which = (self.scale[i], self.colour[i], self.kind[i], self.ground[i])
        size, colour, kind, ground = ([*n][k] for n, k in zip(names, which, strict=True))
        column, row = (int(np.clip((x - 0.2) / 0.2, 0, 2.99)) for x in self.middle[i])
        place = " ".join(dict.fromkeys((ROWS[row], COLUMNS[column])))
        surface = "textured " if self.textured[i] else "plain "
        return f"a {size} {colour} {kind} in the {place} on {surface}{ground}"


def _uniforms(seed: int, split: int, n: int) -> Array:
    """Return float64 (n, DRAWS) in [0, 1) that depend on nothing but seed, split and place."""
    stream = (seed % 2**53 * 2 + split) * 0xD1342543DE82EF95 % 2**64
    z = np.arange(n * DRAWS, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z += np.uint64(stream)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z = (z ^ (z >> np.uint64(shift))) * np.uint64(factor)
    z ^= z >> np.uint64(31)
    return ((z >> np.uint64(11)) * 2.0**-53).reshape(n, DRAWS)


def _render(scenes: Scenes, size: int, *, outline: bool = False) -> tuple[Tensor, Tensor]:
    """Return pictures uint8 (N, 3, S, S), and masks (N, 1, S, S) or outlines (N, 3, S, S)."""
    pairs = [_render_block(part, size, outline) for part in scenes.parts()]
    pictures, others = (np.concatenate(p) for p in zip(*pairs, strict=True))
    return torch.from_numpy(pictures), torch.from_numpy(others)


def _render_block(scenes: Scenes, size: int, outline: bool) -> list[Array]:
    # Measure how far each pixel's middle is from the edge, in pixels; inside is negative.
    places = (np.arange(size, dtype=np.float32) + 0.5) / size
    x, y = (
        ((places[None] - m[:, None]) / scenes.radius[:, None]).astype(np.float32)
        for m in scenes.middle.T
    )
    cos, sin = (f(scenes.angle).astype(np.float32)[:, None, None] for f in (np.cos, np.sin))
    x, y = x[:, None, :], y[:, :, None]  # (N, 1, S), (N, S, 1)
    x, y = cos * x + sin * y, cos * y - sin * x  # (N, S, S), turned, in radii
    distance = np.empty_like(x)
    for number, measure in enumerate(KINDS.values()):
        own = scenes.kind == number
        distance[own] = measure(x[own], y[own])
    distance *= (scenes.radius * size).astype(np.float32)[:, None, None]

    # Lay the shape, or its outline, over the ground.
    ground = np.array([*GROUNDS.values()], dtype=np.float32)[scenes.ground][:, :, None, None]
    colour = np.array([*COLOURS.values()], dtype=np.float32)[scenes.colour][:, :, None, None]
    cover = np.clip(0.5 - distance, 0, 1)[:, None]  # (N, 1, S, S)
    textured = ground + SWING * _texture(scenes, size)
    filled = textured + (colour - textured) * cover
    other = 255 * cover
    if outline:
        line = np.clip(0.5 + LINE * size / 64 - np.abs(distance), 0, 1)[:, None]
        other = ground + (colour - ground) * line
    return [(a.clip(0, 255) + 0.5).astype(np.uint8) for a in (filled, other)]


def _texture(scenes: Scenes, size: int) -> Array:
    """Return soft stains (N, 1, S, S) in [-1, 1], 0 where the ground is plain."""
    at = np.linspace(0, GRID - 1, size, dtype=np.float32)[:, None]
    weights = np.clip(1 - np.abs(at - np.arange(GRID, dtype=np.float32)), 0, 1)  # (S, GRID)
    grid = np.where(scenes.textured[:, None, None], scenes.texture, 0).astype(np.float32)
    return (weights @ grid @ weights.T)[:, None]


def boxes_of(masks: Tensor) -> Tensor:
    """Return int64 (N, 4): left, top, right, bottom of what is over half covered."""
    inside = masks[:, 0] > 127
    edges = []
    for along in (1, 2):  # columns, then rows
        line = inside.any(dim=along).int()
        edges += [line.argmax(dim=1), line.shape[1] - line.flip(1).argmax(dim=1)]
    left, right, top, bottom = edges
    return torch.stack([left, top, right, bottom], dim=1)


# --- Signed distances to shapes of radius 1 about 0; x and y (N, S, S) ---------------------------


def circle(x: Array, y: Array) -> Array:
    return np.hypot(x, y) - 0.94


def square(x: Array, y: Array) -> Array:
    return np.maximum(np.abs(x), np.abs(y)) - 0.78


def triangle(x: Array, y: Array) -> Array:
    return np.maximum(np.abs(x) * 0.866 - y * 0.5, y) - 0.5


def star(x: Array, y: Array, *, inner: float = 0.45) -> Array:
    """Five points: fold the plane into half a point, and measure to its one edge."""
    sector = np.pi / 5
    angle = np.arctan2(x, -y)  # 0: up
    angle = np.abs((angle + sector) % (2 * sector) - sector)
    r = np.hypot(x, y)
    tip, notch = np.array([1.0, 0.0]), inner * np.array([np.cos(sector), np.sin(sector)])
    along = (notch - tip) / np.linalg.norm(notch - tip)
    px, py = r * np.cos(angle) - tip[0], r * np.sin(angle) - tip[1]
    return (py * -along[0] + px * along[1]).astype(x.dtype)


def cross(x: Array, y: Array) -> Array:
    x, y = np.abs(x), np.abs(y)
    return np.minimum(np.maximum(x - 0.95, y - 0.31), np.maximum(x - 0.31, y - 0.95))


def ring(x: Array, y: Array) -> Array:
    return np.abs(np.hypot(x, y) - 0.72) - 0.24


KINDS: dict[str, Callable[[Array, Array], Array]] = {
    "circle": circle,
    "square": square,
    "triangle": triangle,
    "star": star,
    "cross": cross,
    "ring": ring,
}
