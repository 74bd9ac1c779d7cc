"""The same features give the same scores as in torchmetrics and torch-fidelity."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import pytest
import torch
from torch import Tensor, nn

from aigc_demo.metrics.feature_extractors import inception
from aigc_demo.metrics.functional import (
    Moments,
    frechet_distance,
    inception_score,
    kernel_distance,
    precision_recall,
)

N, F = 400, 32


@pytest.fixture(scope="module")
def sets() -> tuple[Tensor, Tensor]:
    """Return correlated real and fake features (N, F)."""
    torch.manual_seed(0)
    mix = torch.randn(F, F) / F**0.5
    return torch.randn(N, F) @ mix, torch.randn(N, F) @ mix * 1.2 + 0.2


def test_scores_are_those_of_torch_fidelity(sets: tuple[Tensor, Tensor]) -> None:
    fid = pytest.importorskip("torch_fidelity.metric_fid")
    from torch_fidelity import metric_isc, metric_kid, metric_prc

    real, fake = sets
    a, b = (fid.fid_features_to_statistics(s.double()) for s in (real, fake))
    expected = fid.fid_statistics_to_metric(a, b, False)["frechet_inception_distance"]
    assert frechet_distance(Moments.of(real), Moments.of(fake)) == pytest.approx(
        expected, rel=1e-6
    )

    settings = {"kid_subsets": 1, "kid_subset_size": N, "verbose": False}
    kid = metric_kid.kid_features_to_metric(real.double(), fake.double(), **settings)
    mean, _ = kernel_distance(real, fake)
    assert mean == pytest.approx(kid["kernel_inception_distance_mean"], rel=1e-6)

    isc = metric_isc.isc_features_to_metric(fake, splits=1)
    mean, _ = inception_score(fake.softmax(1), splits=1)
    assert mean == pytest.approx(isc["inception_score_mean"], rel=1e-5)

    prc = metric_prc.prc_features_to_metric(fake, real, verbose=False)
    assert precision_recall(real, fake) == (
        pytest.approx(prc["precision"], abs=0.01),
        pytest.approx(prc["recall"], abs=0.01),
    )


class Identity(nn.Module):
    """Features that are handed over as if they were pictures."""

    num_features = F

    def forward(self, x: Tensor) -> Tensor:
        return x


@pytest.mark.filterwarnings("ignore::UserWarning")  # of what one split has no deviation
def test_scores_are_those_of_torchmetrics(sets: tuple[Tensor, Tensor]) -> None:
    fid_module = pytest.importorskip("torchmetrics.image.fid")
    from torchmetrics.image.inception import InceptionScore
    from torchmetrics.image.kid import poly_mmd

    real, fake = sets
    fid = fid_module.FrechetInceptionDistance(Identity(), input_img_size=(F,)).set_dtype(
        torch.float64
    )
    fid.update(real.double(), real=True)
    fid.update(fake.double(), real=False)
    found = frechet_distance(Moments.of(real), Moments.of(fake))
    assert found == pytest.approx(fid.compute().item(), rel=1e-6)

    expected = poly_mmd(real.double(), fake.double()).item()
    assert kernel_distance(real, fake)[0] == pytest.approx(expected, rel=1e-6)

    score = InceptionScore(Identity(), splits=1)
    score.update(fake)
    mean, _ = inception_score(fake.softmax(1), splits=1)
    assert mean == pytest.approx(score.compute()[0].item(), rel=1e-4)


def test_inception_sees_what_that_of_torch_fidelity_sees_and_downloads_nothing(
    tmp_path: Path,
) -> None:
    original = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    from tests.metrics.test_feature_extractors import sha256, write_inception

    path = write_inception(tmp_path / "random.pth")
    pixels = torch.randint(256, (2, 3, 40, 40), dtype=torch.uint8)
    theirs = original.FeatureExtractorInceptionV3(
        "theirs", ["2048", "logits_unbiased"], feature_extractor_weights_path=str(path)
    )
    values, logits = theirs(pixels)
    with mock.patch("socket.socket", side_effect=AssertionError("the network was asked")):
        ours = inception(path, "cpu", sha256=sha256(path))
    ours.chunk = len(pixels)
    found = ours(pixels)
    assert values.std() > 0
    torch.testing.assert_close(found.values, values, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(found.logits, logits, rtol=1e-5, atol=1e-6)
