"""What the sliders of directions do, without a browser."""

from __future__ import annotations

import math
from typing import Any

import pytest

from aigc_demo.errors import BadValue
from aigc_demo.imaging import images
from aigc_demo.requests import GenerateRequest
from aigc_demo.studio import Studio
from aigc_demo.ui.generate import latent_directions
from aigc_demo.ui.generate.latent_directions import DirectionsForm

VAE = "shapes-vae"
SETTINGS = {"model": VAE, "label": "squares", "seed": 4, "temperature": 0.8, "guidance": 2}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIGC_CACHE", str(tmp_path / "cache"))


def moved(studio: Studio, **fields: Any) -> bytes:
    return latent_directions.move(studio, DirectionsForm(**SETTINGS | fields))["picture"].tobytes()


def test_sliders_at_zero_show_what_generate_paints(studio: Studio) -> None:
    request = GenerateRequest(model=VAE, label="squares", seed=4, temperature=0.8, count=1)
    (plain,) = studio.generate(request).images
    assert moved(studio) == images.enlarge(plain, 256, crisp=False).tobytes()
    assert moved(studio, direction_1=2) != moved(studio)


def test_a_strip_is_nine_pictures_along_one_direction(studio: Studio) -> None:
    first, second = (
        latent_directions.strip(studio, DirectionsForm(**SETTINGS, component=i))["strip"]
        for i in (1, 2)
    )
    assert first.width > 9 * 96 and first.tobytes() != second.tobytes()


def test_a_class_of_the_model_before_is_any_class(studio: Studio) -> None:
    """While a page changes its model, the class is for a moment still that of the one before."""
    old = DirectionsForm(**SETTINGS | {"label": "Ankle boot"})
    shown = latent_directions.fit(studio, old)
    assert shown["picture"].tobytes() == moved(studio, label="*")


def test_the_sliders_are_there_where_the_model_has_directions(studio: Studio) -> None:
    for model, has in ((VAE, True), ("shapes-flow", False), (None, False)):
        shown = latent_directions.fit(studio, DirectionsForm(**SETTINGS | {"model": model}))
        assert (shown["column"].visible, shown["none"].visible) == (has, not has)
    typing = latent_directions.fit(studio, DirectionsForm(**SETTINGS | {"seed": None}))
    assert typing["picture"] is None and typing["column"].visible


def test_an_offset_that_cannot_be_used_is_refused(studio: Studio) -> None:
    for wrong in (None, "1", True, math.nan, 4, -3.5):
        with pytest.raises(BadValue, match=r"^(direction_1|offsets\.0): "):
            moved(studio, direction_1=wrong)


def test_a_model_without_directions_is_refused_by_name(studio: Studio) -> None:
    with pytest.raises(BadValue, match="^model: shapes-flow has no latent directions"):
        moved(studio, model="shapes-flow")
