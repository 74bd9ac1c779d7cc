"""From a request to variants: seeds, marks, faults; the studio, the command line, the handlers."""

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
from aigc_demo.cli import augment as cli
from aigc_demo.errors import BadImage, BadValue, UserError
from aigc_demo.pipelines import augmentation
from aigc_demo.requests import MAX_SEED, AugmentRequest
from aigc_demo.studio import Studio
from aigc_demo.ui.augment import batch as augmenting_many, callbacks as augmenting
from aigc_demo.ui.augment.callbacks import Form
from tests import factories

STEPS = [{"name": "flip_horizontal"}, {"name": "rotate", "degrees": 30}, {"name": "colour_jitter"}]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return Studio(tmp_path_factory.mktemp("none"))


def photo(side: int = 64) -> Image.Image:
    return Image.fromarray(photographs.chelsea()[40 : 40 + side, 60 : 60 + side + 16])


def request(**fields: Any) -> AugmentRequest:
    return AugmentRequest(**{"image": photo(), "pipeline": STEPS, "n": 3, "seed": 5} | fields)


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


@pytest.mark.parametrize("quick", [False, True])
def test_a_variant_is_the_same_alone_and_among_others(studio: Studio, quick: bool) -> None:
    many = studio.augment(request(quick=quick))
    alone = studio.augment(request(seed=6, n=1, quick=quick))
    assert many.seeds == [5, 6, 7]
    assert many.images[1].tobytes() == alone.images[0].tobytes()
    assert [augment.told(d) for d in many.draws[1]] == [augment.told(d) for d in alone.draws[0]]
    assert many.images[0].tobytes() != many.images[1].tobytes()


def test_a_quick_preview_differs_by_rounding_only(studio: Studio) -> None:
    exact, quick = (studio.augment(request(quick=q, n=4)) for q in (False, True))
    for a, b in zip(exact.images, quick.images, strict=True):
        error = np.abs(np.asarray(a, int) - np.asarray(b, int))
        assert (error <= 4).mean() > 0.96


def test_the_last_seed_is_followed_by_the_first(studio: Studio) -> None:
    assert studio.augment(request(seed=MAX_SEED, n=2)).seeds == [MAX_SEED, 0]


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "1", "I;16", "LA"])
def test_pictures_of_every_mode_become_variants_in_colour(studio: Studio, mode: str) -> None:
    image = Image.new("I;16", (20, 12), 40_000) if mode == "I;16" else photo(16).convert(mode)
    made = studio.augment(request(image=image, n=1))
    assert made.images[0].mode == "RGB"
    assert made.images[0].size == image.size


def test_marks_move_along_and_must_fit(studio: Studio) -> None:
    mask = Image.new("L", photo().size)
    mask.paste(255, (10, 10, 30, 30))
    made = studio.augment(request(mask=mask, boxes=[(10.0, 10.0, 30.0, 30.0)], n=4))
    assert len(made.masks) == len(made.boxes) == 4
    for area, boxes in zip(made.masks, made.boxes, strict=True):
        rows, columns = (np.asarray(area) > 127).nonzero()
        (x0, y0, x1, y1) = boxes[0]
        assert x0 - 2 <= columns.min() and columns.max() <= x1 + 2
        assert y0 - 2 <= rows.min() and rows.max() <= y1 + 2
    with pytest.raises(BadImage, match=r"^mask: it has 3×3 pixels and the picture 80×64"):
        studio.augment(request(mask=Image.new("L", (3, 3))))


@pytest.mark.parametrize(
    "box",
    [(5.0, 5.0, 5.0, 9.0), (9.0, 1.0, 3.0, 8.0), (0.0, 0.0, 81.0, 2.0), (-1.0, 0.0, 4.0, 4.0)],
)
def test_a_box_must_lie_in_the_picture(studio: Studio, box: tuple[float, ...]) -> None:
    with pytest.raises(BadValue, match=r"^boxes\.0: .* is no box within 80×64 pixels; give left"):
        studio.augment(request(boxes=[box]))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"pipeline": [{"name": "spin"}]}, "pipeline.0.name: there is no step “spin”"),
        ({"pipeline": [{"name": "mixup"}]}, "partner: mixup needs a second picture"),
        ({"image": Image.new("RGB", (7, 400))}, "The picture has 7×400 pixels; it takes 8"),
    ],
)
def test_what_does_not_fit_is_told(studio: Studio, fields: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as caught:
        studio.augment(request(**fields))
    assert str(caught.value).startswith(said)


def test_a_strip_rises_from_the_picture_itself(studio: Studio) -> None:
    strip = augmentation.strip(request(), 1, 5)
    assert [share for share, _ in strip] == [0, 0.25, 0.5, 0.75, 1]
    assert strip[0][1].tobytes() == photo().tobytes()
    assert strip[4][1].tobytes() != photo().tobytes()
    with pytest.raises(BadValue, match="^step: there is no step 4; the pipeline has 3"):
        augmentation.strip(request(), 3)
    with pytest.raises(BadValue, match="^step: flip_horizontal has no strength"):
        augmentation.strip(request(), 0)


# --- The command line ---------------------------------------------------------------------------


def test_a_folder_is_augmented_and_bad_files_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "in"
    source.mkdir()
    for i in range(2):
        factories.draw(i, 1).save(source / f"{i}.png")
    (source / "bad.png").write_text("no picture")
    steps = tmp_path / "steps.json"
    steps.write_text(json.dumps(STEPS))
    flags = ["--pipeline", str(steps), "-n", "3", "--seed", "9"]
    assert cli.main([*flags, str(source), str(tmp_path / "out")]) == 1
    printed = capsys.readouterr()
    assert "2 of 3 pictures augmented" in printed.out and "bad.png: The file" in printed.err
    names = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert names == [f"{i}-{k}.png" for i in range(2) for k in range(3)]
    expected = augmentation.run(request(image=factories.draw(0, 1), n=3, seed=9)).images[2]
    assert Image.open(tmp_path / "out" / "0-2.png").tobytes() == expected.tobytes()


@pytest.mark.parametrize("given", ["[", '[{"name": "spin"}]', "missing.json"])
def test_a_pipeline_that_is_none_ends_the_command(
    tmp_path: Path, given: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["--pipeline", given, str(tmp_path), str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.startswith("augment: pipeline")


# --- The tab ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", augmenting.PRESETS)
def test_every_preset_is_a_pipeline(name: str) -> None:
    given = augmenting.preset(name)
    assert augmenting.as_json(augment.parse(given)) == given


def test_the_preview_is_small_and_tells_every_draw(studio: Studio, tmp_path: Path) -> None:
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


@pytest.mark.parametrize("value", [None, True, "8", 3.7, float("nan"), float("inf"), 0, 65])
def test_a_wrong_number_of_variants_is_named(studio: Studio, tmp_path: Path, value: Any) -> None:
    editor = saved(tmp_path / "p.png", photo())
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


@pytest.mark.parametrize("files", [None, [], ["notes.zip"]])
def test_no_files_are_told(studio: Studio, tmp_path: Path, files: list[str] | None) -> None:
    with zipfile.ZipFile(tmp_path / "notes.zip", "w") as archive:
        archive.writestr("notes.txt", "no")
    given = files and [str(tmp_path / f) for f in files]
    with pytest.raises(BadValue, match="^files: there are no pictures; drop some"):
        list(augmenting_many.apply_to_all(studio, Form(None, "[]"), given, 2))


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
