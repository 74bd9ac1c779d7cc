"""What a data set is: images as uint8 tensors in memory, and seeded batches of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as transforms
from typing_extensions import Self

from aigc_demo.imaging import images
from aigc_demo.methods.base import Batch

Split = Literal["train", "test"]


@dataclass(frozen=True)
class Dataset:
    """Images uint8 (N, C, H, W), class numbers int64 (N,), and what is known of them."""

    name: str
    title: str
    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    licence: str
    flip: bool | Tensor = False  # may images be mirrored; one answer, or (N,)
    private: bool = False  # a user's own: nothing of it is kept outside its run

    def __len__(self) -> int:
        return len(self.images)

    def limited(self, count: int | None, seed: int) -> Self:
        """Return at most `count` of the images, chosen by `seed`."""
        if count is None or count >= len(self):
            return self
        return self.only(_order(len(self), seed, 0)[:count])

    def only(self, chosen: Tensor) -> Self:
        """Return the images with the numbers `chosen`, int64 (n,)."""
        flip = self.flip[chosen] if isinstance(self.flip, Tensor) else self.flip
        return replace(self, images=self.images[chosen], labels=self.labels[chosen], flip=flip)

    def batches(
        self, size: int, *, seed: int, start: int = 0, device: torch.device | str = "cpu"
    ) -> Iterator[Batch]:
        """Yield batches for ever, in an order that `seed` alone decides; `start` skips to the
        batch of a step.

        Every image comes once an epoch; the last batch of an epoch is filled from the next one.
        """
        orders: dict[int, Tensor] = {}
        for step in itertools.count(start):
            chosen = batch_indices(len(self), size, step, seed, orders)
            (x,) = self._mirrored([self.images[chosen]], step, seed, chosen)
            x = x.to(device, memory_format=torch.channels_last)
            yield Batch(x, self.labels[chosen].to(device))

    def _mirrored(
        self, pixels: list[Tensor], step: int, seed: int, chosen: Tensor
    ) -> list[Tensor]:
        """Return uint8 images as floats, some of them mirrored, the same ones in each tensor."""
        batches = [images.from_pixels(x) for x in pixels]
        if self.flip is False:
            return batches
        generator = torch.Generator().manual_seed((int(seed) * 1_000_003 + step) % 2**63)
        mirrored = torch.rand(len(chosen), generator=generator) < 0.5
        if isinstance(self.flip, Tensor):
            mirrored &= self.flip[chosen]
        return [torch.where(mirrored[:, None, None, None], x.flip(-1), x) for x in batches]


def _order(n: int, seed: int, epoch: int) -> Tensor:
    generator = torch.Generator().manual_seed((int(seed) * 7919 + epoch) % 2**63)
    return torch.randperm(n, generator=generator)


def batch_indices(n: int, size: int, step: int, seed: int, orders: dict[int, Tensor]) -> Tensor:
    """Return which of `n` images a batch has; `orders` holds those of recent epochs."""
    positions = torch.arange(step * size, (step + 1) * size)
    epochs = torch.unique(positions // n).tolist()
    recent = {e: orders[e] if e in orders else _order(n, seed, e) for e in epochs}
    orders.clear()
    orders.update(recent)
    return torch.cat([recent[e][positions[positions // n == e] % n] for e in epochs])


@dataclass(frozen=True)
class Domains(Dataset):
    """Images of several domains: `images` are those of the first, `others` those of the rest.

    Where they are `paired`, image i of one domain shows the same as image i of another; where they
    are not, there may be more of one than of another. With two domains a batch goes from the first
    to the second; with more, `classes` are their names, and each image goes from any domain to any
    other.
    """

    others: tuple[Tensor, ...] = ()
    domains: tuple[str, ...] = ()
    paired: bool = False

    def __len__(self) -> int:
        return max(len(x) for x in (self.images, *self.others))

    def unpaired(self) -> Domains:
        """Return the same images without their pairing."""
        return replace(self, paired=False)

    def batches(
        self, size: int, *, seed: int, start: int = 0, device: torch.device | str = "cpu"
    ) -> Iterator[Batch]:
        """Yield batches for ever, in an order that `seed` alone decides, with ``targets``: images
        of the other domain, which show the same where they are paired.
        """
        domains = (self.images, *self.others)
        orders: list[dict[int, Tensor]] = [{} for _ in domains]
        for step in itertools.count(start):
            if len(domains) == 2:
                seeds = (seed, seed if self.paired else seed + 1)
                numbers = [
                    batch_indices(len(x), size, step, s, recent)
                    for x, s, recent in zip(domains, seeds, orders, strict=True)
                ]
                pair = [x[i] for x, i in zip(domains, numbers, strict=True)]
                chosen, labels = numbers[0], torch.ones(size, dtype=torch.int64)
            else:
                chosen = batch_indices(len(self), size, step, seed, orders[0])
                generator = torch.Generator().manual_seed((int(seed) * 65_537 + step) % 2**63)
                shuffled = torch.rand(size, len(domains), generator=generator).argsort(dim=1)
                source, labels = shuffled[:, 0], shuffled[:, 1]
                stacked, place = torch.stack([x[chosen] for x in domains]), torch.arange(size)
                pair = [stacked[source, place], stacked[labels, place]]
            x, y = (
                x.to(device, memory_format=torch.channels_last)
                for x in self._mirrored(pair, step, seed, chosen)
            )
            yield Batch(x, labels.to(device), y)


@dataclass(frozen=True)
class Source:
    """Where a data set comes from, and how its images are brought to one size.

    Its repr is part of the keys of the tensor cache.
    """

    name: str
    title: str
    size: int
    channels: int
    licence: str
    flip: bool = False
    background: int = 0
    classes: tuple[str, ...] = ()
    torchvision: Callable[..., object] | None = None
    synthetic: Callable[[Split, int], Dataset] | None = None
    archive: str = ""
    # the folders of a split, where the archive has splits; those of the domains, where it has them
    train: tuple[str, ...] = ("train/",)
    test: tuple[str, ...] = ("test/",)
    windows: int = 1  # squares that are cut from an image; 1: the largest one
    domains: tuple[str, ...] = ()
    paired: bool = False  # do files of the same name in its domains belong together
    held_out: int = 0  # names that are held out where the archive has no splits
    captions: bool = field(default=False, repr=False)  # has it a captions.csv
    named: bool = field(default=True, repr=False)  # do its images belong to named classes

    def dataset(self, pixels: Tensor, labels: Tensor, classes: tuple[str, ...]) -> Dataset:
        """Return images of this source as a data set."""
        return Dataset(self.name, self.title, pixels, labels, classes, self.licence, self.flip)


def fit(pixels: Tensor, size: int) -> Tensor:
    """Bring uint8 (N, C, h, w) to `size`: pad 28 to 32 with black, resize otherwise."""
    height, width = pixels.shape[-2:]
    if (height, width) == (size, size):
        return pixels.contiguous()
    if height == width and 0 < size - height <= 8:
        before = (size - height) // 2
        after = size - height - before
        return torch.nn.functional.pad(pixels, (before, after, before, after))
    return transforms.resize(pixels, [size, size], antialias=True)
