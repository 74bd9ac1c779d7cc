"""CycleGAN: two generators that undo each other, learnt from unpaired pictures of two domains.

Zhu et al., "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks",
2017, https://arxiv.org/abs/1703.10593.

    G: A → B,  F: B → A
    loss(G, F) = game(D_B, G(A)) + game(D_A, F(B))
               + cycle · (|F(G(A)) - A| + |G(F(B)) - B|)
               + cycle · identity · (|G(B) - B| + |F(A) - A|)

Two kinds of generator can be built: ``light``, ours (see `aigc_demo.nn.pixelshuffle_generator`),
and ``reference``, the network of the authors' implementation, whose published weights fit.

A network that starts as the identity stays it, if the weights are those of the paper: both L1
terms have their minimum there, and pull harder than a saturated least-squares game. Hence hinge
loss, spectral norm and lower weights (measured in docs/LOG.md).

Cycle and identity terms need not be computed at every step: every k-th with k times the weight has
the same gradient in the mean (as lazy regularisation in Karras et al., "Analyzing and Improving
the Image Quality of StyleGAN", 2020). Knows tensors only.
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn
from typing_extensions import Self

from aigc_demo import device as devices
from aigc_demo.methods.base import Batch, Direction, Method, Trainer, Translator, WindowConfig
from aigc_demo.nn.layers import window
from aigc_demo.nn.optim import step
from aigc_demo.nn.patchgan import GAMES, Game, Norm, PatchDiscriminator, Pool
from aigc_demo.nn.pixelshuffle_generator import GRAIN, Light
from aigc_demo.nn.resnet_generator import ReferenceGenerator

Directions = Annotated[tuple[Direction, ...], Field(min_length=1, max_length=2)]


class CycleGanConfig(WindowConfig):
    """Networks and training settings of `CycleGan`."""

    network: Literal["light", "reference"] = Field("light", description="kind of generator")
    width: int = Field(64, ge=8, le=512, description="channels: light: inside; reference: first")
    blocks: int = Field(6, ge=1, le=16, description="residual blocks")
    fold: Literal[2, 4] = Field(4, description="times smaller that the light network works")
    zoom: bool = Field(False, description="learn how much larger things on white are drawn")
    grain: bool = Field(False, description="light: give it noise that is made of the pixels")
    norm: Norm = Field("none", description="none, instance or batch; reference: instance")
    directions: Directions = Field(("AtoB", "BtoA"), description="generators; training needs both")
    game: Game = Field("hinge", description="least_squares, hinge or relativistic")
    cycle: float = Field(5.0, ge=0, le=100, description="weight of the way there and back")
    identity: float = Field(0.1, ge=0, le=10, description="weight of leaving the target as it is")
    cycle_every: int = Field(2, ge=1, le=64, description="steps between cycle terms")
    identity_every: int = Field(4, ge=1, le=64, description="steps between identity terms")
    pool: int = Field(50, ge=0, le=500, description="earlier pictures shown to discriminators")
    d_width: int = Field(32, ge=8, le=128, description="first width of the discriminators")
    d_layers: int = Field(3, ge=1, le=4, description="their strided layers; 3: patches of 70×70")
    d_norm: Norm = Field("spectral", description="none, instance, batch or spectral")
    d_shift: int = Field(
        0, ge=0, le=32, description="pixels by which what they see is cut, at random places"
    )
    d_rate: float = Field(1.0, gt=0, le=10, description="their learning rate, times the others'")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.norm == "spectral":
            raise ValueError("norm: generators take none, instance or batch")
        if self.grain and self.network != "light":
            raise ValueError("grain: only the light network takes it")
        if self.d_shift > self.crop // 2:
            raise ValueError(f"d_shift: {self.d_shift} is more than half of the crop, {self.crop}")
        return self


def _generator(config: CycleGanConfig) -> nn.Module:
    if config.network == "light":
        return Light(
            config.width,
            config.blocks,
            fold=config.fold,
            norm=config.norm,
            zoom=config.zoom,
            grainy=config.grain,
        )
    return ReferenceGenerator(config.width, config.blocks, config.norm)


class CycleGan(Translator):
    """A generator for each direction."""

    config: CycleGanConfig

    def __init__(self, config: CycleGanConfig) -> None:
        super().__init__(config)
        self.generators = nn.ModuleDict({way: _generator(config) for way in config.directions})

    @property
    def multiple(self) -> int:  # type: ignore[override]
        return self.config.fold if self.config.network == "light" else 4

    @property
    def layout(self) -> torch.memory_format:  # type: ignore[override]
        """Wide layers and statistics are quicker one channel after the other in float32."""
        fast = devices.low_precision(next(self.parameters()).device)
        plain = self.config.network == "reference" and fast is None
        return torch.contiguous_format if plain else torch.channels_last

    @property
    def local(self) -> bool:  # type: ignore[override]
        return self.config.norm != "instance" and not self.config.zoom

    @property
    def whole(self) -> bool:  # type: ignore[override]
        return self.config.zoom

    @property
    def directions(self) -> tuple[Direction, ...]:
        return self.config.directions

    @property
    def reach(self) -> int:
        """Each convolution adds its radius, at the scale of its stage."""
        config = self.config
        if config.network == "reference":
            return 3 + 1 + 2 + 4 * 2 * config.blocks + 4 + 2 + 3
        growing = sum(range(2, config.fold + 1, 2))
        return config.fold * (2 * config.blocks + 2) + growing + 1 + GRAIN * config.grain

    def forward(self, x: Tensor, direction: Direction) -> Tensor:
        """Map pictures (B, 3, H, W) to those of the other domain, not clamped."""
        return self.generators[direction](x)

    @torch.no_grad()
    def translate(
        self, x: Tensor, direction: Direction = "AtoB", labels: Tensor | None = None
    ) -> Tensor:
        return self(x, direction).clamp(-1, 1)

    def rows(self, batch: Batch) -> list[Tensor]:
        """Return, for both directions, pictures, what becomes of them, and the way back."""
        found = []
        for x, there, back in ((batch.images, "AtoB", "BtoA"), (batch.targets, "BtoA", "AtoB")):
            if x is not None and there in self.directions:
                y = self.translate(x, there)
                found += [x, y]
                if back in self.directions:
                    found.append(self.translate(y, back))
        return found

    def trainer(self, *, lr: float, ema: float, seed: int) -> CycleGanTrainer:
        """Return a trainer that moves this model's weights."""
        return CycleGanTrainer(self, lr=lr, ema=ema, seed=seed)


class CycleGanTrainer(Trainer):
    """Two generators against two discriminators, in turn."""

    def __init__(self, model: CycleGan, *, lr: float, ema: float, seed: int) -> None:
        super().__init__(model, lr=lr, ema=ema, seed=seed)
        config = model.config
        if set(config.directions) != {"AtoB", "BtoA"}:
            raise ValueError("directions: training needs both generators")
        torch.manual_seed(seed)
        shape = (3, config.crop, config.crop)
        self.judges, self.pools = nn.ModuleDict(), nn.ModuleDict()
        for domain in "AB":
            judge = PatchDiscriminator(3, config.d_width, config.d_layers, config.d_norm)
            self.judges[domain] = judge.to(self.device, memory_format=torch.channels_last)
            self.pools[domain] = Pool(config.pool, shape).to(self.device)
        settings = {"betas": (0.5, 0.99), "fused": True}
        self.optimizer_g = torch.optim.Adam(self.network.parameters(), lr=lr, **settings)
        self.optimizer_d = torch.optim.Adam(
            self.judges.parameters(), lr=lr * config.d_rate, **settings
        )
        self.game_d, self.game_g = GAMES[config.game]
        self.said: dict[str, Tensor] = {}

    def modules(self) -> dict[str, nn.Module]:
        return {"network": self.network, "discriminators": self.judges, "pools": self.pools}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"generators": self.optimizer_g, "discriminators": self.optimizer_d}

    def losses(self, batch: Batch, only: str | None = None) -> dict[str, Tensor]:
        config = self.model.config
        assert batch.targets is not None
        a, b = (
            window(x, config.crop, self.generator, turned=False)
            for x in (batch.images, batch.targets)
        )
        measured: dict[str, Tensor] = {}
        fakes = self._generators(a, b, measured, move=only != "discriminator")
        if only != "generator":
            self._discriminators({"A": a, "B": b}, fakes, measured)
        return measured

    def _generators(
        self, a: Tensor, b: Tensor, measured: dict[str, Tensor], *, move: bool
    ) -> dict[str, Tensor]:
        """Move the generators; return what they made, by domain."""
        config, net = self.model.config, self.network
        n = len(a)
        cycles = config.cycle > 0 and self.steps % config.cycle_every == 0
        same = config.cycle * config.identity > 0 and self.steps % config.identity_every == 0
        with torch.set_grad_enabled(move), devices.autocast(self.device):
            # Passes through one network are joined: a larger batch is computed faster.
            g = net(torch.cat([a, b]) if same else a, "AtoB")
            fake_b = g[:n]
            f = net(torch.cat([b, *([a] if same else []), *([fake_b] if cycles else [])]), "BtoA")
            fake_a = f[:n]
            back_b = net(fake_a, "AtoB") if cycles else None
        fakes = {"A": fake_a.detach(), "B": fake_b.detach()}
        if not move:
            return fakes
        self.judges.requires_grad_(False)
        with devices.autocast(self.device):
            game = {
                domain: self._game_g(self.judges[domain], fake, real)
                for domain, fake, real in (("A", fake_a, a), ("B", fake_b, b))
            }
        self.judges.requires_grad_(True)
        total = game["A"] + game["B"]
        measured["generator"] = total.detach() / 2
        if cycles:
            assert back_b is not None
            lost = F.l1_loss(f[-n:], a) + F.l1_loss(back_b, b)
            total = total + config.cycle_every * config.cycle * lost
            measured["cycle"] = lost.detach() / 2
        if same:
            lost = F.l1_loss(g[n:], b) + F.l1_loss(f[n : 2 * n], a)
            total = total + config.identity_every * config.cycle * config.identity * lost
            measured["identity"] = lost.detach() / 2
        measured["grad_norm"] = step(total, self.optimizer_g, clip=config.clip)
        return fakes

    def _shown(self, x: Tensor) -> Tensor:
        """Return a random part of windows (B, 3, H, W), `d_shift` pixels smaller.

        A discriminator's strides repeat every eight pixels, and so does its gradient; where they
        always lie alike on the generator's folds, it learns stripes sooner (docs/LOG.md).
        """
        cut = self.model.config.d_shift
        return window(x, x.shape[-1] - cut, self.generator, turned=False) if cut else x

    def _game_g(self, judge: nn.Module, fake: Tensor, real: Tensor) -> Tensor:
        fake, real = self._shown(fake), self._shown(real)
        if self.model.config.game != "relativistic":
            logits = judge(fake)
            return self.game_g(logits, logits)
        logits = judge(torch.cat([real, fake]))
        return self.game_g(*logits.chunk(2))

    def _discriminators(
        self, reals: dict[str, Tensor], fakes: dict[str, Tensor], measured: dict[str, Tensor]
    ) -> None:
        """Move the discriminators, on pictures of now and before."""
        total = torch.zeros((), device=self.device)
        said: dict[str, list[Tensor]] = {"real": [], "fake": []}
        for domain, judge in self.judges.items():
            shown = self.pools[domain].swap(fakes[domain], self.generator)
            seen = self._shown(torch.cat([reals[domain], shown]))
            with devices.autocast(self.device):
                logits = judge(seen)
            total = total + self.game_d(*logits.chunk(2))
            for kind, values in zip(said, logits.detach().chunk(2), strict=True):
                said[kind].append(values.mean((1, 2, 3)))
        step(total, self.optimizer_d)
        self.said = {kind: torch.cat(values) for kind, values in said.items()}
        measured["discriminator"] = total.detach() / 2

    def judge(self, batch: Batch) -> dict[str, Tensor]:
        """Return what the discriminators said of the pictures of the last step."""
        return self.said


METHOD = Method(
    name="cyclegan",
    title="CycleGAN",
    task="translate",
    condition="image",
    config=CycleGanConfig,
    network=CycleGan,
    lr=6e-4,
    batch=4,
    ema=0.05,
    parts=("generator", "discriminator"),
    classes=False,
    needs="domains",
)
