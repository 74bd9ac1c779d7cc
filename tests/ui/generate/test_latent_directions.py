"""What the sliders of directions do, called without a browser."""

from __future__ import annotations

import math
from typing import Any

import pytest
from PIL import Image

from aigc_demo.errors import BadValue
from aigc_demo.imaging import images
from aigc_demo.requests import GenerateRequest
from aigc_demo.studio import Studio
from aigc_demo.ui.generate import latent_directions
from tests import factories

VAE = "shapes-vae"
SETTINGS = (VAE, "squares", 4, 2.0, 16, 1.0, 0.8)
NONE = (0,) * 6


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIGC_CACHE", str(tmp_path / "cache"))


def test_sliders_at_zero_show_what_generate_paints(studio: Studio) -> None:
    request = GenerateRequest(model=VAE, label="squares", seed=4, temperature=0.8, count=1)
    (plain,) = studio.generate(request).images
    shown = latent_directions.steer(studio, SETTINGS, NONE)
    assert (
        shown.tobytes()
        == images.enlarge(plain, latent_directions.SHOWN_SIDE, crisp=False).tobytes()
    )
    moved = latent_directions.steer(studio, SETTINGS, (2.0, *NONE[1:]))
    assert moved.tobytes() != shown.tobytes()


def test_a_strip_is_nine_pictures_in_a_row(studio: Studio) -> None:
    shown = latent_directions.strip(studio, SETTINGS, 1, NONE)
    assert isinstance(shown, Image.Image) and shown.width > 9 * 96
    assert shown.tobytes() != latent_directions.strip(studio, SETTINGS, 2, NONE).tobytes()


def test_a_class_that_the_model_has_not_is_any_class(studio: Studio) -> None:
    """While a page changes its model, the class is for a moment still that of the one before."""
    old = (VAE, "Ankle boot", *SETTINGS[2:])
    assert latent_directions.settled(studio, old) == (VAE, "*", *SETTINGS[2:])
    assert latent_directions.settled(studio, SETTINGS) == SETTINGS


@pytest.mark.parametrize("wrong", [None, "1", True, [1]], ids=str)
def test_an_offset_that_is_no_number_is_refused(studio: Studio, wrong: Any) -> None:
    with pytest.raises(BadValue, match="^direction 2: "):
        latent_directions.steer(studio, SETTINGS, (0, wrong, 0, 0, 0, 0))


@pytest.mark.parametrize("wrong", [math.nan, 4, -3.5])
def test_an_offset_out_of_reach_is_refused(studio: Studio, wrong: float) -> None:
    with pytest.raises(BadValue, match="^offsets"):
        latent_directions.steer(studio, SETTINGS, (wrong, 0, 0, 0, 0, 0))


@pytest.mark.parametrize("name", [n for n in factories.GENERATE if n not in ("vae", "dcgan")])
def test_a_model_without_directions_is_refused_by_name(studio: Studio, name: str) -> None:
    with pytest.raises(BadValue, match=f"^model: shapes-{name} has no latent directions"):
        latent_directions.steer(studio, (f"shapes-{name}", "*", *SETTINGS[2:]), NONE)
