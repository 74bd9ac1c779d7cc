"""Class-conditional flow matching with a small U-Net and classifier-free guidance.

Lipman et al., "Flow Matching for Generative Modeling", 2022, https://arxiv.org/abs/2210.02747; Liu
et al., "Flow Straight and Fast", 2022, https://arxiv.org/abs/2209.03003; t is drawn logit-normal
as in Esser et al., "Scaling Rectified Flow Transformers", 2024, https://arxiv.org/abs/2403.03206;
guidance: Ho & Salimans, 2022, https://arxiv.org/abs/2207.12598.

    x_t = (1 - t) x_0 + t x_1,   x_0 ~ N(0, I),  x_1 an image         the straight path
    loss = E || v(x_t, t, c) - (x_1 - x_0) ||²                          its velocity
    dx/dt = v(x, t, ∅) + w (v(x, t, c) - v(x, t, ∅))                    solved by Heun's method

A *distilled* flow needs few evaluations and no guidance. Begun with the weights of a flow, its
teacher, it learns to go in one step where that gets with guidance in several small ones, as in
Salimans & Ho, "Progressive Distillation for Fast Sampling of Diffusion Models", 2022,
https://arxiv.org/abs/2202.00512, and Meng et al., "On Distillation of Guided Diffusion Models",
2022, https://arxiv.org/abs/2210.03142; all of a step's small ones at once, and half of the time
from where its own steps lead, since that is where it will be asked.

    loss = E || v(x, k/n, c) - n (teacher(x from k/n to (k+1)/n) - x) ||²,   k = 0 … n - 1

It sees tensors only.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from aigc_demo import device as devices
from aigc_demo.methods.base import Batch, Config, Generative, Method, Option, Trainer
from aigc_demo.nn.layers import frequencies, zero
from aigc_demo.nn.optim import step
from aigc_demo.nn.sampler import euler, heun

Level = Annotated[int, Field(ge=1, le=16)]
Levels = Annotated[tuple[Level, ...], Field(min_length=1, max_length=6)]


class FlowConfig(Config):
    """U-Net and training settings of `Flow`."""

    patch: int = Field(2, ge=1, le=8, description="unshuffle factor before the first level")
    width: int = Field(64, ge=16, le=512, multiple_of=16, description="channels of level 1")
    growth: Levels = Field((1, 2), description="channels of each level, in widths")
    depth: Levels = Field((2, 3), description="residual blocks of each level")
    drop: float = Field(0.1, ge=0, le=1, description="label dropout, which guidance needs")
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout in the residual blocks")
    clip: float = Field(1.0, ge=0, description="largest gradient norm; 0: do not clip")
    distilled: int = Field(0, ge=0, le=16, description="steps of a distilled flow; 0: it is none")
    guided: float = Field(1.0, ge=1, le=5, description="guidance that a distilled flow learns")

    @model_validator(mode="after")
    def _fits(self) -> FlowConfig:
        if len(self.growth) != len(self.depth):
            raise ValueError("growth and depth differ in length; give both a number a level")
        if self.size % (unit := self.patch * 2 ** (len(self.growth) - 1)):
            raise ValueError(f"size {self.size} is no multiple of {unit}; take fewer levels")
        return self


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions whose second normalisation is scaled and shifted by the condition."""

    def __init__(self, inputs: int, outputs: int, embedding: int, dropout: float) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(inputs // 16, inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm2 = nn.GroupNorm(outputs // 16, outputs)
        self.modulation = nn.Linear(embedding, 2 * outputs)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = zero(nn.Conv2d(outputs, outputs, 3, padding=1))
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """Map x (B, inputs, H, W) and its embedding (B, E) to (B, outputs, H, W)."""
        h = self.conv1(F.silu(self.norm1(x)))
        scale, shift = self.modulation(embedding)[:, :, None, None].chunk(2, dim=1)
        h = torch.addcmul(shift, self.norm2(h), 1 + scale)
        return self.skip(x) + self.conv2(self.dropout(F.silu(h)))


class Attention(nn.Module):
    """Self-attention over all positions, for levels of at most a few hundred."""

    def __init__(self, channels: int, head: int = 64) -> None:
        super().__init__()
        self.heads = max(1, channels // head)
        self.norm = nn.GroupNorm(channels // 16, channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = zero(nn.Conv2d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map x (B, C, H, W) to the same shape."""
        b, c, h, w = x.shape
        qkv = self.qkv(self.norm(x)).flatten(2)  # (B, 3C, HW)
        q, k, v = qkv.view(b, 3, self.heads, c // self.heads, h * w).transpose(-1, -2).unbind(1)
        y = F.scaled_dot_product_attention(q, k, v)  # (B, heads, HW, C / heads)
        return x + self.out(y.transpose(-1, -2).reshape(b, c, h, w))


class UNet(nn.Module):
    """Predicts the velocity of a noisy image at time t, given class weights."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        c = config
        self.patch = c.patch
        widths = [c.width * g for g in c.growth]
        embedding = 4 * c.width
        self.register_buffer("frequencies", frequencies(c.width), persistent=False)
        self.time = nn.Sequential(
            nn.Linear(c.width, embedding), nn.SiLU(), nn.Linear(embedding, embedding)
        )
        self.label = nn.Linear(c.classes, embedding, bias=False) if c.classes else None

        def blocks(inputs: int, width: int, depth: int) -> nn.ModuleList:
            sizes = [inputs, *[width] * (depth - 1)]
            return nn.ModuleList([ResidualBlock(i, width, embedding, c.dropout) for i in sizes])

        levels = list(zip(widths, c.depth, strict=True))
        self.enter = nn.Conv2d(c.channels * c.patch**2, widths[0], 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        self.shrink, self.grow = nn.ModuleList(), nn.ModuleList()
        for width, depth in levels:
            self.down.append(blocks(width, width, depth))
        for width, wider in zip(widths, widths[1:], strict=False):
            self.shrink.append(nn.Conv2d(4 * width, wider, 1))
            self.grow.append(nn.Conv2d(wider, 4 * width, 1))
        for width, depth in levels:
            self.up.append(blocks(2 * width, width, depth))
        self.attention = nn.ModuleList([Attention(widths[-1]), Attention(widths[-1])])
        self.leave = nn.Sequential(
            nn.GroupNorm(widths[0] // 16, widths[0]),
            nn.SiLU(),
            zero(nn.Conv2d(widths[0], c.channels * c.patch**2, 3, padding=1)),
        )

    def forward(self, x: Tensor, t: Tensor, classes: Tensor | None) -> Tensor:
        """Map x (B, C, H, W), t (B,) in [0, 1] and class weights (B, K) to a velocity; a row of 0
        is no class.
        """
        angles = t[:, None] * self.frequencies  # (B, width / 2)
        embedding = self.time(torch.cat([angles.cos(), angles.sin()], dim=1))
        if self.label is not None and classes is not None:
            embedding = embedding + self.label(classes)
        embedding = F.silu(embedding)

        h = self.enter(F.pixel_unshuffle(x, self.patch))
        skips: list[Tensor] = []
        for level, blocks in enumerate(self.down):
            for block in blocks:
                h = block(h, embedding)
            skips.append(h)
            if level < len(self.shrink):
                h = self.shrink[level](F.pixel_unshuffle(h, 2))
        h = self.attention[0](h)
        for level in reversed(range(len(self.up))):
            h = torch.cat([h, skips[level]], dim=1)
            for block in self.up[level]:
                h = block(h, embedding)
            if level == len(self.up) - 1:
                h = self.attention[1](h)
            if level:
                h = F.pixel_shuffle(self.grow[level - 1](h), 2)
        return F.pixel_shuffle(self.leave(h), self.patch).float()


class Flow(Generative):
    """Carries noise to an image along a learned velocity."""

    config: FlowConfig
    options = (
        Option("guidance", minimum=1.0, maximum=5.0, default=2.0, step=0.1),
        Option("evaluations", minimum=2, maximum=64, default=16, step=2),
        Option("temperature", minimum=0.5, maximum=1.2, default=1.0, step=0.05),
    )

    def __init__(self, config: FlowConfig) -> None:
        super().__init__(config)
        self.unet = UNet(config)

    @classmethod
    def options_for(cls, config: Mapping[str, Any]) -> tuple[Option, ...]:
        """A distilled flow has its guidance and its number of steps in its weights."""
        learnt = ("guidance", "evaluations") if config.get("distilled") else ()
        return tuple(option for option in cls.options if option.name not in learnt)

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return (self.config.channels, self.config.size, self.config.size)

    def velocity(
        self, x: Tensor, t: Tensor | float, classes: Tensor | None, guidance: float
    ) -> Tensor:
        """Return the guided velocity of x (B, C, H, W) at time t, for all or (B,) for each."""
        times = torch.as_tensor(t, dtype=torch.float32, device=x.device).expand(len(x))
        with devices.autocast(x.device):
            if classes is None or guidance == 1.0:
                return self.unet(x, times, classes)
            both = torch.cat([classes, torch.zeros_like(classes)])
            with_class, without = self.unet(x.repeat(2, 1, 1, 1), times.repeat(2), both).chunk(2)
        return torch.lerp(without, with_class, guidance)

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
        """Yield the expected image after each step; `temperature` scales the noise."""
        x = (latents * temperature).contiguous(memory_format=torch.channels_last)
        if n := self.config.distilled:
            yield from euler(lambda x, t: self.velocity(x, t, condition, 1.0), x, n)
            return
        yield from heun(lambda x, t: self.velocity(x, t, condition, guidance), x, int(evaluations))

    def trainer(self, *, lr: float, ema: float, seed: int) -> FlowTrainer:
        kind = DistillingTrainer if self.config.distilled else FlowTrainer
        return kind(self, lr=lr, ema=ema, seed=seed)


class FlowTrainer(Trainer):
    """Regresses the velocity at a random time."""

    def __init__(self, model: Flow, *, lr: float, ema: float, seed: int) -> None:
        super().__init__(model, lr=lr, ema=ema, seed=seed)
        weights = self.network.parameters()
        self.optimizer = torch.optim.AdamW(
            weights, lr=lr, betas=(0.9, 0.99), weight_decay=0.01, fused=True
        )
        self.optimizers["flow"] = self.optimizer

    def update(self, batch: Batch, only: str | None = None) -> dict[str, Tensor]:
        x1, g, config = batch.images, self.generator, self.model.config
        b = len(x1)
        classes = self.model.one_hot(batch.labels)

        # Draw times, noise and label dropout.
        t = torch.randn(b, device=x1.device, generator=g).sigmoid()
        x0 = torch.randn(x1.shape, device=x1.device, generator=g)
        if classes is not None:
            classes = classes * (torch.rand(b, 1, device=x1.device, generator=g) >= config.drop)

        # Regress the velocity of the straight path.
        x = torch.lerp(x0, x1, t[:, None, None, None])
        x = x.contiguous(memory_format=torch.channels_last)
        with devices.autocast(x1.device):
            v = self.network.unet(x, t, classes)
        loss = F.mse_loss(v, x1 - x0)
        norm = step(loss, self.optimizer, clip=config.clip)
        return {"loss": loss.detach(), "grad_norm": norm}


class DistillingTrainer(FlowTrainer):
    """Regresses the velocity that leads where a teacher gets in `SMALL` times as many steps."""

    SMALL = 2  # of Heun's steps, two evaluations each, in a step of the distilled flow

    def __init__(self, model: Flow, *, lr: float, ema: float, seed: int) -> None:
        super().__init__(model, lr=lr, ema=ema, seed=seed)
        self.teacher = copy.deepcopy(model)
        self.modules["teacher"] = self.teacher

    def update(self, batch: Batch, only: str | None = None) -> dict[str, Tensor]:
        x1, g, config = batch.images, self.generator, self.model.config
        n, b = config.distilled, len(batch.images)
        classes = self.model.one_hot(batch.labels)
        k = torch.randint(n, (b,), device=x1.device, generator=g)
        x0 = torch.randn(x1.shape, device=x1.device, generator=g)

        # Stand where the straight path to an image passes, or where the steps so far lead.
        with torch.no_grad():
            x = torch.lerp(x0, x1, (k / n)[:, None, None, None])
            own = torch.arange(b, device=x1.device) % 2 == 0
            mine = None if classes is None else classes[own]
            x[own] = self._walk(x0[own], k[own], mine)
            x = x.contiguous(memory_format=torch.channels_last)
            target = (self._ahead(x, k, classes) - x) * n

        with devices.autocast(x1.device):
            v = self.network.unet(x, k / n, classes)
        loss = F.mse_loss(v, target)
        norm = step(loss, self.optimizer, clip=config.clip)
        return {"loss": loss.detach(), "grad_norm": norm}

    def _walk(self, x: Tensor, k: Tensor, classes: Tensor | None) -> Tensor:
        """Take k (B,) of the averaged network's steps from noise x."""
        n = self.model.config.distilled
        for i in range(n - 1):
            v = self.model.velocity(x, i / n, classes, 1.0)
            x = torch.where((k > i)[:, None, None, None], x + v / n, x)
        return x

    def _ahead(self, x: Tensor, k: Tensor, classes: Tensor | None) -> Tensor:
        """Return where the teacher gets from x at time k / n until (k + 1) / n."""
        n, guidance = self.model.config.distilled, self.model.config.guided
        h = 1 / (n * self.SMALL)
        for i in range(self.SMALL):
            t = k / n + i * h
            v = self.teacher.velocity(x, t, classes, guidance)
            after = self.teacher.velocity(x + h * v, t + h, classes, guidance)
            last = (t + h > 1 - h / 2)[:, None, None, None]  # Euler's, as in `heun`
            x = x + h * torch.where(last, v, (v + after) / 2)
        return x


METHOD = Method(
    name="flow",
    title="Flow matching",
    task="generate",
    condition="label",
    config=FlowConfig,
    network=Flow,
    lr=1e-3,
    batch=64,
    ema=0.08,
    score_count=256,
    score_options={"guidance": 1.0, "evaluations": 8},
)
