"""What the Augment tab does, without a browser."""

from __future__ import annotations

import json
import types
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gradio.utils import get_upload_folder
from PIL import Image
from skimage import data as photographs

from aigc_demo import augment
from aigc_demo.errors import BadValue
from aigc_demo.requests import MAX_SEED, AugmentRequest
from aigc_demo.studio import Studio
from aigc_demo.ui.augment import batch, callbacks
from aigc_demo.ui.augment.callbacks import AugmentForm, EditForm, SweepForm, VariantForm
from aigc_demo.ui.augment.presets import PRESETS, as_json, preset
from tests import hostile

STEPS = [{"name": "flip_horizontal"}, {"name": "rotate", "degrees": 30}, {"name": "colour_jitter"}]
PIPELINE = json.dumps(STEPS)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return Studio(tmp_path_factory.mktemp("none"))


def photo(side: int = 64) -> Image.Image:
    return Image.fromarray(photographs.chelsea()[40 : 40 + side, 60 : 60 + side + 16])


@pytest.fixture
def editor(tmp_path: Path) -> dict[str, Any]:
    """Return an editor's value with a picture of 80×64 pixels and no strokes."""
    photo().save(tmp_path / "photo.png")
    return {"background": str(tmp_path / "photo.png"), "layers": [], "composite": None}


def strokes(path: Path, size: tuple[int, int], *boxes: tuple[int, int, int, int]) -> list[str]:
    layer = Image.new("RGBA", size)
    for box in boxes:
        layer.paste((225, 29, 72, 255), box)
    layer.save(path)
    return [str(path)]


# --- The picture ---


def test_an_edit_that_changes_no_pixel_changes_nothing(studio: Studio, tmp_path: Path) -> None:
    picture = Image.fromarray(photographs.coffee()[:40, :60])
    picture.save(tmp_path / "a.png")
    picture.convert("RGBA").save(tmp_path / "b.png", compress_level=1)
    layer = Image.new("RGBA", picture.size)
    layer.save(tmp_path / "empty.png")
    layer.putpixel((3, 4), (225, 29, 72, 255))
    layer.save(tmp_path / "stroke.png")

    def value(background: str, *layers: str) -> dict[str, Any]:
        files = [str(tmp_path / f"{name}.png") for name in (background, *layers)]
        return {"background": files[0], "layers": files[1:]}

    def edited(now: Any, before: Any = None) -> dict[str, Any]:
        before = value("a") if before is None else before
        return callbacks.edit(studio, EditForm(editor=before, shown=now, pipeline="[]", n=1))

    assert edited(value("b")) == edited(value("b", "empty")) == {}
    marked = edited(value("a", "stroke"))
    assert marked["editor"] == value("a", "stroke") and len(marked["gallery"]) == 1
    assert edited(value("a"), {}).keys() == marked.keys()
    assert edited(None) == {"editor": None}  # nothing is drawn of nothing


def test_an_example_fills_an_editor_that_is_empty(studio: Studio, editor: Any) -> None:
    assert callbacks.show_first(studio, editor) == {}
    shown = callbacks.show_first(studio, None)
    assert shown["shown"] == shown["editor"] and Path(shown["editor"]["background"]).is_file()


def test_a_picture_that_is_missing_is_named(studio: Studio) -> None:
    gone = {"background": "/gone.png", "layers": [], "composite": None}
    for value, problem in ((None, "there is none yet"), (gone, "it was here for so long")):
        with pytest.raises(BadValue, match=f"^picture: {problem}"):
            callbacks.preview(studio, AugmentForm(editor=value, pipeline="[]"))


# --- The pipeline ---


def test_every_preset_is_a_pipeline(studio: Studio) -> None:
    for name in PRESETS:
        given = preset(name)
        assert as_json(augment.parse(given)) == given, name
    assert callbacks.choose_preset(studio, "mixing") == {"pipeline": preset("mixing")}
    with pytest.raises(BadValue, match="^preset: choose one of photos"):
        preset("none")


def test_json_that_is_typed_is_checked(studio: Studio) -> None:
    read = callbacks.read_json(studio, '[{"name": "rotate"}]')["pipeline"]
    assert json.loads(read)[0]["degrees"] == augment.parse(read)[0].values["degrees"]
    assert callbacks.read_json(studio, None) == {"pipeline": "[]"}
    with pytest.raises(BadValue, match="^pipeline"):
        callbacks.read_json(studio, '[{"name": "spin"}]')


def test_steps_with_a_strength_and_leaks_are_described(studio: Studio) -> None:
    request: Any = types.SimpleNamespace(headers={"accept-language": "en"})

    def described(pipeline: str) -> tuple[Any, Any, str]:
        updates = callbacks.describe_pipeline(studio, pipeline, request)
        return updates["step"]["choices"], updates["step"]["value"], updates["leaks"]

    steps, first, text = described(PIPELINE)
    assert steps == [("2. rotate", 1), ("3. colour jitter", 2)] and first == 1
    assert callbacks.leaks(PIPELINE) == ["rotate", "colour_jitter"]
    harmless = described('[{"name": "flip_horizontal"}]')
    assert harmless[:2] == described("[]")[:2] == ([], None)
    assert len({text, harmless[2], described("[]")[2]}) == 3


# --- Variants ---


def test_the_preview_is_small_and_describes_every_variant(studio: Studio, tmp_path: Path) -> None:
    photo().resize((1200, 900)).save(tmp_path / "p.png")
    editor = {"background": str(tmp_path / "p.png"), "layers": [], "composite": None}
    form = AugmentForm(editor=editor, pipeline=preset("photos"), n=6.0, seed=40)
    shown = callbacks.preview(studio, form)
    assert shown["seeds"] == [40, 41, 42, 43, 44, 45] and shown["chosen"] == 0
    for seed, (_, caption) in zip(shown["seeds"], shown["gallery"], strict=True):
        assert caption.startswith(f"{seed} · rotate ")
    first = shown["gallery"][0][0]
    assert Image.open(first).size == (512, 384)
    assert shown["pair"][1] == first and "6 × 512×384 px" in shown["details"]
    third = callbacks.show_variant(studio, shown["gallery"], 2, shown["pair"])
    file, caption = shown["gallery"][2]
    assert third == {"pair": (shown["pair"][0], file), "details": caption}
    assert callbacks.show_variant(studio, None, 0, None) == {}


def test_a_replay_is_what_the_printed_code_makes(studio: Studio, editor: Any) -> None:
    given = {"editor": editor, "pipeline": PIPELINE, "seed": 3}
    chosen = VariantForm(**given, seeds=[3, 4, 5], chosen=2)
    shown = callbacks.replay(studio, chosen)
    assert shown["details"].startswith("80×64 px") and " 5 · " in shown["details"]
    code = callbacks.show_code(studio, AugmentForm(**given | {"seed": 5}))
    space: dict[str, Any] = {"image": photo()}
    exec(code["torchvision"], space)
    made = Image.fromarray(space["image"].permute(1, 2, 0).numpy())
    assert made.tobytes() == Image.open(shown["file"]["value"]).tobytes()
    assert "A.Rotate(limit=(-30.0, 30.0)" in code["albumentations"]
    assert "80×64" in code["torchvision"] and json.loads(code["text"])[1]["degrees"] == 30
    # A choice that outlives its variants is that of the seed.
    outlived = callbacks.replay(studio, VariantForm(**given, seeds=[3], chosen=4))
    assert " 3 · " in outlived["details"]


def test_each_stroke_becomes_a_box_or_a_mask(studio: Studio, editor: Any, tmp_path: Path) -> None:
    boxes = [(4, 6, 20, 16), (40, 30, 50, 44)]
    editor["layers"] = strokes(tmp_path / "l.png", photo().size, *boxes)
    form = AugmentForm(editor=editor, pipeline="[]", n=1, marks="boxes")
    request = callbacks.request_of(form, preview=True)
    assert sorted(request.boxes) == boxes and request.mask is None
    shown = np.asarray(Image.open(callbacks.preview(studio, form)["gallery"][0][0]), int)
    # The frame of a box is cyan: much less red than green.
    assert (shown[..., 1] - shown[..., 0] > 80).sum() > 30
    masked = callbacks.request_of(form.model_copy(update={"marks": "mask"}), preview=True)
    assert masked.boxes == [] and masked.mask.getpixel((5, 7)) == 255


def test_a_step_is_shown_at_rising_strengths(studio: Studio, editor: Any) -> None:
    form = SweepForm(editor=editor, pipeline=PIPELINE, step=1.0)
    files, captions = zip(*callbacks.sweep(studio, form)["strip"], strict=True)
    assert (captions[0], captions[-1], len(set(files))) == ("0%", "100%", 8)
    with pytest.raises(BadValue, match="^step: the pipeline has none"):
        callbacks.sweep(studio, form.model_copy(update={"step": None}))


def test_forms_name_the_value_that_cannot_be_used(studio: Studio, editor: Any) -> None:
    given = {"editor": editor, "pipeline": "[]"}
    for value in (None, True, "8", 3.7, float("nan"), float("inf"), 0, 65):
        with pytest.raises(BadValue, match="^n: "):
            callbacks.preview(studio, AugmentForm(**given, n=value))
    for form, fields, named in (
        (AugmentForm, {"marks": "points"}, "marks"),
        (AugmentForm, {"seed": -1}, "seed"),
        (batch.BatchForm, {"files": None, "variants": 33}, "variants"),
        (batch.BatchForm, {"files": None, "variants": 0}, "variants"),
    ):
        with pytest.raises(BadValue, match=f"^{named}: "):
            form(**given | fields)


def test_what_mixes_takes_an_example_where_no_second_picture_is_given(
    studio: Studio, editor: Any
) -> None:
    form = AugmentForm(editor=editor, pipeline=preset("mixing"), n=4)
    gallery = callbacks.preview(studio, form)["gallery"]
    assert all("cutmix 0." in text for _, text in gallery)


# --- Many files ---


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
    form = batch.BatchForm(pipeline=PIPELINE, seed=2, files=files, variants=2)
    shares: list[float] = []
    made = batch.augment_all(studio, form, shares.append)
    assert shares == pytest.approx([1 / 6, 2 / 6, 3 / 6, 4 / 6, 1])
    assert "2 of 3 pictures × 2" in made["report"]
    assert "bad.jpg: The file is not a picture" in made["report"]
    assert "same.png: its name leads out of the archive" in made["report"]
    assert "notes.txt: not a picture file" in made["report"]
    with zipfile.ZipFile(made["archive"]["value"]) as archive:
        names = sorted(archive.namelist())
        assert all(".." not in n and "/" not in n for n in names)
        contents = [archive.read(n) for n in names if n.endswith(".png")]
        assert len(contents) == len(set(contents)) == 4  # each has a seed of its own
        assert json.loads(archive.read("pipeline.json")) == augment.data(augment.parse(STEPS))


def test_pictures_of_one_name_each_have_variants_in_the_zip(
    studio: Studio, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        for name in ("holiday.jpg", "a/x.png", "A/x.png"):
            photo(16).save(tmp_path / "one.png")
            archive.write(tmp_path / "one.png", name)
    for name in ("holiday.png", "holiday.webp"):
        photo(16).save(tmp_path / name)
    (tmp_path / "torn.zip").write_bytes(b"PK")
    files = [str(tmp_path / f) for f in ("more.zip", "holiday.png", "torn.zip", "holiday.webp")]
    form = batch.BatchForm(pipeline=PIPELINE, files=files, variants=1)
    made = batch.augment_all(studio, form, lambda share: None)
    with zipfile.ZipFile(made["archive"]["value"]) as archive:
        pictures = {n.removesuffix("-0.png") for n in archive.namelist() if n.endswith(".png")}
    assert pictures == {"holiday-jpg", "holiday-png", "holiday-webp", "A-x", "a-x-2"}
    assert "damaged or not a zip" in made["report"]


def test_files_that_cannot_be_augmented_are_named(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "notes.zip", "w") as archive:
        archive.writestr("notes.txt", "no")
    (tmp_path / "bad.png").write_text("no picture")
    monkeypatch.setattr(batch, "MAX_MADE", 10)
    monkeypatch.setattr(batch, "MAX_FILES", 6)
    bad = str(tmp_path / "bad.png")
    for files, problem in (
        (None, "there are none; drop some"),
        ([str(tmp_path / "notes.zip")], "notes.txt: not a picture file; left out"),
        ([bad], "none of them could be used. bad.png: The file is not"),
        ([bad] * 6, "6 pictures with 2 variants each are more than 10"),
        ([bad] * 7, "7 are too many; the limit is 6"),
    ):
        form = batch.BatchForm(pipeline="[]", files=files, variants=2)
        with pytest.raises(BadValue, match=f"^files: {problem}"):
            batch.augment_all(studio, form, lambda share: None)


def test_many_archives_share_what_one_may_hold(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six archives of 10,000 files each kept everybody waiting for ten seconds."""
    monkeypatch.setattr(batch, "MAX_FILES", 20)
    monkeypatch.setattr(batch, "MAX_ENTRIES", 200)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for i in range(60):
            archive.writestr(f"{i}.txt", "")
    for count, told in ((3, "0.txt: not a picture"), (4, "there are more than 50 files")):
        form = batch.BatchForm(pipeline="[]", files=[str(tmp_path / "a.zip")] * count, variants=1)
        with pytest.raises(BadValue, match=f"^files: {told}"):
            batch.augment_all(studio, form, lambda share: None)
    form = batch.BatchForm(pipeline="[]", files=[str(tmp_path / "a.zip")] * 21, variants=1)
    with pytest.raises(BadValue, match="^files: 21 are too many; the limit is 20"):
        batch.augment_all(studio, form, lambda share: None)


def test_a_job_has_a_budget_of_pixels_and_says_what_is_beyond_it(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, side in (("a", 32), ("b", 64), ("c", 16)):
        Image.new("RGB", (side, side)).save(tmp_path / f"{name}.png")
    monkeypatch.setattr(batch, "MAX_WORK", 3 * 2 * (32 * 32 + 16 * 16))  # steps, variants
    files = [str(tmp_path / f"{name}.png") for name in "abc"]
    form = batch.BatchForm(pipeline=PIPELINE, files=files, variants=2)
    made = batch.augment_all(studio, form, lambda share: None)
    assert "2 of 3 pictures" in made["report"]
    assert "b.png: variants × steps would be" in made["report"]


def test_variants_of_many_files_are_made_one_by_one_and_go_to_a_file(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo().save(tmp_path / "photo.png")
    asked = []
    make = Studio.augment

    def counted(self: Studio, request: Any) -> Any:
        asked.append(request.n)
        return make(self, request)

    monkeypatch.setattr(Studio, "augment", counted)
    form = batch.BatchForm(
        pipeline=PIPELINE, seed=MAX_SEED - 1, files=[str(tmp_path / "photo.png")], variants=3
    )
    made = batch.augment_all(studio, form, lambda share: None)
    assert asked == [1, 1, 1]
    alone = AugmentRequest(image=photo(), pipeline=STEPS, n=3, seed=MAX_SEED - 1)
    with zipfile.ZipFile(made["archive"]["value"]) as archive:
        for k, image in enumerate(make(studio, alone).images):
            with archive.open(f"photo-{k}.png") as file:
                assert Image.open(file).tobytes() == image.tobytes()


def test_nothing_is_left_of_a_job_that_fails(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_text("no picture")
    before = set(Path(get_upload_folder()).glob("*/augmented.zip"))
    form = batch.BatchForm(pipeline="[]", files=[str(tmp_path / "bad.png")], variants=1)
    with pytest.raises(BadValue, match="none of them could be used"):
        batch.augment_all(studio, form, lambda share: None)
    assert set(Path(get_upload_folder()).glob("*/augmented.zip")) <= before


def test_names_of_files_are_shown_as_text(studio: Studio, tmp_path: Path) -> None:
    photo(16).save(tmp_path / "photo.png")
    name = hostile.TEXT.replace("/", "∕")[:70].strip()
    (tmp_path / f"{name}.png").write_text("no picture")
    files = [str(tmp_path / "photo.png"), str(tmp_path / f"{name}.png")]
    form = batch.BatchForm(pipeline="[]", files=files, variants=1)
    report = batch.augment_all(studio, form, lambda share: None)["report"]
    assert name.translate(str.maketrans("<>", "‹›")) in hostile.shown(report)
