"""What the Restore tab does, without a browser."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data

from aigc_demo.errors import BadImage, BadValue, UserError
from aigc_demo.imaging import images, masks
from aigc_demo.imaging.degradations import DEGRADATIONS
from aigc_demo.pipelines.restoration import TOOLS
from aigc_demo.studio import Studio
from aigc_demo.ui.components import example_images, send_to
from aigc_demo.ui.i18n import TEXTS
from aigc_demo.ui.restore import callbacks as repairing
from aigc_demo.ui.restore.callbacks import Form, Truth
from tests import factories

SIZE = (60, 44)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    folder = tmp_path_factory.mktemp("checkpoints")
    factories.save(folder / "inpaint", "inpaint", classes=0)
    factories.save(folder / "denoise", "repair", classes=0)
    return Studio(folder, device="cpu")


def photo() -> Image.Image:
    return Image.fromarray(data.chelsea()[:44, :60])


def editor(tmp_path: Path, image: Image.Image | None = None, *, painted: bool = True) -> Any:
    """Return an editor's value as the browser sends it: RGBA files."""
    shown = (image or photo()).convert("RGBA")
    shown.save(tmp_path / "background.png")
    layer = Image.new("RGBA", shown.size)
    if painted:
        layer.paste((225, 29, 72, 40), (10, 12, 22, 20))  # half transparent
    layer.save(tmp_path / "layer.png")
    return {
        "background": str(tmp_path / "background.png"),
        "layers": [str(tmp_path / "layer.png")],
        "composite": None,
    }


def square(box: tuple[int, int, int, int], size: tuple[int, int] = SIZE) -> np.ndarray:
    mask = Image.new("L", size)
    mask.paste(255, box)
    return np.asarray(mask)


def file_of(tmp_path: Path, mask: np.ndarray) -> str:
    Image.fromarray(mask).save(tmp_path / "mask.png")
    return str(tmp_path / "mask.png")


def outcome(steps: Any) -> tuple[Any, ...]:
    *_, last = steps
    return last


def test_a_picture_without_transparency_comes_back_without(tmp_path: Path) -> None:
    assert repairing.picture_of(editor(tmp_path)).mode == "RGB"
    clear = photo().convert("RGBA")
    clear.putpixel((0, 0), (1, 2, 3, 0))
    assert repairing.picture_of(editor(tmp_path, clear)).mode == "RGBA"


@pytest.mark.parametrize(
    "value", [None, {}, {"background": None, "layers": [], "composite": None}]
)
def test_an_empty_editor_is_told(value: Any) -> None:
    with pytest.raises(BadValue, match="picture: there is none yet"):
        repairing.picture_of(value)


def test_strokes_of_any_colour_and_opacity_are_the_mask(tmp_path: Path) -> None:
    found = repairing.mask_of(Form(editor(tmp_path)), SIZE)
    assert np.array_equal(found, square((10, 12, 22, 20)))


def test_an_untouched_layer_marks_nothing(tmp_path: Path) -> None:
    assert repairing.mask_of(Form(editor(tmp_path, painted=False)), SIZE) is None


def test_strokes_and_file_add_up_then_are_inverted_grown_and_faded(tmp_path: Path) -> None:
    file = file_of(tmp_path, square((40, 30, 50, 40)))
    form = Form(editor(tmp_path), mask_file=file)
    both = square((10, 12, 22, 20)) | square((40, 30, 50, 40))
    assert np.array_equal(repairing.mask_of(form, SIZE), both)
    assert np.array_equal(repairing.mask_of(replace(form, invert=True), SIZE), 255 - both)
    grown = repairing.mask_of(replace(form, grow=3, feather=2), SIZE)
    assert np.array_equal(grown, masks.feather(masks.grow(both, 3), 2))


def test_a_layer_or_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    value = editor(tmp_path)
    Image.new("RGBA", (5, 5), "red").save(tmp_path / "layer.png")
    with pytest.raises(BadImage, match="picture: a layer has 5×5"):
        repairing.mask_of(Form(value), SIZE)
    with pytest.raises(BadImage, match="mask: it has 9×9"):
        file = file_of(tmp_path, np.zeros((9, 9), np.uint8))
        repairing.mask_of(Form(editor(tmp_path), mask_file=file), SIZE)


@pytest.mark.parametrize("field", ["grow", "feather"])
@pytest.mark.parametrize("value", [float("nan"), -1, 1e9, None, True, "8"])
def test_pixels_that_are_no_number_are_refused(tmp_path: Path, field: str, value: Any) -> None:
    with pytest.raises(BadValue, match=f"{field}: give a number of pixels"):
        repairing.mask_of(Form(editor(tmp_path), **{field: value}), SIZE)


def test_restoring_returns_both_pictures_a_file_and_a_line(studio: Studio, tmp_path: Path) -> None:
    (before, after), file, line, marked = outcome(
        repairing.restore(studio, Form(editor(tmp_path)))
    )
    assert images.open_image(before).tobytes() == photo().tobytes()
    assert file == after and images.open_image(after).size == SIZE
    assert line.startswith("inpaint · 60×44 px · ") and "PSNR" not in line
    assert images.open_image(marked).size == SIZE


def test_damage_is_scored_as_long_as_its_picture_is_shown(studio: Studio, tmp_path: Path) -> None:
    form = Form(editor(tmp_path, painted=False), method="denoise")
    truth, mask, what, remedy = repairing.spoil(form, "noise", 0.4, 3)
    assert mask is None and what == "Gaussian noise, σ = 22" and remedy == "denoise"
    assert images.open_image(truth.file).tobytes() == photo().tobytes()
    damaged = images.open_image(truth.shown)
    shown = replace(form, editor=editor(tmp_path, damaged, painted=False), truth=truth)
    *_, line, _ = outcome(repairing.restore(studio, shown))
    assert "PSNR" in line and "SSIM" in line and "(estimated)" in line
    other = Image.fromarray(data.coffee()[:44, :60])
    *_, line, _ = outcome(
        repairing.restore(studio, replace(shown, editor=editor(tmp_path, other, painted=False)))
    )
    assert "PSNR" not in line


def test_damaging_again_begins_with_the_truth(tmp_path: Path) -> None:
    form = Form(editor(tmp_path, painted=False))
    truth, *_ = repairing.spoil(form, "jpeg", 1.0, 0)
    shown = editor(tmp_path, images.open_image(truth.shown), painted=False)
    again, mask, _, remedy = repairing.spoil(
        replace(form, editor=shown, truth=truth), "text", 0.3, 0
    )
    assert images.open_image(again.file).tobytes() == photo().tobytes()
    assert mask is not None and remedy == "inpaint"


@pytest.mark.parametrize(
    ("values", "message"),
    [(("rust", 0.5, 0), "kind: choose"), (("noise", 0, 0), "strength: give"),
     (("noise", float("nan"), 0), "strength: give"), (("noise", 0.5, None), "seed: give"),
     (("noise", 0.5, -1), "seed: give")],
)  # fmt: skip
def test_wrong_damage_is_refused(tmp_path: Path, values: Any, message: str) -> None:
    with pytest.raises(BadValue, match=message):
        repairing.spoil(Form(editor(tmp_path)), *values)


def test_every_kind_of_damage_has_a_remedy_and_every_tool_a_name() -> None:
    assert {d.remedy for d in DEGRADATIONS.values()} <= set(TOOLS)
    assert all(f"tool_{name}" in TEXTS for name in TOOLS)
    assert all(f"kind_{name}" in TEXTS for name in DEGRADATIONS)


def test_comparing_grows_a_table_of_what_can_fill(studio: Studio, tmp_path: Path) -> None:
    steps = list(repairing.compare(studio, Form(editor(tmp_path))))
    gallery, rows, problems = steps[-1]
    assert [row[0] for row in rows] == [name for _, name in gallery]
    assert {row[0] for row in rows} == {t.name for t in TOOLS.values() if t.fills}
    assert [len(rows) for _, rows, _ in steps][0] >= 1 and problems == ""
    assert all(len(row) == len(repairing.HEADERS) for row in rows)


def test_comparing_without_a_mask_takes_what_cleans(studio: Studio, tmp_path: Path) -> None:
    *_, (_, rows, _) = repairing.compare(studio, Form(editor(tmp_path, painted=False)))
    assert {row[0] for row in rows} == {"denoise", "nl_means", "nl_means_fast", "median"}


def test_a_method_that_fails_does_not_stop_the_others(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aigc_demo.pipelines.restoration.MAX_BIHARMONIC_PIXELS", 1)
    *_, (_, rows, problems) = repairing.compare(studio, Form(editor(tmp_path)))
    assert "biharmonic" not in {row[0] for row in rows} and problems.startswith("biharmonic: mask")


def test_a_file_is_restored_with_its_own_bits(studio: Studio, tmp_path: Path) -> None:
    values = np.arange(44 * 60, dtype=np.uint16).reshape(44, 60) * 20
    Image.fromarray(values).save(tmp_path / "deep.png")
    mask = square((10, 10, 20, 20))
    path, found = repairing.restore_file(
        studio, str(tmp_path / "deep.png"), file_of(tmp_path, mask), "telea"
    )
    result = np.asarray(Image.open(path))
    assert result.dtype == np.uint16 and np.array_equal(result[mask == 0], values[mask == 0])
    assert Path(path).name == "deep-telea.png" and json.dumps(found)


@pytest.mark.parametrize("fields", [{"image": ""}, {"factor": float("nan")}, {"method": None}])
def test_programs_are_told_what_is_wrong(
    studio: Studio, tmp_path: Path, fields: dict[str, Any]
) -> None:
    photo().save(tmp_path / "photo.png")
    given = {"image": str(tmp_path / "photo.png"), "method": "median"} | fields
    with pytest.raises(UserError):
        repairing.restore_file(studio, **given)


def test_examples_are_photographs(tmp_path: Path) -> None:
    for name in example_images.EXAMPLES:
        assert min(images.open_image(example_images.example(name)).size) >= 300


def test_what_is_sent_is_the_picture_that_was_chosen(tmp_path: Path) -> None:
    files = []
    for i, colour in enumerate(("red", "green")):
        Image.new("RGB", (4, 4), colour).save(tmp_path / f"{i}.png")
        files.append((str(tmp_path / f"{i}.png"), colour))
    for number, colour in ((0, "red"), (1, "green"), (9, "red")):
        sent = images.open_image(send_to.file_of(files, number))
        assert sent.getpixel((0, 0)) == Image.new("RGB", (1, 1), colour).getpixel((0, 0))
    array = np.full((3, 3, 3), 7, np.uint8)
    assert images.open_image(send_to.file_of(array)).getpixel((0, 0)) == (7, 7, 7)
    for nothing in (None, [], ""):
        with pytest.raises(BadValue, match="none to send yet"):
            send_to.file_of(nothing)


def test_a_truth_is_that_of_its_picture_alone(tmp_path: Path) -> None:
    photo().save(tmp_path / "a.png")
    truth = Truth(str(tmp_path / "a.png"), str(tmp_path / "a.png"))
    nearly = Image.fromarray((np.asarray(photo()) ^ 1).astype(np.uint8))  # as a browser may round
    assert truth.of(nearly) is not None
    assert truth.of(photo().rotate(180)) is None and truth.of(photo().resize((5, 5))) is None
