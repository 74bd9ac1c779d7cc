"""Training throughput of the DCGAN: our step against the plain loop, in turn, in one process.

The plain loop does what pytorch/examples' dcgan does, in our words, with the same four layers a
network: float32, torch's default layout, binary cross-entropy on sigmoids; the discriminator
learns from real pictures, then from fakes, then the generator from its new judgement. Both get the
same batch and threads; our step also keeps its running average of the weights.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from aigc_demo.methods import METHODS
from aigc_demo.methods.base import Batch
from benchmarks.report import table, write_section

TITLE = "DCGAN training throughput"
BATCH, ROUNDS, SECONDS = 128, 9, 1.0


class PlainLoop:
    """The usual training step, written the usual way."""

    def __init__(self, channels: int = 3) -> None:
        self.generator = nn.Sequential(
            nn.ConvTranspose2d(100, 256, 4, 1, 0, bias=False),
            nn.BatchNorm2d(256),
            nn.ReLU(True),
            nn.ConvTranspose2d(256, 128, 4, 2, 1, bias=False),
            nn.BatchNorm2d(128),
            nn.ReLU(True),
            nn.ConvTranspose2d(128, 64, 4, 2, 1, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(True),
            nn.ConvTranspose2d(64, channels, 4, 2, 1, bias=False),
            nn.Tanh(),
        )
        self.discriminator = nn.Sequential(
            nn.Conv2d(channels, 64, 4, 2, 1, bias=False),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(64, 128, 4, 2, 1, bias=False),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(128, 256, 4, 2, 1, bias=False),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(256, 1, 4, 1, 0, bias=False),
            nn.Sigmoid(),
        )
        self.criterion = nn.BCELoss()
        self.optimizer_g, self.optimizer_d = (
            torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999))
            for net in (self.generator, self.discriminator)
        )

    def step(self, images: Tensor) -> None:
        """Learn from images (B, C, 32, 32)."""
        ones, zeros = torch.ones(len(images)), torch.zeros(len(images))

        # Update the discriminator.
        self.discriminator.zero_grad()
        self.criterion(self.discriminator(images).flatten(), ones).backward()
        fakes = self.generator(torch.randn(len(images), 100, 1, 1))
        self.criterion(self.discriminator(fakes.detach()).flatten(), zeros).backward()
        self.optimizer_d.step()

        # Update the generator.
        self.generator.zero_grad()
        self.criterion(self.discriminator(fakes).flatten(), ones).backward()
        self.optimizer_g.step()


def measure(*steps: Callable[[], object]) -> list[list[float]]:
    """Return every round's images per second of each step; they take turns of `SECONDS`."""
    speeds: list[list[float]] = [[] for _ in steps]
    for round_ in range(ROUNDS + 1):
        for step, found in zip(steps, speeds, strict=True):
            count, start = 0, time.perf_counter()
            while (elapsed := time.perf_counter() - start) < SECONDS:
                step()
                count += 1
            if round_:  # the first one warms up
                found.append(count * BATCH / elapsed)
    return speeds


def main() -> int:
    """Measure, print and write the section."""
    torch.manual_seed(0)
    images = torch.rand(BATCH, 3, 32, 32) * 2 - 1
    plain_loop = PlainLoop()
    model = METHODS["dcgan"].build().to(memory_format=torch.channels_last)
    trainer = model.trainer(lr=2e-4, ema=0.05, seed=0)
    batch = Batch(images.contiguous(memory_format=torch.channels_last))
    plain, ours = measure(lambda: plain_loop.step(images), lambda: trainer.training_step(batch))
    ratio = statistics.median(b / a for a, b in zip(plain, ours, strict=True))

    def row(name: str, speeds: list[float]) -> list[str]:
        return [name, *(f"{f(speeds):.0f}" for f in (statistics.median, min, max))]

    columns = ["", "images per second, median", "slowest round", "fastest round"]
    rows = [row("plain loop, float32", plain), row("our step", ours)]
    markdown = (
        f"{table(columns, rows)}\n\nRatio, median of {ROUNDS} rounds in turn: **{ratio:.2f}** "
        f"(batch {BATCH}, 32×32×3, unconditional, {torch.get_num_threads()} threads)."
    )
    print(markdown)
    write_section(TITLE, "python -m benchmarks.throughput", markdown)
    return 0


if __name__ == "__main__":
    main()
