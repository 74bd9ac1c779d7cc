"""Pictures from words: flow matching conditioned on a caption, read byte by byte.

Lipman et al., "Flow Matching for Generative Modeling", 2022, https://arxiv.org/abs/2210.02747; the
network expects the picture and is judged by the velocity that follows, as in Li & He, "Back to
Basics: Let Denoising Generative Models Denoise", 2025, https://arxiv.org/abs/2511.13720; guidance
is Ho & Salimans, 2022, https://arxiv.org/abs/2207.12598. The networks are `reader` and `painter`.

    x_t = (1 - t) x_0 + t x_1,   x_0 ~ N(0, I),  x_1 a picture, c its caption
    v(x_t, t, c) = (D(x_t, t, c) - x_t) / (1 - t)                      D expects the picture
    loss = E || v(x_t, t, c) - (x_1 - x_0) ||² + s || S(c) - x_1↓ ||²
    dx/dt = v(x, t, ∅) + w (v(x, t, c) - v(x, t, ∅))                   ∅: the empty caption

S is a *sketch*: a small picture of what the words mean, drawn without any noise. It costs next to
nothing, teaches the reader from the first step on, and lays out the tokens of the transformer.

Knows tensors only: no files, no data sets, no user interface.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor

from aigc_demo import device as devices
from aigc_demo.methods.base import Batch, Config, Generative, Method, Option, Trainer
from aigc_demo.nn.denoiser import REDUCED, TOKEN, Painter
from aigc_demo.nn.optim import Muon, step
from aigc_demo.nn.text_encoder import Reader

NEAR = 0.05  # to the picture, where velocities are not divided by less


class TextConfig(Config):
    """Network and training settings of `TextToImage`."""

    size: int = Field(64, ge=16, le=256, multiple_of=TOKEN, description="side of the pictures")
    channels: int = Field(3, ge=1, le=4, description="1 grey, 3 RGB")
    width: int = Field(128, ge=16, le=1024, multiple_of=16, description="numbers of a token")
    depth: int = Field(5, ge=1, le=32, description="transformer blocks")
    outer: int = Field(48, ge=16, le=512, multiple_of=16, description="channels of convolutions")
    plan: int = Field(768, ge=16, le=4096, description="numbers between words and layout")
    layout: int = Field(64, ge=4, le=256, description="numbers that words lay out for a token")
    reader: int = Field(128, ge=16, le=512, multiple_of=16, description="width of the reader")
    read: int = Field(2, ge=1, le=12, description="layers of the reader")
    slots: int = Field(8, ge=1, le=64, description="vectors that a text becomes")
    table: int = Field(16384, ge=16, le=2**20, description="rows for words and parts of words")
    drop: float = Field(0.1, ge=0, le=1, description="share of captions hidden, for guidance")
    early: float = Field(-0.6, ge=-3, le=3, description="mean of the logit of the time")
    sketch: float = Field(2.0, ge=0, le=10, description="weight of the sketch's loss")
    share: float = Field(0.34, gt=0, le=1, description="share of a batch that learns more than S")
    clip: float = Field(1.0, ge=0, description="largest gradient norm; 0: do not clip")

    @model_validator(mode="after")
    def _is_wordy(self) -> TextConfig:
        if self.classes:
            raise ValueError("classes: it knows words, not classes; leave it at 0")
        return self


class TextToImage(Generative):
    """Flow matching whose condition is a text."""

    config: TextConfig
    reads = True
    options = (
        Option(
            "guidance",
            "Guidance",
            1.0,
            5.0,
            2.0,
            0.1,
            "1 follows the data; more follows the words and varies less",
        ),
        Option(
            "evaluations",
            "Evaluations",
            2,
            64,
            16,
            2,
            "how often the network is asked; more is finer and slower",
        ),
        Option(
            "temperature",
            "Temperature",
            0.5,
            1.2,
            1.0,
            0.05,
            "strength of the noise: less is plainer",
        ),
    )

    def __init__(self, config: TextConfig) -> None:
        super().__init__(config)
        self.reader = Reader(
            width=config.reader, depth=config.read, slots=config.slots, table=config.table
        )
        self.painter = Painter(
            config.size,
            config.channels,
            words=self.reader.outputs,
            slots=config.slots,
            width=config.width,
            depth=config.depth,
            outer=config.outer,
            plan=config.plan,
            layout=config.layout,
        )

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return (self.config.channels, self.config.size, self.config.size)

    @torch.no_grad()
    def read(self, captions: Tensor) -> Tensor:
        """Turn captions (B, L), uint8, into what `decode` takes (B, E): there blends happen."""
        with devices.autocast(captions.device):
            return self.reader(captions).float()

    def velocity(
        self, x: Tensor, t: float, words: Tensor, nothing: Tensor | None, w: float
    ) -> Tensor:
        """Return the velocity of x (B, C, H, W) at time t, guided by w away from `nothing`."""
        if nothing is not None:
            x, words = x.repeat(2, 1, 1, 1), torch.cat([words, nothing])
        with devices.autocast(x.device):
            layout, _ = self.painter.lay_out(words)
            times = torch.full((len(x),), t, device=x.device)
            expected = self.painter(x, times, words, layout)
        v = (expected - x) / max(1 - t, NEAR)
        if nothing is None:
            return v
        with_words, without = v.chunk(2)
        return torch.lerp(without, with_words, w)

    @torch.no_grad()
    def decode_steps(
        self,
        latents: Tensor,
        classes: Tensor | None,
        *,
        guidance: float = 2.0,
        evaluations: float = 16,
        temperature: float = 1.0,
    ) -> Iterator[Tensor]:
        """Yield the expected picture after each step of Heun's rule (two evaluations a step); the
        last step is Euler's, one evaluation.

        `classes` is what was read (B, E); None reads nothing, as the empty caption does.
        """
        steps = max(1, (int(evaluations) + 1) // 2)
        x = (latents * temperature).contiguous(memory_format=torch.channels_last)
        nothing = self.read(torch.zeros(len(x), 8, dtype=torch.uint8, device=x.device))
        words = nothing if classes is None else classes
        away = None if classes is None or guidance == 1.0 else nothing
        for i in range(steps):
            t, after = i / steps, (i + 1) / steps
            v = self.velocity(x, t, words, away, guidance)
            yield (x + (1 - t) * v).clamp(-1, 1)
            if after < 1:
                ahead = self.velocity(x + (after - t) * v, after, words, away, guidance)
                x = x + (after - t) / 2 * (v + ahead)

    def trainer(self, *, lr: float, ema: float, seed: int) -> TextTrainer:
        """Return a trainer that moves this model's weights."""
        return TextTrainer(self, lr=lr, ema=ema, seed=seed)


class TextTrainer(Trainer):
    """Regresses the velocity at a random time, and the sketch."""

    def __init__(self, model: TextToImage, *, lr: float, ema: float, seed: int) -> None:
        super().__init__(model, lr=lr, ema=ema, seed=seed)
        net = self.network
        hidden = [p for part in (net.painter.blocks, net.reader.layers) for p in part.parameters()]
        hidden = [p for p in hidden if p.ndim == 2 and min(p.shape) > 6]
        known = set(hidden)
        rest = [p for p in net.parameters() if p not in known]
        self.moved = {
            "hidden": Muon(hidden, lr=10 * lr),
            "rest": torch.optim.AdamW(
                rest, lr=lr, betas=(0.9, 0.99), weight_decay=0.01, fused=True
            ),
        }

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return self.moved

    def losses(self, batch: Batch, only: str | None = None) -> dict[str, Tensor]:
        assert batch.captions is not None
        g, config, network = self.generator, self.model.config, self.network
        device, b = batch.images.device, len(batch.images)

        # Hide some captions; sketch what all others say. Read no further than they go.
        shown = torch.rand(b, 1, device=device, generator=g) >= config.drop
        captions = batch.captions * shown
        longest = int((captions != 0).sum(1).max().clamp(min=1))
        with devices.autocast(device):
            words = network.reader(captions[:, :longest])
            layout, sketch = network.painter.lay_out(words)
        drawn = F.mse_loss(sketch.float(), F.avg_pool2d(batch.images, REDUCED))

        # Regress the velocity of the straight path through the expected picture, for a part.
        n = max(1, round(config.share * b))
        x1 = batch.images[:n]
        t = (config.early + torch.randn(n, device=device, generator=g)).sigmoid()
        x0 = torch.randn(x1.shape, device=device, generator=g)
        x = torch.lerp(x0, x1, t[:, None, None, None]).contiguous(
            memory_format=torch.channels_last
        )
        with devices.autocast(device):
            expected = network.painter(x, t, words[:n], layout[:n])
        left = (1 - t).clamp(min=NEAR)[:, None, None, None]
        velocity = ((expected - x1) / left).square().mean()
        loss = velocity + config.sketch * drawn
        norm = step(loss, *self.moved.values(), clip=config.clip)
        return {"loss": velocity.detach(), "sketch": drawn.detach(), "grad_norm": norm}


METHOD = Method(
    name="text2image",
    title="Words to pictures",
    task="generate",
    condition="text",
    config=TextConfig,
    network=TextToImage,
    lr=2.5e-3,
    batch=64,
    ema=0.08,
    classes=False,
    score_count=128,
    score_options={"guidance": 1.0, "evaluations": 8},
)
