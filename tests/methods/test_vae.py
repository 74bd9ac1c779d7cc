"""The VAE: its divergence and its temperature, by their equations."""

from __future__ import annotations

import torch
from torch.distributions import Normal, kl_divergence

from aigc_demo.device import autocast
from aigc_demo.methods.vae import VAE
from tests import factories


def test_the_divergence_is_that_of_the_codes_from_the_standard_normal_distribution() -> None:
    model = factories.model("vae").requires_grad_(True)
    assert isinstance(model, VAE)
    trainer, batch = model.trainer(lr=1e-3, ema=0.1, seed=0), factories.batch()
    with torch.no_grad(), autocast(torch.device("cpu")):
        mu, logvar = trainer.network.encode(batch.images, model.one_hot(batch.labels))
    expected = kl_divergence(Normal(mu, (logvar / 2).exp()), Normal(0.0, 1.0)).sum(1).mean()
    found = trainer.update(batch)["divergence"]
    torch.testing.assert_close(found, expected, rtol=0.02, atol=0.01)


def test_a_low_temperature_pulls_the_pictures_of_a_class_together() -> None:
    model = factories.model("vae")
    labels = torch.zeros(8, dtype=torch.long)
    latents = model.latents(model.noise(range(8)), labels)
    spread = [
        model.decode(latents, model.one_hot(labels), temperature=t).std(dim=0).mean()
        for t in (0.1, 0.5, 1.0)
    ]
    assert spread[0] < 0.5 * spread[1] < 0.5 * spread[2]
    centre = model.decode(latents, model.one_hot(labels), temperature=0.0)
    assert torch.equal(centre, centre[:1].expand_as(centre))
