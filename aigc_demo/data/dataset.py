"""What a data set is: pictures as uint8 tensors in memory, and seeded batches of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
import torchvision
from torch import Tensor

from aigc_demo import images
from aigc_demo.methods.base import Batch

Split = Literal["train", "test"]


@dataclass(frozen=True)
class Dataset:
    """Pictures uint8 (N, C, H, W), class numbers int64 (N,), and what is known of them."""

    name: str
    title: str
    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    licence: str
    flip: bool | Tensor = False  # may pictures be mirrored; one answer, or (N,)

    def __len__(self) -> int:
        return len(self.images)

    def batches(
        self,
        size: int,
        *,
        seed: int,
        start: int = 0,
        device: torch.device | str = "cpu",
    ) -> Iterator[Batch]:
        """Yield batches for ever, in an order that `seed` alone decides; `start` skips to the
        batch of a step.

        Every picture comes once an epoch; the last batch of an epoch is filled from the next one.
        """
        n, step = len(self), start
        orders: dict[int, Tensor] = {}
        while True:
            positions = torch.arange(step * size, (step + 1) * size)
            epochs = torch.unique(positions // n).tolist()
            orders = {e: orders[e] if e in orders else self._order(seed, e) for e in epochs}
            chosen = torch.cat([orders[e][positions[positions // n == e] % n] for e in epochs])
            x = images.from_pixels(self.images[chosen])
            if self.flip is not False:
                generator = torch.Generator().manual_seed((seed * 1_000_003 + step) % 2**63)
                mirrored = torch.rand(size, generator=generator) < 0.5
                if isinstance(self.flip, Tensor):
                    mirrored &= self.flip[chosen]
                x = torch.where(mirrored[:, None, None, None], x.flip(-1), x)
            x = x.to(device, memory_format=torch.channels_last)
            yield Batch(x, self.labels[chosen].to(device))
            step += 1

    def _order(self, seed: int, epoch: int) -> Tensor:
        generator = torch.Generator().manual_seed((seed * 7919 + epoch) % 2**63)
        return torch.randperm(len(self), generator=generator)


@dataclass(frozen=True)
class Source:
    """Where a data set comes from, and how its pictures are brought to one size."""

    name: str
    title: str
    size: int
    channels: int
    licence: str
    flip: bool = False
    background: int = 0
    classes: tuple[str, ...] = ()
    torchvision: Callable[..., object] | None = None
    archive: str = ""
    train: tuple[str, ...] = ("train/",)  # the folders of a split, where the archive has splits
    test: tuple[str, ...] = ("test/",)
    windows: int = 1  # squares that are cut from a picture; 1: the largest one


def fit(pixels: Tensor, size: int) -> Tensor:
    """Bring uint8 (N, C, h, w) to `size`: pad 28 to 32 with black, resize otherwise."""
    height, width = pixels.shape[-2:]
    if (height, width) == (size, size):
        return pixels.contiguous()
    if height == width and 0 < size - height <= 8:
        before = (size - height) // 2
        after = size - height - before
        return torch.nn.functional.pad(pixels, (before, after, before, after))
    return torchvision.transforms.v2.functional.resize(pixels, [size, size], antialias=True)
