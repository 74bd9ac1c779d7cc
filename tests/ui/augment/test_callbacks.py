"""What the Augment tab does, without a browser."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data as photographs

from aigc_demo import augment
from aigc_demo.errors import BadValue
from aigc_demo.studio import Studio
from aigc_demo.ui.augment import batch as augmenting_many, callbacks as augmenting
from aigc_demo.ui.augment.callbacks import Form

STEPS = [{"name": "flip_horizontal"}, {"name": "rotate", "degrees": 30}, {"name": "colour_jitter"}]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return Studio(tmp_path_factory.mktemp("none"))


def photo(side: int = 64) -> Image.Image:
    return Image.fromarray(photographs.chelsea()[40 : 40 + side, 60 : 60 + side + 16])


def saved(path: Path, image: Image.Image) -> dict[str, Any]:
    """Return an editor's value with a picture and no strokes."""
    image.save(path)
    return {"background": str(path), "layers": [], "composite": None}


def strokes(path: Path, size: tuple[int, int], *boxes: tuple[int, int, int, int]) -> list[str]:
    layer = Image.new("RGBA", size)
    for box in boxes:
        layer.paste((225, 29, 72, 255), box)
    layer.save(path)
    return [str(path)]


def test_every_preset_is_a_pipeline() -> None:
    for name in augmenting.PRESETS:
        given = augmenting.preset(name)
        assert augmenting.as_json(augment.parse(given)) == given, name


def test_the_preview_is_small_and_describes_every_variant(studio: Studio, tmp_path: Path) -> None:
    editor = saved(tmp_path / "p.png", photo().resize((1200, 900)))
    form = Form(editor, augmenting.preset("photos"), n=6, seed=40)
    gallery, pair, seeds, words = augmenting.preview(studio, form)
    assert seeds == [40, 41, 42, 43, 44, 45]
    assert all(
        text.startswith(f"{s} · rotate ") for s, (_, text) in zip(seeds, gallery, strict=True)
    )
    assert Image.open(gallery[0][0]).size == (512, 384)
    assert pair[1] == gallery[0][0] and "6 × 512×384 px" in words


def test_a_replay_is_what_the_printed_code_makes(studio: Studio, tmp_path: Path) -> None:
    editor = saved(tmp_path / "p.png", photo())
    form = Form(editor, json.dumps(STEPS), n=8, seed=3)
    _, file, words = augmenting.replay(studio, form, 5)
    assert words.startswith("80×64 px") and " 5 · " in words
    _, code, other = augmenting.code(Form(editor, json.dumps(STEPS), seed=5))
    space: dict[str, Any] = {"image": photo()}
    exec(code, space)
    made = Image.fromarray(space["image"].permute(1, 2, 0).numpy())
    assert made.tobytes() == Image.open(file).tobytes()
    assert "A.Rotate(limit=(-30.0, 30.0)" in other and "80×64" in code


def test_each_stroke_becomes_a_box(studio: Studio, tmp_path: Path) -> None:
    editor = saved(tmp_path / "p.png", photo())
    editor["layers"] = strokes(tmp_path / "l.png", photo().size, (4, 6, 20, 16), (40, 30, 50, 44))
    form = Form(editor, "[]", n=1, marks="boxes")
    asked = augmenting.request_of(form, preview=True)
    assert sorted(asked.boxes) == [(4, 6, 20, 16), (40, 30, 50, 44)] and asked.mask is None
    gallery, *_ = augmenting.preview(studio, form)
    shown = np.asarray(Image.open(gallery[0][0]), int)
    # The frame of a box is cyan: much less red than green.
    assert (shown[..., 1] - shown[..., 0] > 80).sum() > 30


def test_a_picture_without_anything_is_asked_for(studio: Studio) -> None:
    with pytest.raises(BadValue, match="^picture: there is none yet"):
        augmenting.preview(studio, Form(None, "[]"))


def test_a_wrong_number_of_variants_is_named(studio: Studio, tmp_path: Path) -> None:
    editor = saved(tmp_path / "p.png", photo())
    for value in (None, True, "8", 3.7, float("nan"), float("inf"), 0, 65):
        with pytest.raises(BadValue, match="^(variants|n): "):
            augmenting.preview(studio, Form(editor, "[]", n=value))


def test_what_mixes_takes_an_example_where_no_second_picture_is_given(
    studio: Studio, tmp_path: Path
) -> None:
    editor = saved(tmp_path / "p.png", photo())
    gallery, *_ = augmenting.preview(studio, Form(editor, augmenting.preset("mixing"), n=4))
    assert all("cutmix 0." in text for _, text in gallery)


def test_only_what_would_show_leaks() -> None:
    assert augmenting.leaks(json.dumps(STEPS)) == ["rotate", "colour_jitter"]
    assert augmenting.leaks("[]") == []


def test_files_and_zips_are_augmented_under_names_of_their_own(
    studio: Studio, tmp_path: Path
) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        photo(16).save(tmp_path / folder / "same.png")
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        archive.write(tmp_path / "a" / "same.png", "../../up/same.png")
        archive.writestr("notes.txt", "no")
        archive.writestr("bad.jpg", b"no")
    files = [str(tmp_path / f) for f in ("a/same.png", "b/same.png", "more.zip")]
    form = Form(None, json.dumps(STEPS), seed=2)
    *shares, (path, told) = augmenting_many.apply_to_all(studio, form, files, 2)
    assert shares == [0.25, 0.5, 0.75, 1.0]
    assert "3 pictures × 2" in told and "bad: The file is not a picture" in told
    with zipfile.ZipFile(path) as archive:
        names = sorted(archive.namelist())
        assert all(".." not in n and "/" not in n for n in names)
        assert len([n for n in names if n.endswith(".png")]) == 6
        assert json.loads(archive.read("pipeline.json")) == augment.data(augment.parse(STEPS))


def test_files_without_pictures_are_refused(studio: Studio, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "notes.zip", "w") as archive:
        archive.writestr("notes.txt", "no")
    for files in (None, [], [str(tmp_path / "notes.zip")]):
        with pytest.raises(BadValue, match="^files: there are no pictures; drop some"):
            list(augmenting_many.apply_to_all(studio, Form(None, "[]"), files, 2))


def test_the_editor_is_unchanged_until_a_pixel_is(tmp_path: Path) -> None:
    picture = Image.fromarray(photographs.coffee()[:40, :60])
    picture.save(tmp_path / "a.png")
    picture.convert("RGBA").save(tmp_path / "b.png", compress_level=1)
    layer = Image.new("RGBA", picture.size)
    layer.save(tmp_path / "empty.png")
    layer.putpixel((3, 4), (225, 29, 72, 255))
    layer.save(tmp_path / "stroke.png")

    def digest(background: str, *layers: str) -> bytes:
        files = [str(tmp_path / f"{name}.png") for name in (background, *layers)]
        return augmenting.digest_of({"background": files[0], "layers": files[1:]})

    assert digest("a") == digest("b") == digest("b", "empty")
    assert len({digest("a"), digest("a", "stroke"), augmenting.digest_of(None)}) == 3
