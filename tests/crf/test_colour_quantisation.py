"""Flat colours: few of them, along the edges, and those of scribbles."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from aigc_demo.crf import colour_quantisation, dense_crf, inference
from aigc_demo.errors import BadImage
from aigc_demo.imaging import images
from aigc_demo.requests import CrfRequest

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = torch.device("cpu")
RED, BLUE, WHITE = (200, 30, 40), (30, 60, 190), (250, 250, 250)


def flag(side: int = 48, noise: float = 12.0, seed: int = 0) -> tuple[Image.Image, np.ndarray]:
    """Return a noisy picture of a red disc and a blue bar on white, and without the noise."""
    image = Image.new("RGB", (side, side), WHITE)
    pen = ImageDraw.Draw(image)
    pen.ellipse((side // 8, side // 8, side // 2, side // 2), fill=RED)
    pen.rectangle((0, 3 * side // 4, side, side - side // 8), fill=BLUE)
    clean = np.asarray(image)
    noisy = clean + np.random.default_rng(seed).normal(0, noise, clean.shape)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8)), clean


def colours_of(image: Image.Image) -> set[tuple[int, int, int]]:
    return {c for _, c in image.getcolors(100_000)}


def near(a: tuple[int, ...], b: tuple[int, ...], levels: int = 15) -> bool:
    return max(abs(x - y) for x, y in zip(a, b, strict=True)) <= levels


def test_a_noisy_picture_becomes_its_three_flat_regions() -> None:
    image, clean = flag()
    result = colour_quantisation.quantise(CrfRequest(image=image, colours=3), CPU)
    assert result.image.size == image.size and len(colours_of(result.image)) == 3
    wrong = np.abs(np.asarray(result.image, int) - clean.astype(int)).max(axis=2) > 20
    assert wrong.mean() < 0.01
    assert len(result.palette) == 3 and near(colour_quantisation._rgb(result.palette[0]), WHITE)


def test_energies_fall_and_there_is_one_before_and_one_after_each_update() -> None:
    result = colour_quantisation.quantise(
        CrfRequest(image=flag()[0], colours=4, iterations=6), CPU
    )
    assert len(result.energies) == 7
    assert all(b <= a + 1e-5 for a, b in zip(result.energies, result.energies[1:], strict=False))


def test_neighbours_remove_what_colours_alone_leave_behind() -> None:
    image, clean = flag(noise=45.0)
    palette = ("#fafafa", "#c81e28", "#1e3cbe")

    def wrong(**weights: float) -> float:
        asked = CrfRequest(image=image, palette=palette, **weights)
        made = np.asarray(colour_quantisation.quantise(asked, CPU).image, int)
        return float((made != clean).any(axis=2).mean())

    settled = wrong(tolerance=25.0, smooth=10.0)
    assert settled < 0.01 < 0.025 < wrong(smooth=0.0, appearance=0.0)


def test_the_colours_of_a_chosen_palette_are_exact() -> None:
    palette = ("#000000", "#ff0000", "#ffffff")
    result = colour_quantisation.quantise(CrfRequest(image=flag()[0], palette=palette), CPU)
    assert set(result.palette) <= set(palette)
    assert colours_of(result.image) <= {(0, 0, 0), (255, 0, 0), (255, 255, 255)}


def test_scribbles_win_where_they_are_and_bring_their_colour() -> None:
    image, _ = flag(noise=3)
    hints = Image.new("RGBA", image.size)
    ImageDraw.Draw(hints).line((2, 2, 20, 2), fill=(20, 160, 60, 255), width=2)
    ImageDraw.Draw(hints).line((18, 14, 20, 14), fill=(*WHITE, 255), width=1)
    result = colour_quantisation.quantise(CrfRequest(image=image, colours=3, hints=hints), CPU)
    made, drawn = np.asarray(result.image), np.asarray(hints)[..., 3] > 0
    green = drawn & (np.asarray(hints)[..., 1] == 160)
    assert (made[green] == (20, 160, 60)).all() and "#14a03c" in result.palette
    assert all(near(tuple(c), WHITE) for c in made[drawn & ~green].tolist())
    assert near(tuple(made[18, 14].tolist()), RED)


def test_without_strokes_hints_change_nothing() -> None:
    image, _ = flag()
    empty = Image.new("RGBA", image.size, (255, 0, 0, 0))
    first, second = (
        colour_quantisation.quantise(CrfRequest(image=image, colours=3, hints=h), CPU)
        for h in (None, empty)
    )
    assert first.image.tobytes() == second.image.tobytes()


def test_hints_of_another_size_are_refused() -> None:
    with pytest.raises(BadImage, match="hints: it has 3×3 pixels and the image 48×48"):
        asked = CrfRequest(image=flag()[0], hints=Image.new("RGBA", (3, 3)))
        colour_quantisation.quantise(asked, CPU)


def test_any_mode_becomes_flat_colour_of_the_same_size() -> None:
    for mode in ("L", "RGBA", "P", "CMYK", "I;16", "1"):
        image = flag()[0].resize((31, 17)).convert("L" if mode == "I;16" else mode)
        if mode == "I;16":
            image = Image.fromarray(np.asarray(image, np.uint16) * 257)
        result = colour_quantisation.quantise(CrfRequest(image=image, colours=2), CPU)
        assert result.image.mode == "RGB" and result.image.size == (31, 17)


def test_an_image_of_few_pixels_or_colours_keeps_them() -> None:
    for size in ((1, 1), (1, 300), (3, 2)):
        image = Image.new("RGB", size, (9, 99, 199))
        result = colour_quantisation.quantise(CrfRequest(image=image), CPU)
        assert colours_of(result.image) == {(9, 99, 199)} and result.palette == ("#0963c7",)


def test_edges_of_a_large_picture_are_as_sharp_as_its_own() -> None:
    image, clean = flag(side=700, noise=20.0)
    result = colour_quantisation.quantise(CrfRequest(image=image, colours=3), CPU)
    wrong = np.abs(np.asarray(result.image, int) - clean.astype(int)).max(axis=2) > 20
    assert wrong.mean() < 0.002


def test_a_thin_stroke_survives_reduction() -> None:
    hints = torch.full((400, 400), -1)
    hints[100, 10:390] = 2
    small = inference.reduced(hints, 3, (100, 100))
    assert (small[25, 3:97] == 2).all() and int((small >= 0).sum()) < 110


def test_inference_on_a_reduced_copy_gives_the_same_labels() -> None:
    """Of a picture that is enlarged by repeating pixels, every pixel keeps its label."""
    image, _ = flag(side=200, noise=10)
    x = images.from_pixels(images.to_pixels(image))[None]
    middles = torch.tensor([WHITE, RED, BLUE]) / 127.5 - 1

    def costs(values: torch.Tensor) -> torch.Tensor:
        return 20 * (values[:, None] - middles[None, :, :, None, None]).square().sum(2)

    large = x.repeat_interleave(3, 2).repeat_interleave(3, 3)
    small, _ = inference.infer(x, x, costs, dense_crf.PairwisePotentials())
    found, _ = inference.infer(large, large, costs, dense_crf.PairwisePotentials())
    agree = found == small.repeat_interleave(3, 0).repeat_interleave(3, 1)
    assert agree.float().mean() > 0.99


def test_a_palette_has_the_colours_that_a_picture_is_made_of() -> None:
    found = colour_quantisation.extract(np.asarray(flag(noise=6)[0]), 3)
    for wanted in (WHITE, RED, BLUE):
        assert any(near(c, wanted) for c in found)
    assert found == colour_quantisation.extract(np.asarray(flag(noise=6)[0]), 3)
