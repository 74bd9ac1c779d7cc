"""A training step of CycleGAN at 128 px, batch 1: ours against the plain loop, in turn, in one
process.

The plain loop does what the authors' implementation does, in our words, with the same networks
(residual generators of six blocks and width 64, 70×70 discriminators): float32, torch's default
layout, each pass by itself, all terms at every step. Ours joins passes through one network, lays
tensors out channels last, uses the processor's low precision where it has one, and, in the second
row, computes the cycle term every second step and the identity term every fourth.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from aigc_demo.methods import METHODS
from aigc_demo.methods.base import Batch
from aigc_demo.nn.generators import ResNetGenerator
from aigc_demo.nn.patchgan import ImagePool, PatchDiscriminator
from benchmarks.report import table, write_section

TITLE = "CycleGAN training step"
SIDE, ROUNDS, EACH = 128, 5, 4  # steps a round: as many as it takes until all terms have come
REFERENCE: dict[str, Any] = {
    "network": "reference",
    "width": 64,
    "blocks": 6,
    "norm": "instance",
    "d_width": 64,
    "d_norm": "instance",
    "game": "least_squares",
    "cycle": 10.0,
    "identity": 0.5,
    "crop": SIDE,
}
OURS: dict[str, dict[str, Any]] = {
    "our step, all terms each time": REFERENCE | {"cycle_every": 1, "identity_every": 1},
    "our step, cycle every 2nd, identity every 4th": REFERENCE
    | {"cycle_every": 2, "identity_every": 4},
    "our step with the light generators that we ship": {"crop": SIDE},
}


class PlainLoop:
    """The usual training step, written the usual way."""

    def __init__(self) -> None:
        self.g, self.f = (ResNetGenerator(64, 6) for _ in range(2))
        self.d_a, self.d_b = (PatchDiscriminator(3) for _ in range(2))
        self.pools = [ImagePool(50, (3, SIDE, SIDE)) for _ in range(2)]
        generators = itertools.chain(self.g.parameters(), self.f.parameters())
        discriminators = itertools.chain(self.d_a.parameters(), self.d_b.parameters())
        self.optimizer_g, self.optimizer_d = (
            torch.optim.Adam(p, lr=2e-4, betas=(0.5, 0.999)) for p in (generators, discriminators)
        )
        self.chance = torch.Generator().manual_seed(0)

    def step(self, a: Tensor, b: Tensor) -> None:
        """Learn from pictures (1, 3, H, W) of both domains."""
        fake_b, fake_a = self.g(a), self.f(b)
        back_a, back_b = self.f(fake_b), self.g(fake_a)

        # Update the generators.
        for discriminator in (self.d_a, self.d_b):
            discriminator.requires_grad_(False)
        self.optimizer_g.zero_grad()
        identity = F.l1_loss(self.g(b), b) + F.l1_loss(self.f(a), a)
        cycle = F.l1_loss(back_a, a) + F.l1_loss(back_b, b)
        logits = (self.d_b(fake_b), self.d_a(fake_a))
        game = sum(F.mse_loss(y, torch.ones_like(y)) for y in logits)
        (game + 10 * cycle + 5 * identity).backward()
        self.optimizer_g.step()

        # Update the discriminators.
        for discriminator in (self.d_a, self.d_b):
            discriminator.requires_grad_(True)
        self.optimizer_d.zero_grad()
        ends = zip((self.d_a, self.d_b), (a, b), (fake_a, fake_b), self.pools, strict=True)
        for discriminator, real, fake, pool in ends:
            true, false = discriminator(real), discriminator(pool.swap(fake.detach(), self.chance))
            loss = F.mse_loss(true, torch.ones_like(true)) + F.mse_loss(
                false, torch.zeros_like(false)
            )
            (loss / 2).backward()
        self.optimizer_d.step()


def measure(steps: list[Callable[[], object]]) -> list[list[float]]:
    """Return every round's seconds a step; they take turns of `EACH` steps."""
    found: list[list[float]] = [[] for _ in steps]
    for round_ in range(ROUNDS + 1):
        for step, times in zip(steps, found, strict=True):
            start = time.perf_counter()
            for _ in range(EACH):
                step()
            if round_:  # the first one warms up
                times.append((time.perf_counter() - start) / EACH)
    return found


def main() -> int:
    """Measure, print and write the section."""
    torch.manual_seed(0)
    a, b = torch.rand(2, 1, 3, SIDE, SIDE) * 2 - 1
    batch = Batch(*(x.contiguous(memory_format=torch.channels_last) for x in (a,)), None, b)
    plain = PlainLoop()
    steps: list[Callable[[], object]] = [lambda: plain.step(a, b)]
    for config in OURS.values():
        model = METHODS["cyclegan"].build(config)
        model.to(memory_format=model.memory_format)
        trainer = model.trainer(lr=2e-4, ema=0.05, seed=0)
        steps.append(lambda t=trainer: t.training_step(batch))
    found = measure(steps)
    rows = []
    for name, times in zip(("plain loop, float32", *OURS), found, strict=True):
        ratio = statistics.median(p / t for p, t in zip(found[0], times, strict=True))
        rows.append([name, f"{statistics.median(times):.2f}", f"{ratio:.2f}"])
    columns = ["", "seconds a step, median", "times as fast"]
    markdown = (
        f"{table(columns, rows)}\n\n{SIDE}×{SIDE}, batch 1, {torch.get_num_threads()} threads; "
        f"medians of {ROUNDS} rounds of {EACH} steps in turn."
    )
    print(markdown)
    write_section(TITLE, "python -m benchmarks.cyclegan_step", markdown)
    return 0


if __name__ == "__main__":
    main()
