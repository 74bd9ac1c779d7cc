"""A colour profile says what numbers mean; networks and other formats see sRGB."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from aigc_demo.imaging import images, profiles
from tests import factories, icc

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def picture(mode: str, profile: bytes) -> Image.Image:
    image = factories.draw(0, 0).convert(mode)
    image.info["icc_profile"] = profile
    return image


def test_colours_of_a_wide_gamut_become_those_of_srgb() -> None:
    image = Image.new("RGB", (1, 1), (200, 120, 100))
    image.info["icc_profile"] = icc.display_p3()
    r, g, b = images.flatten(image, "RGB").getpixel((0, 0))
    assert 210 < r < 218 and 112 < g < 119 and 90 < b < 99


def test_a_converted_picture_carries_no_profile() -> None:
    for mode in ("RGB", "RGBA", "P"):
        image = picture(mode, icc.display_p3())
        assert "icc_profile" not in images.flatten(image, "RGB").info, mode
        assert image.info["icc_profile"], "the picture itself was changed"


def test_grey_and_ink_have_profiles_of_their_own() -> None:
    grey = Image.new("L", (1, 1), 128)
    grey.info["icc_profile"] = icc.dark_grey()
    assert images.flatten(grey, "L").getpixel((0, 0)) < 100
    cyan = Image.new("CMYK", (1, 1), (255, 0, 0, 0))
    cyan.info["icc_profile"] = icc.ink()
    assert images.flatten(cyan, "RGB").getpixel((0, 0))[1] < 200  # without a profile: 255


def test_transparency_stays() -> None:
    image = picture("RGBA", icc.display_p3())
    image.putalpha(77)
    assert profiles.to_srgb(image).getextrema()[3] == (77, 77)


def test_pictures_in_srgb_keep_their_very_numbers() -> None:
    image = picture("RGB", SRGB)
    assert images.flatten(image, "RGB").tobytes() == image.tobytes()
    assert profiles.converters(SRGB, 3) is None


@pytest.mark.parametrize("kind", ["text", "cut", "zeros", "of ink", "of grey"])
def test_a_profile_that_cannot_be_used_is_ignored(kind: str) -> None:
    profile = {
        "text": b"no profile",
        "cut": icc.display_p3()[:300],
        "zeros": bytes(3000),
        "of ink": icc.ink(),
        "of grey": icc.dark_grey(),
    }[kind]
    image = picture("RGB", profile)
    assert images.flatten(image, "RGB").tobytes() == image.tobytes()
    assert profiles.converters(profile, 3) is None


def test_the_way_to_srgb_and_back_ends_where_it_began() -> None:
    space = profiles.converters(icc.display_p3(), 3)
    assert space is not None
    to_srgb, back = space
    x = np.random.default_rng(0).uniform(0.4, 0.7, (9, 7, 3)).astype(np.float32)
    assert np.abs(to_srgb(x) - x).max() > 4 / 255
    assert np.abs(back(to_srgb(x)) - x).max() <= 1.5 / 255


def test_a_file_of_inks_opens_as_what_is_seen() -> None:
    out = io.BytesIO()
    Image.new("CMYK", (8, 8), (255, 0, 0, 0)).save(out, "JPEG", icc_profile=icc.ink(), quality=95)
    opened = images.open_image(out.getvalue())
    assert opened.mode == "RGB" and "icc_profile" not in opened.info
    assert opened.getpixel((4, 4))[1] < 200


def test_a_profile_goes_through_a_png() -> None:
    for image in (picture("RGB", icc.display_p3()), picture("L", icc.dark_grey())):
        opened = images.open_image(images.encode_png(image))
        assert opened.info["icc_profile"] == image.info["icc_profile"]
        assert opened.tobytes() == image.tobytes()
