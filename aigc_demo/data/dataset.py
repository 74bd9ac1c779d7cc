"""What a data set is: pictures as uint8 tensors in memory, and seeded batches of them."""

from __future__ import annotations

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
    """Pictures uint8 (N, C, H, W), class numbers int64 (N,), and what is known of them."""

    name: str
    title: str
    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    licence: str
    flip: bool | Tensor = False  # may pictures be mirrored; one answer, or (N,)
    private: bool = False  # somebody's own: nothing of it is kept outside its run

    def __len__(self) -> int:
        return len(self.images)

    def limited(self, count: int | None, seed: int) -> Self:
        """Return `count` of the pictures, chosen by `seed`; all of them where there are no
        more.
        """
        if count is None or count >= len(self):
            return self
        return self.only(_order(len(self), seed, 0)[:count])

    def only(self, chosen: Tensor) -> Self:
        """Return the pictures whose numbers are `chosen`, int64 (n,)."""
        flip = self.flip[chosen] if isinstance(self.flip, Tensor) else self.flip
        return replace(self, images=self.images[chosen], labels=self.labels[chosen], flip=flip)

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
            chosen = self._chosen(n, size, step, seed, orders)
            x = images.from_pixels(self.images[chosen])
            if self.flip is not False:
                mirrored = self._mirrored(size, step, seed, chosen)
                x = torch.where(mirrored, x.flip(-1), x)
            x = x.to(device, memory_format=torch.channels_last)
            yield Batch(x, self.labels[chosen].to(device))
            step += 1

    def _chosen(
        self, n: int, size: int, step: int, seed: int, orders: dict[int, Tensor]
    ) -> Tensor:
        """Return which of `n` pictures a batch has; `orders` holds those of recent epochs."""
        positions = torch.arange(step * size, (step + 1) * size)
        epochs = torch.unique(positions // n).tolist()
        recent = {e: orders[e] if e in orders else _order(n, seed, e) for e in epochs}
        orders.clear()
        orders.update(recent)
        return torch.cat([recent[e][positions[positions // n == e] % n] for e in epochs])

    def _mirrored(self, size: int, step: int, seed: int, chosen: Tensor) -> Tensor:
        """Return which of a batch are mirrored (size, 1, 1, 1)."""
        generator = torch.Generator().manual_seed((seed * 1_000_003 + step) % 2**63)
        mirrored = torch.rand(size, generator=generator) < 0.5
        if isinstance(self.flip, Tensor):
            mirrored &= self.flip[chosen]
        return mirrored[:, None, None, None]


def _order(n: int, seed: int, epoch: int) -> Tensor:
    generator = torch.Generator().manual_seed((seed * 7919 + epoch) % 2**63)
    return torch.randperm(n, generator=generator)


@dataclass(frozen=True)
class Domains(Dataset):
    """Pictures of several domains: `images` are those of the first, `others` those of the rest.

    Where they are `paired`, picture i of one domain is that of the same thing as picture i of
    another; where they are not, there may be more of one than of another. With two domains a batch
    goes from the first to the second; with more, `classes` are their names, and each picture goes
    from any domain to any other.
    """

    others: tuple[Tensor, ...] = ()
    domains: tuple[str, ...] = ()
    paired: bool = False

    def __len__(self) -> int:
        return max(len(x) for x in (self.images, *self.others))

    def unpaired(self) -> Domains:
        """Return the same pictures, of which nobody knows what belongs together."""
        return replace(self, paired=False)

    def batches(
        self,
        size: int,
        *,
        seed: int,
        start: int = 0,
        device: torch.device | str = "cpu",
    ) -> Iterator[Batch]:
        """Yield batches for ever, in an order that `seed` alone decides, with ``targets``: the
        pictures of the other domain, of the same things where they are paired.
        """
        step = start
        every = (self.images, *self.others)
        orders: list[dict[int, Tensor]] = [{} for _ in every]
        while True:
            if len(every) == 2:
                seeds = (seed, seed if self.paired else seed + 1)
                chosen = [
                    self._chosen(len(x), size, step, s, known)
                    for x, s, known in zip(every, seeds, orders, strict=True)
                ]
                ends = [x[i] for x, i in zip(every, chosen, strict=True)]
                labels = torch.ones(size, dtype=torch.int64)
                first = chosen[0]
            else:
                first = self._chosen(len(self), size, step, seed, orders[0])
                generator = torch.Generator().manual_seed((seed * 65_537 + step) % 2**63)
                ways = torch.rand(size, len(every), generator=generator).argsort(dim=1)
                source, labels = ways[:, 0], ways[:, 1]
                stacked = torch.stack([x[first] for x in every])
                place = torch.arange(size)
                ends = [stacked[source, place], stacked[labels, place]]
            x, y = (images.from_pixels(end) for end in ends)
            if self.flip is not False:
                mirrored = self._mirrored(size, step, seed, first)
                x, y = (torch.where(mirrored, end.flip(-1), end) for end in (x, y))
            x, y = (end.to(device, memory_format=torch.channels_last) for end in (x, y))
            yield Batch(x, labels.to(device), y)
            step += 1


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
    synthetic: Callable[[Split, int], Dataset] | None = None  # made here, of no file
    archive: str = ""
    # the folders of a split, where the archive has splits; those of the domains, where it has them
    train: tuple[str, ...] = ("train/",)
    test: tuple[str, ...] = ("test/",)
    windows: int = 1  # squares that are cut from a picture; 1: the largest one
    domains: tuple[str, ...] = ()  # of a set for translation, whose folders are those of `train`
    paired: bool = False  # do files of the same name in its domains belong together
    held_out: int = 0  # names that are held out where the archive has no splits
    # does a captions.csv say what is to be seen; neither in repr, which names what is kept
    captions: bool = field(default=False, repr=False)
    named: bool = field(default=True, repr=False)  # do its pictures belong to named classes

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
