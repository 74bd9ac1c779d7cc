"""What the Restore tab does, without a browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data

from aigc_demo.errors import BadImage, BadValue, UserError
from aigc_demo.imaging import images, masks, photographs
from aigc_demo.imaging.degradations import DEGRADATIONS
from aigc_demo.pipelines.restoration import TOOLS
from aigc_demo.studio import Studio
from aigc_demo.ui.i18n import TEXTS
from aigc_demo.ui.restore import callbacks
from aigc_demo.ui.restore.callbacks import DegradeForm, MaskForm, Reference, RestoreForm
from tests import factories, icc

SIZE = (60, 44)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    folder, runs = tmp_path_factory.mktemp("checkpoints"), tmp_path_factory.mktemp("runs")
    factories.save(folder / "inpaint", "inpaint", classes=0)
    factories.save(folder / "denoise", "repair", classes=0)
    factories.save(runs / "mine" / "model", "repair", classes=0)
    (runs / "mine" / "plan.json").write_text("{}")
    return Studio(folder, runs_root=runs, device="cpu")


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


def silent(share: float) -> None:
    """Show no progress."""


def last(steps: Iterator[dict[str, Any]]) -> dict[str, Any]:
    *_, updates = steps
    return updates


def test_strokes_and_file_add_up_then_are_inverted_grown_and_feathered(tmp_path: Path) -> None:
    file = file_of(tmp_path, square((40, 30, 50, 40)))
    both = square((10, 12, 22, 20)) | square((40, 30, 50, 40))
    given = {"editor": editor(tmp_path), "mask_file": file}

    def mask(**fields: Any) -> np.ndarray:
        return callbacks.mask_of(MaskForm(**given | fields), SIZE)

    assert np.array_equal(mask(mask_file=None), square((10, 12, 22, 20)))
    assert np.array_equal(mask(), both)
    assert np.array_equal(mask(invert=True), 255 - both)
    assert np.array_equal(mask(grow=3, feather=2.0), masks.feather(masks.grow(both, 3), 2))
    untouched = editor(tmp_path, painted=False)
    assert callbacks.mask_of(MaskForm(editor=untouched), SIZE) is None


def test_a_layer_or_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    value = editor(tmp_path)
    Image.new("RGBA", (5, 5), "red").save(tmp_path / "layer.png")
    with pytest.raises(BadImage, match="picture: a layer has 5×5"):
        callbacks.mask_of(MaskForm(editor=value), SIZE)
    file = file_of(tmp_path, np.zeros((9, 9), np.uint8))
    with pytest.raises(BadImage, match="mask: it has 9×9"):
        callbacks.mask_of(MaskForm(editor=editor(tmp_path), mask_file=file), SIZE)


def test_forms_name_the_value_that_cannot_be_used() -> None:
    fields = {"kind": "noise", "strength": 0.5, "seed": 0}
    for form, given, named in (
        (RestoreForm, {"grow": 101}, "grow"),
        (RestoreForm, {"feather": -1}, "feather"),
        (RestoreForm, {"grow": float("nan")}, "grow"),
        (RestoreForm, {"invert": "yes"}, "invert"),
        (RestoreForm, {"marked": "red"}, "marked"),
        (RestoreForm, {"method": None}, "method"),
        (DegradeForm, fields | {"strength": 0}, "strength"),
        (DegradeForm, fields | {"strength": 1.1}, "strength"),
        (DegradeForm, fields | {"seed": None}, "seed"),
        (DegradeForm, fields | {"seed": -1}, "seed"),
    ):
        with pytest.raises(BadValue, match=f"^{named}: "):
            form(**given)


def test_the_mask_is_shown_in_red_where_there_is_one(studio: Studio, tmp_path: Path) -> None:
    shown = callbacks.show_mask(studio, MaskForm(editor=editor(tmp_path)))["mask_shown"]
    assert shown["visible"]
    changed = np.asarray(Image.open(shown["value"])) != np.asarray(photo())
    assert np.array_equal(changed.any(axis=2), square((10, 12, 22, 20)) > 0)
    with pytest.raises(BadValue, match="mask: nothing is marked yet"):
        callbacks.show_mask(studio, MaskForm(editor=editor(tmp_path, painted=False)))


def test_a_method_has_its_settings(studio: Studio) -> None:
    def fitted(method: str, estimate: bool = True) -> list[bool]:
        updates = callbacks.fit_method(studio, method, estimate)
        return [updates[name]["visible"] for name in ("estimate", "sigma", "factor")]

    assert fitted("denoise") == [True, False, False]
    assert fitted("denoise", estimate=False) == [True, True, False]
    assert fitted("inpaint", estimate=False) == [False, False, False]
    assert fitted("bicubic") == [False, False, True]
    assert fitted("yours-mine", estimate=False) == [True, True, True]


def test_the_result_is_shown_beside_the_original_and_its_mask(
    studio: Studio, tmp_path: Path
) -> None:
    form = RestoreForm(editor=editor(tmp_path))
    shown = callbacks.restore_picture(studio, form, silent)
    before, after = shown["pair"]
    assert images.open_image(before).tobytes() == photo().tobytes()
    assert images.open_image(after).size == SIZE
    assert shown["result"] == shown["result_file"]["value"] == after
    assert shown["details"].startswith("inpaint · 60×44 px · ") and "PSNR" not in shown["details"]
    assert shown["mask_shown"]["visible"]
    assert images.open_image(shown["mask_shown"]["value"]).size == SIZE


def test_the_original_is_enlarged_beside_a_larger_result(studio: Studio, tmp_path: Path) -> None:
    form = RestoreForm(editor=editor(tmp_path), method="bicubic", factor=4.0)
    shown = callbacks.restore_picture(studio, form, silent)
    assert [images.open_image(file).size for file in shown["pair"]] == [(240, 176)] * 2
    assert not shown["mask_shown"]["visible"]


def test_a_degraded_picture_is_scored_as_long_as_it_is_shown(
    studio: Studio, tmp_path: Path
) -> None:
    value = editor(tmp_path, painted=False)
    form = DegradeForm(editor=value, kind="noise", strength=0.4, seed=3)
    made = callbacks.degrade(studio, form)
    assert made["mask_file"] is None and made["details"] == "Gaussian noise, σ = 22"
    assert made["method"] == "denoise"
    reference = made["reference"]
    assert images.open_image(reference.file).tobytes() == photo().tobytes()
    assert made["editor"]["background"] == reference.shown

    def details(image: Image.Image) -> str:
        value = editor(tmp_path, image, painted=False)
        form = RestoreForm(editor=value, method="denoise", reference=reference)
        return callbacks.restore_picture(studio, form, silent)["details"]

    scored = details(images.open_image(reference.shown))
    assert "PSNR" in scored and "SSIM" in scored and "(estimated)" in scored
    assert "PSNR" not in details(Image.fromarray(data.coffee()[:44, :60]))


def test_degrading_again_begins_with_the_reference(studio: Studio, tmp_path: Path) -> None:
    def degraded(kind: str, **fields: Any) -> dict[str, Any]:
        return callbacks.degrade(studio, DegradeForm(kind=kind, strength=1.0, seed=0, **fields))

    first = degraded("jpeg", editor=editor(tmp_path, painted=False))
    assert "method" not in first  # its remedy is not here
    reference = first["reference"]
    shown = editor(tmp_path, images.open_image(reference.shown), painted=False)
    again = degraded("text", editor=shown, reference=reference)
    assert images.open_image(again["reference"].file).tobytes() == photo().tobytes()
    assert again["mask_file"] is not None and again["method"] == "inpaint"
    back = callbacks.undo_degradation(studio, again["reference"])
    assert images.open_image(back["editor"]["background"]).tobytes() == photo().tobytes()
    with pytest.raises(BadValue, match="^kind: choose one of scratches"):
        degraded("rust", editor=shown)


def test_a_reference_is_that_of_its_picture_alone(studio: Studio, tmp_path: Path) -> None:
    photo().save(tmp_path / "a.png")
    reference = Reference(str(tmp_path / "a.png"), str(tmp_path / "a.png"))
    nearly = Image.fromarray((np.asarray(photo()) ^ 1).astype(np.uint8))  # as a browser may round
    assert reference.of(nearly) is not None
    others = (photo().rotate(180), photo().resize((5, 5)))
    assert [reference.of(other) for other in others] == [None, None]


def test_another_picture_takes_the_mask_file_away(studio: Studio, tmp_path: Path) -> None:
    photo().save(tmp_path / "a.png")
    known = callbacks.open_file(studio, str(tmp_path / "a.png"))["original"]
    value = editor(tmp_path)
    assert callbacks.forget_mask(studio, value, None, known) == {"seen": value["background"]}
    other = editor(tmp_path, photo().rotate(180))
    forgotten = {"seen": other["background"], "mask_file": None}
    assert callbacks.forget_mask(studio, other, None, known) == forgotten
    # The editor reports a new picture at first with the file of the old one.
    assert callbacks.forget_mask(studio, other, other["background"], known) == {}


def test_the_result_is_worked_on_with_the_same_reference(studio: Studio, tmp_path: Path) -> None:
    photo().save(tmp_path / "result.png")
    updates = callbacks.use_result(studio, str(tmp_path / "result.png"), Reference("a", "b"))
    assert updates["reference"] == Reference("a", updates["editor"]["background"])
    assert updates["mask_file"] is None
    with pytest.raises(BadValue, match="none to send yet"):
        callbacks.use_result(studio, None, None)


def test_comparing_grows_a_table_of_what_can_fill(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aigc_demo.pipelines.restoration.MAX_BIHARMONIC_PIXELS", 1)
    counts = []
    for updates in callbacks.compare(studio, RestoreForm(editor=editor(tmp_path))):
        rows = updates["table"]["value"]
        counts.append(len(rows))
    names = [row[0] for row in rows]
    assert names == [name for _, name in updates["compared"]["value"]]
    # One that fails does not stop the others.
    assert {*names, "biharmonic"} == {t.name for t in TOOLS.values() if t.fills}
    assert updates["problems"].startswith("biharmonic: mask")
    assert counts[0] == 1 and counts[-1] == len(names)
    assert all(len(row) == len(callbacks.HEADERS) for row in rows)


def test_what_does_the_same_is_compared(studio: Studio) -> None:
    def compared(method: str, masked: bool = False) -> set[str]:
        return set(callbacks.comparable(studio, method, masked=masked))

    cleaning = {"denoise", "nl_means", "nl_means_fast", "median"}
    assert compared("inpaint") == compared("median", masked=True) == cleaning
    assert compared("bicubic", masked=True) == {"bicubic"}
    assert compared("yours-mine") == cleaning | {"yours-mine"}


def test_a_file_is_restored_at_its_own_depth(studio: Studio, tmp_path: Path) -> None:
    values = np.arange(44 * 60, dtype=np.uint16).reshape(44, 60) * 20
    Image.fromarray(values).save(tmp_path / "deep.png")
    mask = square((10, 10, 20, 20))
    path, found = callbacks.restore_file(
        studio, str(tmp_path / "deep.png"), file_of(tmp_path, mask), "telea"
    )
    result = np.asarray(Image.open(path))
    assert result.dtype == np.uint16 and np.array_equal(result[mask == 0], values[mask == 0])
    assert Path(path).name == "deep-telea.png" and json.dumps(found)


def test_programs_and_the_page_are_told_of_a_mask_that_marks_nothing(
    studio: Studio, tmp_path: Path
) -> None:
    photo().save(tmp_path / "photo.png")
    file = file_of(tmp_path, np.full(SIZE[::-1], 9, np.uint8))
    _, found = callbacks.restore_file(studio, str(tmp_path / "photo.png"), file, "telea")
    assert "marks nothing" in found["note"]
    value = editor(tmp_path, painted=False)
    form = RestoreForm(editor=value, mask_file=file, marked="white", method="telea")
    assert "marks nothing" in callbacks.restore_picture(studio, form, silent)["details"]


def test_what_is_feathered_is_blended(studio: Studio, tmp_path: Path) -> None:
    form = RestoreForm(editor=editor(tmp_path), method="telea", grow=2, feather=4)
    shown = callbacks.restore_picture(studio, form, silent)
    before, after = (np.asarray(images.open_image(file), int) for file in shown["pair"])
    weights = callbacks.mask_of(form, SIZE)
    changed = (before != after).any(axis=2)
    assert not changed[weights == 0].any() and changed[(weights > 0) & (weights < 255)].any()


def as_canvas(image: Image.Image) -> Image.Image:
    """Return what a browser's canvas makes of a picture: 8 bits, multiplied by their opacity."""
    values = np.asarray(image.convert("RGBA"), np.float32)
    alpha = values[..., 3:] / 255
    levels = np.rint(np.rint(values[..., :3] * alpha) / np.maximum(alpha, 1 / 255)).clip(0, 255)
    return Image.fromarray(np.dstack([levels, values[..., 3]]).astype(np.uint8))


def test_the_file_that_was_brought_is_restored_and_not_the_canvas(
    studio: Studio, tmp_path: Path
) -> None:
    alpha = np.arange(44 * 60, dtype=np.uint16).reshape(44, 60) * 24
    deep = images.Planes(np.asarray(photo(), np.uint16) * 257 + 5, alpha, icc.display_p3())
    (tmp_path / "scan.png").write_bytes(images.encode_png(images.join(deep)))
    brought = callbacks.open_file(studio, str(tmp_path / "scan.png"))
    canvas = as_canvas(images.open_image(brought["editor"]["background"]))
    value = editor(tmp_path, canvas)
    form = RestoreForm(editor=value, original=brought["original"], method="telea")
    shown = callbacks.restore_picture(studio, form, silent)
    result = images.split(images.open_image(shown["result"]))
    outside = square((10, 12, 22, 20)) == 0
    assert np.array_equal(result.colour[outside], deep.colour[outside])
    assert np.array_equal(result.alpha, alpha) and result.profile == deep.profile
    assert not np.array_equal(result.colour, deep.colour)


def test_a_picture_of_the_clipboard_is_taken_from_the_canvas(
    studio: Studio, tmp_path: Path
) -> None:
    photo().save(tmp_path / "photo.png")
    known = callbacks.open_file(studio, str(tmp_path / "photo.png"))["original"]
    other = photo()
    other.paste("white", (0, 0, 3, 3))  # another picture, though hardly
    form = RestoreForm(editor=editor(tmp_path, other), original=known)
    assert callbacks.request_of(form).image.tobytes() == other.tobytes()


def test_what_cannot_be_opened_is_named(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "a.psd").write_bytes(b"8BPS")
    with pytest.raises(BadImage, match="Photoshop"):
        callbacks.open_file(studio, str(tmp_path / "a.psd"))


def test_every_method_and_degradation_has_a_name() -> None:
    assert {d.remedy for d in DEGRADATIONS.values()} <= set(TOOLS)
    assert all(f"tool_{name}" in TEXTS["en"] for name in TOOLS)
    assert all(f"kind_{name}" in TEXTS["en"] for name in DEGRADATIONS)
    assert all(f"photo_{name.lower()}" in TEXTS["en"] for name in photographs.NAMES)


def test_programs_are_told_what_is_wrong(studio: Studio, tmp_path: Path) -> None:
    photo().save(tmp_path / "photo.png")
    for fields in ({"image": ""}, {"factor": float("nan")}, {"method": None}):
        given = {"image": str(tmp_path / "photo.png"), "method": "median"} | fields
        with pytest.raises(UserError):
            callbacks.restore_file(studio, **given)
