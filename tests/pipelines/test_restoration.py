"""Restoring keeps what nobody asked to change, whatever comes in."""

from __future__ import annotations

import io
import itertools
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from aigc_demo.errors import BadCheckpoint, BadImage, BadValue, UserError
from aigc_demo.imaging import images, masks
from aigc_demo.imaging.images import Planes
from aigc_demo.pipelines import restoration
from aigc_demo.pipelines.restoration import TOOLS
from aigc_demo.requests import RestoreRequest
from aigc_demo.studio import Studio
from tests import factories, icc

pytestmark = pytest.mark.usefixtures("one_thread")
FILL = [t.name for t in TOOLS.values() if t.fills]
CLEAN = [t.name for t in TOOLS.values() if t.cleans]
MODES = ["RGB", "L", "RGBA", "LA", "I;16", "P", "CMYK", "1"]
DAMAGES = {"denoise": "noise", "dejpeg": "jpeg", "deblur": "blur", "upscale": "resolution"}


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    """Return a studio with an untrained model for every tool, and a trained run's model."""
    folder = tmp_path_factory.mktemp("restorers")
    for tool in TOOLS.values():
        if tool.model:
            method = "inpaint" if tool.fills else "repair"
            config = {} if tool.fills else {"damage": DAMAGES[tool.name]}
            factories.save(folder / "checkpoints" / tool.model, method, classes=0, config=config)
    factories.save(folder / "checkpoints" / "generator", "dcgan")
    for run, method in (("filler", "inpaint"), ("cleaner", "repair"), ("gan", "dcgan")):
        factories.save(folder / "runs" / run / "model", method, classes=2 if run == "gan" else 0)
        (folder / "runs" / run / "plan.json").write_text("{}")
    return Studio(folder / "checkpoints", runs_root=folder / "runs", device="cpu")


def photo(mode: str = "RGB", size: tuple[int, int] = (61, 47)) -> Image.Image:
    image = Image.fromarray(data.chelsea()[40:240, 60:360]).resize(size)
    if mode == "I;16":
        values = np.asarray(image.convert("L"), np.uint16) * 257 + 3
        return Image.fromarray(values.astype(np.uint16))
    if mode in ("RGBA", "LA"):
        image = image.convert(mode)
        fade = np.arange(size[0] * size[1], dtype=np.uint32) % 256
        image.putalpha(Image.fromarray(fade.reshape(size[::-1]).astype(np.uint8)))
        return image
    return image.convert(mode)


def mask_for(image: Image.Image) -> Image.Image:
    mask = Image.new("L", image.size)
    mask.paste(
        255, (image.width // 3, image.height // 3, image.width // 2 + 1, image.height // 2 + 1)
    )
    return mask


def planes(image: Image.Image) -> np.ndarray:
    found = images.split(image)
    parts = [found.colour] if found.alpha is None else [found.colour, found.alpha[..., None]]
    return np.concatenate(parts, axis=2)


@pytest.mark.parametrize(("mode", "method"), list(zip(MODES, itertools.cycle(FILL), strict=False)))
def test_pixels_outside_of_the_mask_and_the_size_stay(
    studio: Studio, mode: str, method: str
) -> None:
    image = photo(mode)
    mask = mask_for(image)
    result = studio.restore(RestoreRequest(image=image, mask=mask, method=method)).image
    before, after = planes(image), planes(result)
    assert result.size == image.size and before.dtype == after.dtype
    outside = np.asarray(mask) == 0
    assert np.array_equal(before[outside], after[outside])
    if mode in ("RGBA", "LA"):
        assert np.array_equal(before[..., -1], after[..., -1])
    if mode in ("L", "LA", "RGB", "RGBA", "I;16"):
        assert result.mode == mode


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (301, 3), (16, 16), (77, 130)])
def test_any_size_goes_through_every_method_and_comes_back(
    studio: Studio, size: tuple[int, int]
) -> None:
    image = photo(size=size)
    for method in (*FILL, *CLEAN):
        mask = mask_for(image) if TOOLS[method].fills else None
        result = studio.restore(RestoreRequest(image=image, mask=mask, method=method)).image
        assert result.size == size and result.mode == "RGB", method


def test_cleaning_can_be_limited_by_a_mask(studio: Studio) -> None:
    noise = np.random.default_rng(0).normal(0, 20, (47, 61, 3))
    image = Image.fromarray((np.asarray(photo()) + noise).clip(0, 255).astype(np.uint8))
    mask = mask_for(image)
    outside = np.asarray(mask) == 0
    for method in CLEAN:
        request = RestoreRequest(image=image, mask=mask, method=method, sigma=20.0)
        after = np.asarray(studio.restore(request).image)
        assert np.array_equal(after[outside], np.asarray(image)[outside]), method
        assert not np.array_equal(after, np.asarray(image)), method


@pytest.mark.parametrize("kind", ["none", "all", "one pixel", "soft"])
def test_any_mask_will_do(studio: Studio, kind: str) -> None:
    image = photo()
    mask = np.zeros(image.size[::-1], np.uint8)
    if kind == "all":
        mask[:] = 255
    elif kind == "one pixel":
        mask[7, 9] = 255
    elif kind == "soft":
        mask[:] = np.arange(61) // 8 * 8
    outside = mask == 0
    for method in FILL:
        request = RestoreRequest(image=image, mask=Image.fromarray(mask), method=method)
        after = studio.restore(request).image
        assert np.array_equal(np.asarray(after)[outside], np.asarray(image)[outside]), method
        assert after.size == image.size


def test_what_is_in_the_hole_does_not_matter(studio: Studio) -> None:
    image = photo()
    mask = mask_for(image)
    results = []
    for colour in ("white", "black"):
        broken = image.copy()
        broken.paste(colour, mask=mask)
        results.append(studio.restore(RestoreRequest(image=broken, mask=mask)).image.tobytes())
    assert results[0] == results[1]


def test_the_same_request_gives_the_same_picture(studio: Studio) -> None:
    image = photo()
    for method in (*FILL, *CLEAN):
        request = RestoreRequest(image=image, mask=mask_for(image), method=method)
        first, second = (studio.restore(request).image for _ in range(2))
        assert first.tobytes() == second.tobytes(), method


def test_a_mask_marks_what_is_seen_of_a_photo_with_an_orientation(studio: Studio) -> None:
    file, notes = io.BytesIO(), Image.Exif()
    notes[images.ORIENTATION], notes[0x010F] = 6, "a camera"
    photo(size=(48, 48)).save(file, "PNG", exif=notes)
    seen = images.open_image(file.getvalue())
    mask = Image.new("L", seen.size)
    mask.paste(255, (4, 30, 20, 40))
    for given in (seen, Image.open(file)):
        result = studio.restore(RestoreRequest(image=given, mask=mask, method="telea")).image
        changed = (np.asarray(result) != np.asarray(seen)).any(axis=2)
        assert changed.any() and not changed[np.asarray(mask) == 0].any()
        assert images.ORIENTATION not in result.getexif()
        assert result.getexif()[0x010F] == "a camera"


@pytest.mark.parametrize("mode", ["LA", "RGB", "RGBA"])
def test_sixteen_bits_stay_sixteen_in_every_mode(studio: Studio, mode: str) -> None:
    image = deep(mode)
    mask = mask_for(image)
    outside = np.asarray(mask) == 0
    for method in ("inpaint", "telea", "denoise"):
        request = RestoreRequest(image=image, mask=mask, method=method, sigma=20.0)
        result = studio.restore(request).image
        before, after = planes(image), planes(images.open_image(images.encode_png(result)))
        assert after.dtype == np.uint16 and np.array_equal(before[outside], after[outside])
        assert not np.array_equal(before, after), method
        if mode != "RGB":
            assert np.array_equal(before[..., -1], after[..., -1])
    larger = studio.restore(RestoreRequest(image=image, method="bicubic"))
    assert planes(larger.image).dtype == np.uint16


def deep(mode: str) -> Image.Image:
    values = np.asarray(photo("RGBA"), np.uint16) * 257 + 31
    values = values[..., {"LA": [1, 3], "RGB": [0, 1, 2], "RGBA": [0, 1, 2, 3]}[mode]]
    alpha = None if mode == "RGB" else values[..., -1]
    return images.join(Planes(values if mode == "RGB" else values[..., :-1], alpha))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "16 bits"])
def test_the_colour_profile_and_the_numbers_outside_stay(studio: Studio, mode: str) -> None:
    image = deep("RGB") if mode == "16 bits" else photo(mode)
    image.info["icc_profile"] = icc.dark_grey() if mode == "L" else icc.display_p3()
    mask = mask_for(image)
    outside = np.asarray(mask) == 0
    for method in ("inpaint", "telea", "denoise"):
        request = RestoreRequest(image=image, mask=mask, method=method, sigma=20.0)
        result = studio.restore(request).image
        assert result.info["icc_profile"] == image.info["icc_profile"], method
        assert np.array_equal(planes(result)[outside], planes(image)[outside]), method


def test_networks_see_srgb_and_what_they_fill_is_converted_back(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network that fills with what it is shown around the hole leaves no edge."""
    colour = (200, 120, 100)
    image = Image.new("RGB", (40, 40), colour)
    image.info["icc_profile"] = icc.display_p3()
    seen: list[np.ndarray] = []

    def flat(model: object, tile: np.ndarray, hole: np.ndarray, guess: object) -> np.ndarray:
        seen.append(tile[0, 0] * 255)
        return np.broadcast_to(tile[0, 0], tile.shape)

    monkeypatch.setattr(restoration, "filled", flat)
    result = studio.restore(RestoreRequest(image=image, mask=mask_for(image))).image
    assert np.abs(seen[0] - images.flatten(image, "RGB").getpixel((0, 0))).max() < 1
    assert np.abs(np.asarray(result, int) - colour).max() <= 1


def test_a_damaged_profile_does_not_stop_anything(studio: Studio) -> None:
    image = photo()
    image.info["icc_profile"] = b"no profile"
    plain = studio.restore(RestoreRequest(image=photo(), mask=mask_for(image))).image
    result = studio.restore(RestoreRequest(image=image, mask=mask_for(image))).image
    assert result.tobytes() == plain.tobytes()


def test_a_mask_that_marks_nothing_or_everything_is_told(studio: Studio) -> None:
    image = photo()
    notes = [
        studio.restore(RestoreRequest(image=image, mask=mask, method="telea")).note
        for mask in (Image.new("L", image.size, 9), Image.new("L", image.size, 255))
    ]
    assert "marks nothing" in notes[0] and "marks everything" in notes[1]
    request = RestoreRequest(image=image, mask=mask_for(image), method="telea")
    assert studio.restore(request).note == ""


def test_a_mask_can_be_grown_and_feathered(studio: Studio) -> None:
    image = photo()
    request = RestoreRequest(image=image, mask=mask_for(image), method="telea", grow=3, feather=4)
    weights = masks.feather(masks.grow(masks.read(mask_for(image)), 3), 4)
    changed = (np.asarray(studio.restore(request).image) != np.asarray(image)).any(axis=2)
    assert changed[np.asarray(mask_for(image)) == 0].any() and not changed[weights == 0].any()


def test_enlarging_multiplies_the_size_and_keeps_the_content(studio: Studio) -> None:
    for method, factor, mode in [
        ("upscale", 2, "RGB"),
        ("upscale", 4, "LA"),
        ("upscale", 2, "I;16"),
        ("bicubic", 4, "I;16"),
        ("bicubic", 2, "LA"),
        ("bicubic", 4, "RGB"),
    ]:
        image = photo(mode, (30, 21))
        request = RestoreRequest(image=image, method=method, factor=factor)
        result = studio.restore(request).image
        assert result.size == (30 * factor, 21 * factor) and result.mode == mode
    small = np.asarray(result.convert("L").resize(image.size), float)
    assert np.abs(small - np.asarray(image.convert("L"), float)).mean() < 4


def test_the_noise_is_estimated_unless_it_is_given(studio: Studio) -> None:
    noise = np.random.default_rng(0).normal(0, 20, (200, 300, 3))
    image = Image.fromarray((data.chelsea()[:200, :300] + noise).clip(0, 255).astype(np.uint8))
    found = studio.restore(RestoreRequest(image=image, method="denoise"))
    assert found.sigma == pytest.approx(20, rel=0.1)
    given = studio.restore(RestoreRequest(image=image, method="denoise", sigma=5.0))
    assert given.sigma == 5 and given.image.tobytes() != found.image.tobytes()
    assert studio.restore(RestoreRequest(image=image, method="dejpeg")).sigma is None


def test_scores_are_there_where_the_truth_is(studio: Studio) -> None:
    truth = photo()
    broken = truth.copy()
    broken.paste("white", mask=mask_for(truth))
    request = RestoreRequest(image=broken, mask=mask_for(truth), method="telea", truth=truth)
    scores = studio.restore(request).scores
    assert set(scores) == {"psnr", "psnr_hole", "ssim", "compact_distance"}
    assert scores["psnr"] > scores["psnr_hole"] > 10 and 0 < scores["ssim"] < 1
    same = studio.restore(RestoreRequest(image=truth, method="denoise", sigma=0.0, truth=truth))
    assert "psnr_hole" not in same.scores
    assert studio.restore(RestoreRequest(image=truth, method="median")).scores == {}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"method": "magic"}, "method: there is no method “magic”; choose one of inpaint"),
        ({"method": "yours-nothing"}, "model: its run was discarded or has no model yet"),
        ({"method": "yours-gan"}, "method: yours-gan was not trained to restore"),
        ({"method": "inpaint"}, "mask: inpaint fills what a mask marks"),
        ({"method": "telea", "mask": Image.new("L", (3, 3))}, "mask: it has 3×3 pixels"),
        (
            {"method": "upscale", "mask": Image.new("L", (61, 47))},
            "mask: upscale works on the whole",
        ),
        ({"method": "denoise", "truth": Image.new("RGB", (3, 3))}, "truth: it has 3×3 pixels"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_done_is_refused_by_field(
    studio: Studio, fields: dict[str, object], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        studio.restore(RestoreRequest(**({"image": photo()} | fields)))


def test_too_large_a_result_is_refused(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_PIXELS", 10_000)
    with pytest.raises(BadImage, match="0 megapixels|megapixels; the limit"):
        studio.restore(RestoreRequest(image=photo(), method="bicubic", factor=4))


def test_biharmonic_refuses_what_would_take_minutes(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restoration, "MAX_BIHARMONIC_PIXELS", 10)
    with pytest.raises(BadValue, match="its limit is 10"):
        image = photo()
        studio.restore(RestoreRequest(image=image, mask=mask_for(image), method="biharmonic"))


def test_models_trained_here_can_be_used_by_name(studio: Studio) -> None:
    image = photo()
    filled = studio.restore(
        RestoreRequest(image=image, mask=mask_for(image), method="yours-filler")
    )
    cleaned = studio.restore(RestoreRequest(image=image, method="yours-cleaner"))
    assert filled.image.size == cleaned.image.size == image.size
    assert cleaned.sigma is not None


def test_a_missing_or_broken_model_disables_its_tool_alone(studio: Studio, tmp_path: Path) -> None:
    folder = shutil.copytree(studio.checkpoints, tmp_path / "checkpoints")
    shutil.rmtree(folder / "denoise")
    (folder / "inpaint" / "model.safetensors").write_bytes(b"no")
    other, image = Studio(folder, device="cpu"), photo()
    with pytest.raises(BadValue, match="denoise"):
        other.restore(RestoreRequest(image=image, method="denoise"))
    with pytest.raises(BadCheckpoint, match="inpaint"):
        other.restore(RestoreRequest(image=image, mask=mask_for(image)))
    assert other.restore(RestoreRequest(image=image, method="median")).image.size == image.size


def test_a_reader_that_goes_away_does_not_keep_the_lock(studio: Studio) -> None:
    steps = studio.restore_steps(RestoreRequest(image=photo(), method="denoise", sigma=9.0))
    assert 0 < next(steps) <= 1
    with ThreadPoolExecutor(1) as pool:
        pool.submit(studio.restore, RestoreRequest(image=photo(), method="median")).result(30)
    steps.close()


def test_progress_rises_to_one(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aigc_demo.imaging.tiling.TILE", 32)
    *shares, result = studio.restore_steps(RestoreRequest(image=photo(), method="median"))
    assert len(shares) == 4 and shares == sorted(shares) and shares[-1] == 1
    assert result.image.size == (61, 47)
