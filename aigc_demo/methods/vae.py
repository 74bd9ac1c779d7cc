"""Convolutional variational autoencoder, class-conditional, with a mixture of Gaussians as prior.

Kingma & Welling, "Auto-Encoding Variational Bayes", 2013, https://arxiv.org/abs/1312.6114;
conditional: Sohn et al., "Learning Structured Output Representation using Deep Conditional
Generative Models", 2015.

    q(z|x,c) = N(mu, diag exp(logvar)),   z = mu + exp(logvar / 2) ε       reparametrisation
    -ELBO = D/2 log(mean (x - x̂)²)                                         reconstruction
          + β/2 Σ (mu² + exp(logvar) - 1 - logvar)                         divergence

The first term is the Gaussian likelihood at its best shared variance: Rybkin et al., "Simple and
Effective VAE Training with Calibrated Decoders", 2020, https://arxiv.org/abs/2006.13202. Codes do
not fill N(0, I), so samples are drawn from a mixture fitted to the codes of each class after
training: Ghosh et al., "From Variational to Deterministic Autoencoders", 2019,
https://arxiv.org/abs/1903.12436. It sees tensors only.
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

    size: int = Field(32, ge=16, le=128, multiple_of=16, description="side of the images")
    latent: int = Field(32, ge=2, le=512, description="dimensions of the latent space")
    width: int = Field(64, ge=16, le=256, multiple_of=16, description="channels at half size")
    beta: float = Field(1.0, ge=0, le=100, description="weight β of the divergence")
    components: int = Field(10, ge=1, le=64, description="components of a class's mixture")
    clip: float = Field(100.0, ge=0, description="largest gradient norm; 0: do not clip")


class VAE(Generative):
    """Encoder, decoder and the mixture that latents are drawn from."""

    config: VAEConfig
    options = (Option("temperature", minimum=0.1, maximum=1.2, default=1.0, step=0.05),)

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
        """Map images (B, C, H, W) to mu and logvar, (B, latent) each."""
        if classes is not None:
            planes = classes[:, :, None, None].expand(-1, -1, *x.shape[-2:])
            x = torch.cat([x, planes], dim=1)
        x = F.pixel_unshuffle(x, 2).contiguous(memory_format=torch.channels_last)
        mu, logvar = self.encoder(x).float().chunk(2, dim=1)
        return mu, logvar.clamp(-10, 10)

    def reconstruct(self, z: Tensor, classes: Tensor | None) -> Tensor:
        """Decode z (B, latent) into images (B, C, H, W), float32."""
        z = z if classes is None else torch.cat([z, classes], dim=1)
        h = self.expand(z).view(len(z), -1, self.side, self.side)
        return self.decoder(h.contiguous(memory_format=torch.channels_last)).float()

    @torch.no_grad()
    def latents(self, noise: Tensor, labels: Tensor | None) -> Tensor:
        """Draw z from the mixture of each label: the last number of the noise picks the component,
        the others are its Gaussian noise.
        """
        rows = torch.zeros_like(noise[:, 0], dtype=torch.int64) if labels is None else labels
        level = torch.special.ndtr(noise[:, -1:])
        chosen = (self.mixture_weights[rows].cumsum(1) < level).sum(1)
        chosen = chosen.clamp(max=self.config.components - 1)
        deviation = torch.einsum("bij,bj->bi", self.mixture_factors[rows, chosen], noise[:, :-1])
        return self.mixture_means[rows, chosen] + deviation

    @torch.no_grad()
    def first_layer(self) -> tuple[Tensor, Tensor]:
        """Return the decoder's first matrix (F, latent) and the covariance (latent, latent) of z
        within a class, on average over the classes.
        """
        weights, factors = self.mixture_weights[..., None], self.mixture_factors
        means = self.mixture_means - (weights * self.mixture_means).sum(1, keepdim=True)
        spread = factors @ factors.mT + means[..., :, None] * means[..., None, :]
        covariance = (weights[..., None] * spread).sum(1).mean(0)  # (K, m, D, D) -> (D, D)
        return self.expand.weight[:, : self.config.latent], covariance

    @torch.no_grad()
    def decode_steps(
        self, latents: Tensor, condition: Tensor | None, *, temperature: float = 1.0
    ) -> Iterator[Tensor]:
        """Yield the images; a low `temperature` pulls z towards the mean of its class."""
        weights = latents.new_ones(len(latents), 1) if condition is None else condition
        means = (self.mixture_weights[..., None] * self.mixture_means).sum(1)  # (K, latent)
        z = torch.lerp(weights @ means, latents, temperature)
        yield self.reconstruct(z, condition).clamp(-1, 1)

    def trainer(self, *, lr: float, ema: float, seed: int) -> VAETrainer:
        return VAETrainer(self, lr=lr, ema=ema, seed=seed)


class VAETrainer(Trainer):
    """Maximises the ELBO; fits the prior before the model is saved."""

    FIT_SAMPLES, QUICK_FIT_SAMPLES = 12_000, 1_000

    def __init__(self, model: VAE, *, lr: float, ema: float, seed: int) -> None:
        super().__init__(model, lr=lr, ema=ema, seed=seed)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=lr, fused=True)
        self.optimizers["vae"] = self.optimizer

    def update(self, batch: Batch, only: str | None = None) -> dict[str, Tensor]:
        x, config = batch.images, self.model.config
        classes = self.model.one_hot(batch.labels)
        with devices.autocast(self.device):
            mu, logvar = self.network.encode(x, classes)
            z = reparametrise(mu, logvar, self.generator)
            decoded = self.network.reconstruct(z, classes)
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
        model = self.model
        enough = self.FIT_SAMPLES if thorough else min(self.FIT_SAMPLES, self.QUICK_FIT_SAMPLES)
        generator = torch.Generator(self.device).manual_seed(0)  # saving leaves training as it is
        codes, labels, seen = [], [], 0
        for batch in batches:
            mu, logvar = model.encode(batch.images, model.one_hot(batch.labels))
            codes.append(reparametrise(mu, logvar, generator))
            labels.append(batch.labels if model.config.classes else torch.zeros_like(batch.labels))
            seen += len(mu)
            if seen >= enough:
                break
        z, c = torch.cat(codes).cpu(), torch.cat(labels).cpu()
        for k in range(len(model.mixture_weights)):
            if int((c == k).sum()) > model.config.latent:
                weights, means, factors = fit_mixture(z[c == k], model.config.components, seed=k)
                model.mixture_weights[k] = weights.to(self.device)
                model.mixture_means[k] = means.to(self.device)
                model.mixture_factors[k] = factors.to(self.device)


def reparametrise(mu: Tensor, logvar: Tensor, generator: torch.Generator) -> Tensor:
    """Draw z from N(mu, exp(logvar)) so that gradients reach both."""
    noise = torch.randn(mu.shape, device=mu.device, generator=generator)
    return mu + torch.exp(logvar / 2) * noise


def fit_mixture(
    x: Tensor, components: int, *, seed: int, iterations: int = 20
) -> tuple[Tensor, Tensor, Tensor]:
    """Fit a mixture of full Gaussians to x (N, D) by expectation maximisation.

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
        scatter = [_scatter(x, m, r) for m, r in zip(means, responsibility.T, strict=True)]
        covariances = (torch.stack(scatter) + overall * d / 2) / (mass + d / 2)[:, None, None]
        factors = torch.linalg.cholesky(covariances)

        # Expect: how likely each component made each point.
        mixture = zip(weights, means, factors, strict=True)
        log_p = torch.stack([_log_joint(x, *component) for component in mixture], dim=1)
        responsibility = log_p.softmax(1)
    return weights.float(), means.float(), factors.float()


def _scatter(x: Tensor, mean: Tensor, weights: Tensor) -> Tensor:
    """Return Σ w (x - mean)(x - mean)ᵀ (D, D) of points x (N, D) with weights (N,)."""
    return (weights[:, None] * (x - mean)).T @ (x - mean)


def _log_joint(x: Tensor, weight: Tensor, mean: Tensor, factor: Tensor) -> Tensor:
    """Return log(weight · N(x; mean, factor factorᵀ)) but for a constant, (N,)."""
    whitened = torch.linalg.solve_triangular(factor, (x - mean).T, upper=False)
    return weight.log() - factor.diagonal().log().sum() - 0.5 * whitened.square().sum(0)


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
