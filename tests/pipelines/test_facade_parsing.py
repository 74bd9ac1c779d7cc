"""Label maps of façades: exact colours, the size of the image, refined by a CRF."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from skimage import data

from aigc_demo.imaging import facade_labels
from aigc_demo.methods import checkpoint
from aigc_demo.methods.segment import Segment
from aigc_demo.pipelines import facade_parsing
from aigc_demo.requests import TranslateRequest
from aigc_demo.studio import Studio
from tests import factories

pytestmark = pytest.mark.usefixtures("one_thread")
CLASSES = {tuple(rgb) for rgb in facade_labels.CLASSES.values()}


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    folder = tmp_path_factory.mktemp("checkpoints")
    model = factories.model("segment", classes=0)
    card = factories.card(model, "segment", data="facades", domains=("plan", "photo"))
    checkpoint.save(folder / "facades-segment", model, card)
    return Studio(folder, device="cpu")


def network() -> Segment:
    """Return a network whose CRF has a strong Potts compatibility."""
    built = factories.model("segment", classes=0)
    assert isinstance(built, Segment)
    built.compatibility = 6 * (1 - torch.eye(12)).expand(2, -1, -1)
    return built


def house() -> tuple[Image.Image, torch.Tensor]:
    """Return a photograph of a wall with windows, and its class numbers (64, 96)."""
    image, truth = Image.new("RGB", (96, 64), (180, 150, 120)), Image.new("L", (96, 64), 1)
    for left in (10, 40, 70):
        ImageDraw.Draw(image).rectangle((left, 15, left + 14, 45), fill=(50, 60, 80))
        ImageDraw.Draw(truth).rectangle((left, 15, left + 14, 45), fill=2)
    noise = np.random.default_rng(0).normal(0, 6, (64, 96, 3))
    noisy = (np.asarray(image) + noise).clip(0, 255).astype(np.uint8)
    return Image.fromarray(noisy), torch.from_numpy(np.asarray(truth).astype(int))


def unsure(truth: torch.Tensor) -> torch.Tensor:
    """Return noisy probabilities (1, 12, H, W), mostly of the true class."""
    says = torch.nn.functional.one_hot(truth, 12).permute(2, 0, 1)[None] * 2.0
    noise = torch.randn(says.shape, generator=torch.Generator().manual_seed(0))
    return (says + noise).softmax(1)


def test_a_crf_refines_uncertain_probabilities() -> None:
    image, truth = house()
    p = unsure(truth)
    right = [
        (facade_parsing.refine(p, image, network(), field) == truth).float().mean()
        for field in (0.0, 1.0)
    ]
    assert right[0] < 0.75 and right[1] > right[0] + 0.15
    assert torch.equal(facade_parsing.refine(p, image, network(), 0.0), p[0].argmax(0))


def test_coarse_probabilities_get_the_edges_of_the_photograph() -> None:
    image, truth = house()
    p = torch.nn.functional.one_hot(truth, 12).permute(2, 0, 1)[None] * 0.8 + 0.2 / 12
    coarse = torch.nn.functional.avg_pool2d(p, 8)
    wrong = [
        (facade_parsing.refine(coarse, image, network(), f) != truth).sum() for f in (0.0, 2.0)
    ]
    assert wrong[1] < 0.7 * wrong[0]


def test_a_label_map_has_the_size_of_the_image_and_colours_of_classes_only(
    studio: Studio,
) -> None:
    for size in ((32, 32), (131, 80), (20, 300), (600, 400)):
        image = Image.fromarray(data.chelsea()).resize(size)
        request = TranslateRequest(image=image, model="facades-segment", direction="BtoA")
        result = studio.translate(request)
        assert result.image.size == size and result.cycle is None
        assert result.direction == "photo → plan"
        assert {c for _, c in result.image.getcolors(1_000_000)} <= CLASSES
        assert studio.translate(request).image.tobytes() == result.image.tobytes()


def test_without_a_crf_the_label_map_is_that_of_the_network(studio: Studio) -> None:
    image = Image.fromarray(data.chelsea()[:32, :32])
    asked = TranslateRequest(image=image, model="facades-segment", direction="BtoA", field=0.0)
    model = studio.cache.load("facades-segment")
    assert isinstance(model, Segment)
    p = facade_parsing.probabilities(image, model)
    assert p.shape == (1, 12, 32, 32) and torch.allclose(p.sum(1), torch.ones(1, 32, 32))
    expected = np.array(list(facade_labels.CLASSES.values()))[p[0].argmax(0).numpy()]
    assert np.array_equal(np.asarray(studio.translate(asked).image), expected)
