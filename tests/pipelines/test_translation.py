"""A picture of any kind goes to the other domain and back, in one piece or in many."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from aigc_demo.errors import BadValue
from aigc_demo.imaging import tiling
from aigc_demo.methods import checkpoint
from aigc_demo.pipelines import translation
from aigc_demo.requests import TranslateRequest
from aigc_demo.studio import Studio
from tests import factories

pytestmark = pytest.mark.usefixtures("one_thread")


def write(folder: Path, method: str, domains: tuple[str, ...], **config: object) -> None:
    classes = int(config.get("classes", 0))
    model = factories.model(method, classes=classes, config=dict(config))
    card = factories.card(model, method, domains=domains)
    if classes:
        card = card.model_copy(update={"classes": domains})
    checkpoint.save(folder, model, card)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    base = tmp_path_factory.mktemp("checkpoints")
    write(base / "cycle", "cyclegan", ("summer", "winter"), size=128)
    write(base / "statistics", "cyclegan", ("a", "b"), norm="instance", size=128)
    write(base / "one-way", "cyclegan", ("a", "b"), network="reference", directions=["AtoB"])
    write(base / "plans", "pix2pix", ("plan", "photo"))
    write(base / "styles", "pix2pix", ("noto", "twemoji", "fluentui"), classes=3)
    factories.save(base / "denoise", "repair", classes=0)
    return Studio(base, device="cpu")


def photo(width: int = 60, height: int = 44) -> Image.Image:
    return Image.fromarray(data.chelsea()).resize((width, height))


@pytest.mark.parametrize("model", ["cycle", "statistics", "one-way", "plans", "styles"])
def test_any_size_keeps_its_size(studio: Studio, model: str) -> None:
    for size in ((1, 1), (3, 70), (45, 33), (130, 64), (700, 20)):
        result = studio.translate(TranslateRequest(image=photo(*size), model=model))
        assert result.image.size == size and result.image.mode == "RGB"
        for other in (result.cycle, result.error):
            assert other is None or other.size == size
        assert (result.cycle is None) == (model in ("one-way", "plans"))


def test_any_mode_becomes_colour(studio: Studio) -> None:
    for mode in ("RGB", "L", "RGBA", "LA", "P", "CMYK", "1", "I;16"):
        image = photo().convert("L" if mode == "I;16" else mode)
        if mode == "I;16":
            image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
        result = studio.translate(TranslateRequest(image=image, model="cycle", cycle=False))
        assert result.image.mode == "RGB" and result.image.size == image.size


def test_the_same_request_gives_the_same_picture(studio: Studio) -> None:
    request = TranslateRequest(image=photo(), model="cycle")
    one, again = studio.translate(request), studio.translate(request)
    assert one.image.tobytes() == again.image.tobytes()
    assert one.cycle.tobytes() == again.cycle.tobytes()


def test_directions_differ_and_lead_back(studio: Studio) -> None:
    forth = studio.translate(TranslateRequest(image=photo(), model="cycle", direction="AtoB"))
    back = studio.translate(TranslateRequest(image=photo(), model="cycle", direction="BtoA"))
    assert forth.direction == "summer → winter" and back.direction == "winter → summer"
    assert forth.image.tobytes() != back.image.tobytes()
    again = studio.translate(
        TranslateRequest(image=forth.image, model="cycle", direction="BtoA", cycle=False)
    )
    assert again.image.tobytes() == forth.cycle.tobytes()
    difference = np.asarray(forth.cycle, float) - np.asarray(photo(), float)
    psnr = -10 * np.log10(np.square(difference / 255).mean())
    assert forth.scores["cycle_psnr"] == pytest.approx(psnr, abs=1e-3)


def test_strength_blends(studio: Studio) -> None:
    def of(strength: float) -> np.ndarray:
        request = TranslateRequest(image=photo(), model="cycle", strength=strength, cycle=False)
        return np.asarray(studio.translate(request).image, dtype=float)

    none, half, full = of(0.0), of(0.5), of(1.0)
    assert np.array_equal(none, np.asarray(photo()))
    assert np.abs(half - (none + full) / 2).max() <= 1 and not np.array_equal(none, full)


def test_a_style_is_a_target_by_its_name(studio: Studio) -> None:
    made = {
        style: studio.translate(TranslateRequest(image=photo(), model="styles", style=style))
        for style in ("noto", "twemoji", "fluentui")
    }
    assert len({r.image.tobytes() for r in made.values()}) == 3
    assert made["noto"].direction == "→ noto" and made["noto"].cycle is None
    forth = studio.translate(TranslateRequest(image=photo(), model="styles", direction="AtoB"))
    assert forth.image.tobytes() == made["fluentui"].image.tobytes()
    back = studio.translate(TranslateRequest(image=photo(), model="styles", direction="BtoA"))
    assert back.image.tobytes() == made["twemoji"].image.tobytes()
    assert back.cycle is not None


@pytest.mark.parametrize(
    ("fields", "named"),
    [({"model": "nothing"}, "model"), ({"model": "denoise"}, "model"),
     ({"model": "one-way", "direction": "BtoA"}, "direction"),
     ({"model": "cycle", "style": "noto"}, "style"), ({"model": "styles", "style": "x"}, "style")],
    ids=str,
)  # fmt: skip
def test_what_a_model_cannot_do_is_refused(
    studio: Studio, fields: dict[str, str], named: str
) -> None:
    with pytest.raises(BadValue, match=rf"^{named}: .*[;.]"):
        studio.translate(TranslateRequest(image=photo(), **fields))


def test_tiles_leave_no_seam(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    request = TranslateRequest(image=photo(150, 100), model="cycle", cycle=False)
    whole = np.asarray(studio.translate(request).image, dtype=int)
    monkeypatch.setattr(tiling, "TILE", 48)
    pieces = np.asarray(studio.translate(request).image, dtype=int)
    assert np.abs(whole - pieces).max() <= 1


def test_a_network_with_statistics_sees_the_whole_picture(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = TranslateRequest(image=photo(150, 100), model="statistics", cycle=False)
    whole = studio.translate(request).image
    monkeypatch.setattr(tiling, "TILE", 48)
    assert studio.translate(request).image.tobytes() == whole.tobytes()
    monkeypatch.setattr(translation, "MAX_SIDE", 75)
    smaller = np.asarray(studio.translate(request).image, dtype=int)
    assert smaller.shape == (100, 150, 3)
    # What it adds comes from a smaller copy: the picture keeps its own detail.
    detail = [
        np.abs(np.diff(np.asarray(x, int), axis=1)).mean() for x in (smaller, photo(150, 100))
    ]
    assert detail[0] > 0.7 * detail[1]


def test_a_plan_keeps_its_exact_colours_when_it_is_reduced() -> None:
    plan = Image.new("RGB", (64, 64), (0, 1, 222))
    plan.paste((251, 81, 4), (10, 10, 31, 31))
    drawn, photographed = (
        x.resize((23, 23), translation._resampling(x)) for x in (plan, photo(64, 64))
    )
    assert len(drawn.getcolors()) == 2
    assert photographed.getcolors(64) is None


def test_a_network_works_at_the_size_that_suits_it(studio: Studio) -> None:
    for model, scale, size, expected in [
        ("cycle", "auto", (300, 200), (300, 200)),
        ("cycle", "trained", (300, 200), (192, 128)),
        ("cycle", "trained", (60, 40), (60, 40)),
        ("plans", "auto", (300, 200), (48, 32)),
        ("plans", "trained", (15, 10), (48, 32)),
        ("plans", "picture", (300, 200), (300, 200)),
        ("plans", "picture", (3000, 200), (1024, 68)),
        ("statistics", "picture", (2048, 100), (1024, 50)),
    ]:
        assert translation.working_size(size, studio.cache.load(model), scale) == expected


def test_the_error_map_is_black_where_nothing_differs() -> None:
    a = photo()
    b = a.copy()
    b.paste((255, 255, 255), (10, 10, 20, 20))
    error = np.asarray(translation.error_map(a, b)).sum(axis=2)
    same = error[30, 30]
    assert error[15, 15] > same and (error[:8] == same).all() and same < 20


def test_progress_rises_to_one(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiling, "TILE", 32)
    steps = list(studio.translate_steps(TranslateRequest(image=photo(), model="cycle")))
    shares = steps[:-1]
    assert len(shares) >= 4 and shares == sorted(shares) and shares[-1] == 1
    assert isinstance(steps[-1], translation.TranslateResult)


def test_a_model_lists_its_domains_and_directions(studio: Studio) -> None:
    listed = {m.name: (m.domains, m.directions) for m in studio.models("translate")}
    assert listed["cycle"] == (("summer", "winter"), ("AtoB", "BtoA"))
    assert listed["plans"] == (("plan", "photo"), ("AtoB",))
    assert listed["styles"] == (("noto", "twemoji", "fluentui"), ("AtoB", "BtoA"))
