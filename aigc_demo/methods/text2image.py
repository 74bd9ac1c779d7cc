"""Text to image: flow matching conditioned on a caption, encoded byte by byte.

Lipman et al., "Flow Matching for Generative Modeling", 2022, https://arxiv.org/abs/2210.02747; the
network predicts the clean image and is trained on the velocity that follows, as in Li & He, "Back
to Basics: Let Denoising Generative Models Denoise", 2025, https://arxiv.org/abs/2511.13720;
guidance: Ho & Salimans, 2022, https://arxiv.org/abs/2207.12598. The networks are in
`nn.text_encoder` and `nn.denoiser`.

    x_t = (1 - t) x_0 + t x_1,   x_0 ~ N(0, I),  x_1 an image, c its caption
    v(x_t, t, c) = (D(x_t, t, c) - x_t) / (1 - t)                      D predicts the clean image
    loss = E || v(x_t, t, c) - (x_1 - x_0) ||² + s || S(c) - x_1↓ ||²
    dx/dt = v(x, t, ∅) + w (v(x, t, c) - v(x, t, ∅))                   ∅: the empty caption

S is a *sketch*: a small image of what the caption means, drawn without any noise. It costs next to
nothing, trains the text encoder from the first step on, and lays out the tokens of the
transformer. It sees tensors only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from aigc_demo import device as devices
from aigc_demo.methods.base import Batch, Config, Generative, Method, Option, Trainer
from aigc_demo.nn.denoiser import SKETCH_REDUCTION, TOKEN, Denoiser
from aigc_demo.nn.optim import Muon, step
from aigc_demo.nn.sampler import heun
from aigc_demo.nn.text_encoder import TextEncoder

MIN_TIME_LEFT = 0.05  # velocities are not divided by less than this


class TextConfig(Config):
    """Network and training settings of `TextToImage`."""

    size: int = Field(64, ge=16, le=256, multiple_of=TOKEN, description="side of the images")
    classes: Literal[0] = Field(0, description="conditioned on text instead")
    width: int = Field(128, ge=16, le=1024, multiple_of=16, description="width of the transformer")
    depth: int = Field(5, ge=1, le=32, description="its blocks")
    outer: int = Field(48, ge=16, le=512, multiple_of=16, description="channels of convolutions")
    plan: int = Field(768, ge=16, le=4096, description="hidden units between text and layout")
    layout: int = Field(64, ge=4, le=256, description="channels of the layout")
    reader: int = Field(128, ge=16, le=512, multiple_of=16, description="width of text encoder")
    read: int = Field(2, ge=1, le=12, description="layers of the text encoder")
    slots: int = Field(8, ge=1, le=64, description="vectors that encode a text")
    table: int = Field(16384, ge=16, le=2**20, description="rows of the hashed embedding")
    drop: float = Field(0.1, ge=0, le=1, description="caption dropout, which guidance needs")
    early: float = Field(-0.6, ge=-3, le=3, description="mean of the logit of the time")
    sketch: float = Field(2.0, ge=0, le=10, description="weight s of the sketch's loss")
    share: float = Field(0.34, gt=0, le=1, description="share of a batch that D learns from")
    clip: float = Field(1.0, ge=0, description="largest gradient norm; 0: do not clip")


class TextToImage(Generative):
    """Flow matching conditioned on text. Its weights call the text encoder `reader` and the
    denoiser `painter`.
    """

    config: TextConfig
    text_conditional = True
    options = (
        Option("guidance", minimum=1.0, maximum=5.0, default=2.0, step=0.1),
        Option("evaluations", minimum=2, maximum=64, default=16, step=2),
        Option("temperature", minimum=0.5, maximum=1.2, default=1.0, step=0.05),
    )

    def __init__(self, config: TextConfig) -> None:
        super().__init__(config)
        self.reader = TextEncoder(
            width=config.reader, depth=config.read, slots=config.slots, table=config.table
        )
        self.painter = Denoiser(
            config.size,
            config.channels,
            encoding=self.reader.outputs,
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
    def encode_prompts(self, captions: Tensor) -> Tensor:
        with devices.autocast(captions.device):
            return self.reader(captions).float()

    def velocity(
        self, x: Tensor, t: float, encoding: Tensor, empty: Tensor | None, guidance: float
    ) -> Tensor:
        """Return the velocity of x (B, C, H, W) at time t, guided away from the encoding `empty`
        of the empty caption, if given.
        """
        if empty is not None:
            x, encoding = x.repeat(2, 1, 1, 1), torch.cat([encoding, empty])
        with devices.autocast(x.device):
            layout, _ = self.painter.layout_and_sketch(encoding)
            times = torch.full((len(x),), t, device=x.device)
            clean = self.painter(x, times, encoding, layout)
        v = (clean - x) / max(1 - t, MIN_TIME_LEFT)
        if empty is None:
            return v
        with_text, without = v.chunk(2)
        return torch.lerp(without, with_text, guidance)

    @torch.no_grad()
    def decode_steps(
        self,
        latents: Tensor,
        condition: Tensor | None,
        *,
        guidance: float = 2.0,
        evaluations: float = 16,
        temperature: float = 1.0,
    ) -> Iterator[Tensor]:
        """Yield the expected image after each step; `temperature` scales the noise.

        `condition` is encoded prompts (B, E); None is the empty caption.
        """
        x = (latents * temperature).contiguous(memory_format=torch.channels_last)
        empty = self.encode_prompts(torch.zeros(len(x), 8, dtype=torch.uint8, device=x.device))
        encoding = empty if condition is None else condition
        away = None if condition is None or guidance == 1.0 else empty
        yield from heun(
            lambda x, t: self.velocity(x, t, encoding, away, guidance), x, int(evaluations)
        )

    def trainer(self, *, lr: float, ema: float, seed: int) -> TextTrainer:
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
        self.optimizers = {
            "hidden": Muon(hidden, lr=10 * lr),
            "rest": torch.optim.AdamW(
                rest, lr=lr, betas=(0.9, 0.99), weight_decay=0.01, fused=True
            ),
        }

    def update(self, batch: Batch, only: str | None = None) -> dict[str, Tensor]:
        assert batch.captions is not None
        g, config, network = self.generator, self.model.config, self.network
        device, b = batch.images.device, len(batch.images)

        # Drop some captions and sketch what all others mean; read no padding.
        keep = torch.rand(b, 1, device=device, generator=g) >= config.drop
        captions = batch.captions * keep
        longest = int((captions != 0).sum(1).max().clamp(min=1))
        with devices.autocast(device):
            encoding = network.reader(captions[:, :longest])
            layout, sketch = network.painter.layout_and_sketch(encoding)
        sketch_loss = F.mse_loss(sketch.float(), F.avg_pool2d(batch.images, SKETCH_REDUCTION))

        # Regress the velocity of the straight path, for a part of the batch.
        n = max(1, round(config.share * b))
        x1 = batch.images[:n]
        t = (config.early + torch.randn(n, device=device, generator=g)).sigmoid()
        x0 = torch.randn(x1.shape, device=device, generator=g)
        x = torch.lerp(x0, x1, t[:, None, None, None])
        x = x.contiguous(memory_format=torch.channels_last)
        with devices.autocast(device):
            clean = network.painter(x, t, encoding[:n], layout[:n])
        time_left = (1 - t).clamp(min=MIN_TIME_LEFT)[:, None, None, None]
        velocity_loss = ((clean - x1) / time_left).square().mean()
        loss = velocity_loss + config.sketch * sketch_loss
        norm = step(loss, *self.optimizers.values(), clip=config.clip)
        return {"loss": velocity_loss.detach(), "sketch": sketch_loss.detach(), "grad_norm": norm}


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
