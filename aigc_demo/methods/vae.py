"""Convolutional variational autoencoder, told the class, with a mixture of Gaussians over its
latents.

Kingma & Welling, "Auto-Encoding Variational Bayes", 2013, https://arxiv.org/abs/1312.6114;
conditional: Sohn et al., "Learning Structured Output Representation using Deep Conditional
Generative Models", 2015.

    q(z|x,c) = N(mu, diag exp(logvar)),   z = mu + exp(logvar / 2) ε       reparametrisation
    -ELBO = D/2 log(mean (x - x̂)²)                                         reconstruction
          + β/2 Σ (mu² + exp(logvar) - 1 - logvar)                         divergence

The first term is the Gaussian likelihood at its best shared variance: Rybkin et al., "Simple and
Effective VAE Training with Calibrated Decoders", 2020, https://arxiv.org/abs/2006.13202. Codes do
not fill the prior, so samples are drawn from a mixture fitted to the codes of each class: Ghosh et
al., "From Variational to Deterministic Autoencoders", 2019, https://arxiv.org/abs/1903.12436.
Knows tensors only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from aigc_demo import device as devices
from aigc_demo.methods.base import Batch, Config, Generative, Method, Option, Trainer
from aigc_demo.nn.optim import step


class VAEConfig(Config):
    """Networks and training settings of `VAE`."""

    size: int = Field(
        32, ge=16, le=128, multiple_of=16, description="side of the pictures in pixels"
    )
    latent: int = Field(32, ge=2, le=512, description="numbers of a code")
    width: int = Field(
        64, ge=16, le=256, multiple_of=16, description="channels at half resolution"
    )
    beta: float = Field(1.0, ge=0, le=100, description="weight of the divergence")
    components: int = Field(
        10, ge=1, le=64, description="Gaussians a class in the mixture of codes"
    )
    clip: float = Field(100.0, ge=0, description="largest gradient norm; 0: do not clip")


class VAE(Generative):
    """Encoder, decoder and the mixture of codes that samples are drawn from."""

    config: VAEConfig
    options = (
        Option(
            "temperature",
            "Temperature",
            0.1,
            1.2,
            1.0,
            0.05,
            "less keeps closer to the typical picture",
        ),
    )

    def __init__(self, config: VAEConfig) -> None:
        super().__init__(config)
        c, w, k = config, config.width, config.classes
        self.side = c.size // 8
        self.encoder = nn.Sequential(
            nn.Conv2d(4 * (c.channels + k), w, 3, padding=1),
            *_down(w, 2 * w),
            *_down(2 * w, 4 * w),
            nn.Flatten(),
            nn.Linear(4 * w * self.side**2, 2 * c.latent),
        )
        self.expand = nn.Linear(c.latent + k, 4 * w * self.side**2)
        self.decoder = nn.Sequential(
            *_up(4 * w, 2 * w),
            *_up(2 * w, w),
            nn.BatchNorm2d(w),
            nn.SiLU(),
            nn.Conv2d(w, 4 * c.channels, 3, padding=1),
            nn.PixelShuffle(2),
        )
        rows, m = max(k, 1), c.components
        self.register_buffer("mixture_weights", torch.full((rows, m), 1 / m))
        self.register_buffer("mixture_means", torch.zeros(rows, m, c.latent))
        self.register_buffer(
            "mixture_factors", torch.eye(c.latent).expand(rows, m, -1, -1).clone()
        )

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return (self.config.latent + 1,)

    def encode(self, x: Tensor, classes: Tensor | None) -> tuple[Tensor, Tensor]:
        """Map pictures (B, C, H, W) to mu and logvar, (B, latent) each."""
        if classes is not None:
            planes = classes[:, :, None, None].expand(-1, -1, *x.shape[-2:])
            x = torch.cat([x, planes], dim=1)
        x = F.pixel_unshuffle(x, 2).contiguous(memory_format=torch.channels_last)
        mu, logvar = self.encoder(x).float().chunk(2, dim=1)
        return mu, logvar.clamp(-10, 10)

    def reconstruct(self, z: Tensor, classes: Tensor | None) -> Tensor:
        """Map codes (B, latent) to pictures (B, C, H, W), float32."""
        z = z if classes is None else torch.cat([z, classes], dim=1)
        h = self.expand(z).view(len(z), -1, self.side, self.side)
        return self.decoder(h.contiguous(memory_format=torch.channels_last)).float()

    @torch.no_grad()
    def latents(self, noise: Tensor, labels: Tensor | None) -> Tensor:
        """Draw codes from the mixture of each label: the last number picks the Gaussian, the
        others fill it.
        """
        rows = (
            torch.zeros(len(noise), dtype=torch.int64, device=noise.device)
            if labels is None
            else labels
        )
        level = torch.special.ndtr(noise[:, -1:])
        chosen = (self.mixture_weights[rows].cumsum(1) < level).sum(1)
        chosen = chosen.clamp(max=self.config.components - 1)
        spread = torch.einsum("bij,bj->bi", self.mixture_factors[rows, chosen], noise[:, :-1])
        return self.mixture_means[rows, chosen] + spread

    @torch.no_grad()
    def entry(self) -> tuple[Tensor, Tensor]:
        """Return the matrix (F, latent) by which codes enter the decoder, and the covariance
        (latent, latent) of the codes of a class, on average over the classes.
        """
        weights, factors = self.mixture_weights[..., None], self.mixture_factors
        means = self.mixture_means - (weights * self.mixture_means).sum(1, keepdim=True)
        spread = factors @ factors.mT + means[..., :, None] * means[..., None, :]
        covariance = (weights[..., None] * spread).sum(1).mean(0)  # (K, m, D, D) -> (D, D)
        return self.expand.weight[:, : self.config.latent], covariance

    @torch.no_grad()
    def decode_steps(
        self, latents: Tensor, classes: Tensor | None, *, temperature: float = 1.0
    ) -> Iterator[Tensor]:
        """Yield the pictures; `temperature` pulls the codes towards the mean of their class."""
        weights = self.mixture_weights.new_ones(len(latents), 1) if classes is None else classes
        means = (self.mixture_weights[..., None] * self.mixture_means).sum(1)  # (K, latent)
        centre = weights @ means
        yield self.reconstruct(torch.lerp(centre, latents, temperature), classes).clamp(-1, 1)

    def trainer(self, *, lr: float, ema: float, seed: int) -> VAETrainer:
        """Return a trainer that moves this model's weights."""
        return VAETrainer(self, lr=lr, ema=ema, seed=seed)


class VAETrainer(Trainer):
    """Maximises the ELBO; fits the mixture of codes before the model is saved."""

    FITTED_ON, GLANCED_AT = 12_000, 1_000

    def __init__(self, model: VAE, *, lr: float, ema: float, seed: int) -> None:
        super().__init__(model, lr=lr, ema=ema, seed=seed)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=lr, fused=True)

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"vae": self.optimizer}

    def losses(self, batch: Batch, only: str | None = None) -> dict[str, Tensor]:
        x, config = batch.images, self.model.config
        classes = self.model.one_hot(batch.labels)
        with devices.autocast(self.device):
            mu, logvar = self.network.encode(x, classes)
            noise = torch.randn(mu.shape, device=self.device, generator=self.generator)
            decoded = self.network.reconstruct(mu + torch.exp(logvar / 2) * noise, classes)
        reconstruction = x[0].numel() / 2 * F.mse_loss(decoded, x).log()
        divergence = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(1).mean()
        norm = step(reconstruction + config.beta * divergence, self.optimizer, clip=config.clip)
        return {
            "reconstruction": reconstruction.detach(),
            "divergence": divergence.detach(),
            "grad_norm": norm,
        }

    @torch.no_grad()
    def finish(self, batches: Iterable[Batch], *, thorough: bool = True) -> None:
        """Fit a mixture of Gaussians to the codes of each class."""
        enough = self.FITTED_ON if thorough else min(self.FITTED_ON, self.GLANCED_AT)
        generator = torch.Generator(self.device).manual_seed(0)  # saving leaves training as it is
        codes, labels, seen = [], [], 0
        for batch in batches:
            mu, logvar = self.model.encode(batch.images, self.model.one_hot(batch.labels))
            codes.append(
                mu
                + torch.exp(logvar / 2)
                * torch.randn(mu.shape, device=mu.device, generator=generator)
            )
            labels.append(
                batch.labels if self.model.config.classes else torch.zeros_like(batch.labels)
            )
            seen += len(mu)
            if seen >= enough:
                break
        codes, labels = torch.cat(codes).cpu(), torch.cat(labels).cpu()
        for k in range(len(self.model.mixture_weights)):
            chosen = codes[labels == k]
            if len(chosen) > self.model.config.latent:
                fitted = fit_mixture(chosen, self.model.config.components, seed=k)
                self.model.mixture_weights[k] = fitted[0].to(self.device)
                self.model.mixture_means[k] = fitted[1].to(self.device)
                self.model.mixture_factors[k] = fitted[2].to(self.device)


def fit_mixture(
    x: Tensor, components: int, *, seed: int, iterations: int = 20
) -> tuple[Tensor, Tensor, Tensor]:
    """Fit full Gaussians to x (N, D) by expectation maximisation.

    Returns weights (K,), means (K, D) and lower Cholesky factors (K, D, D), float32. Covariances
    are shrunk towards that of all points by D / 2 pseudo-observations, so that a small cluster
    stays well-conditioned.
    """
    x = x.double()
    n, d = x.shape
    generator = torch.Generator().manual_seed(seed)
    overall = torch.cov(x.T).reshape(d, d) + 1e-6 * torch.eye(d, dtype=x.dtype)
    means = x[torch.randperm(n, generator=generator)[:components]]
    means = torch.cat([means, means[:1].expand(components - len(means), d)])
    responsibility = F.one_hot(torch.cdist(x, means).argmin(1), components).double()
    for _ in range(iterations):
        # Maximise: weights, means and covariances of the softly assigned points.
        mass = responsibility.sum(0) + 1e-9  # (K,)
        weights = mass / mass.sum()
        means = responsibility.T @ x / mass[:, None]
        covariances = torch.stack(
            [
                (
                    (responsibility[:, k, None] * (x - means[k])).T @ (x - means[k])
                    + overall * d / 2
                )
                / (mass[k] + d / 2)
                for k in range(components)
            ]
        )
        factors = torch.linalg.cholesky(covariances)

        # Expect: how likely each component made each point.
        log_p = torch.stack(
            [
                torch.log(weights[k])
                - factors[k].diagonal().log().sum()
                - 0.5
                * torch.linalg.solve_triangular(factors[k], (x - means[k]).T, upper=False)
                .square()
                .sum(0)
                for k in range(components)
            ],
            dim=1,
        )
        responsibility = log_p.softmax(1)
    return weights.float(), means.float(), factors.float()


def _down(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    """Halve the resolution."""
    return (
        nn.BatchNorm2d(inputs),
        nn.SiLU(),
        nn.PixelUnshuffle(2),
        nn.Conv2d(4 * inputs, outputs, 1),
        nn.BatchNorm2d(outputs),
        nn.SiLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1),
    )


def _up(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    """Double the resolution."""
    return (
        nn.BatchNorm2d(inputs),
        nn.SiLU(),
        nn.Conv2d(inputs, inputs, 3, padding=1),
        nn.BatchNorm2d(inputs),
        nn.SiLU(),
        nn.Conv2d(inputs, 4 * outputs, 1),
        nn.PixelShuffle(2),
    )


METHOD = Method(
    name="vae",
    title="VAE",
    task="generate",
    condition="label",
    config=VAEConfig,
    network=VAE,
    lr=1e-3,
    batch=64,
    ema=0.05,
)
