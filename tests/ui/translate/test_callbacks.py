"""What the Translate tab does, without a browser."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from skimage import data

from aigc_demo.errors import BadImage, BadValue
from aigc_demo.imaging import facade_labels, images
from aigc_demo.methods import checkpoint
from aigc_demo.studio import Studio
from aigc_demo.ui.translate import callbacks, label_map_editor, models
from aigc_demo.ui.translate.callbacks import BatchForm, TranslateForm
from tests import factories
from tests.pipelines.test_translation import write

LABEL_MAP = label_map_editor.encode(facade_labels.example())


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    base = tmp_path_factory.mktemp("checkpoints")
    write(base / "summer2winter-cyclegan", "cyclegan", ("summer", "winter"))
    write(base / "a-photo", "cyclegan", ("Monet", "photo"))
    write(base / "facades-pix2pix", "pix2pix", ("plan", "photo"))
    write(base / "facades-segment", "segment", ("plan", "photo"))
    write(base / "styles", "pix2pix", ("noto", "twemoji", "fluentui"), classes=3)
    return Studio(base, device="cpu")


def photo() -> Image.Image:
    return Image.fromarray(data.chelsea()[:44, :60])


def editor(tmp_path: Path, *, drawn: bool = False) -> dict[str, Any]:
    photo().convert("RGBA").save(tmp_path / "background.png")
    composite = photo().convert("RGBA")
    composite.paste((255, 0, 0, 255), (0, 0, 20, 20))
    composite.save(tmp_path / "composite.png")
    return {
        "background": str(tmp_path / "background.png"),
        "layers": [],
        "composite": str(tmp_path / "composite.png") if drawn else None,
    }


def form(tmp_path: Path, model: str | None = "summer2winter-cyclegan", **fields: Any) -> Any:
    given = {"direction": "AtoB", "editor": editor(tmp_path), "label_map": LABEL_MAP}
    kind = BatchForm if "files" in fields else TranslateForm
    return kind(model=model, **given | fields)


def silent(share: float) -> None:
    """Show no progress."""


def translated(studio: Studio, given: TranslateForm) -> dict[str, Any]:
    return callbacks.translate_picture(studio, given, silent)


# --- Models ---


def test_well_known_models_come_first(studio: Studio) -> None:
    names = [name for _, name in models.choices(studio)]
    first = ["summer2winter-cyclegan", "facades-pix2pix"]
    assert names == [*first, "a-photo", "facades-segment", "styles"]
    for chosen, value in (("styles", "styles"), ("gone", names[0]), (None, names[0])):
        listed = callbacks.list_models(studio, chosen)["model"]
        assert listed["value"] == value and [n for _, n in listed["choices"]] == names


def test_directions_have_the_names_of_the_domains(studio: Studio) -> None:
    def directions(name: str) -> Any:
        info = studio.info(name)
        return models.directions(info), models.first_direction(info)

    both = [("summer → winter", "AtoB"), ("winter → summer", "BtoA")]
    assert directions("summer2winter-cyclegan") == (both, "AtoB")
    assert directions("a-photo")[1] == directions("facades-segment")[1] == "BtoA"
    assert directions("facades-pix2pix") == ([("plan → photo", "AtoB")], "AtoB")
    styles = [("→ noto", "noto"), ("→ twemoji", "twemoji"), ("→ fluentui", "fluentui")]
    assert directions("styles") == (styles, "fluentui")


def test_what_belongs_to_a_model_is_shown(studio: Studio) -> None:
    always = {"editor", "strength", "photos"}
    for name, shown in (
        ("summer2winter-cyclegan", always | {"cycle"}),
        ("facades-pix2pix", {"label_map", "label_maps"}),
        ("facades-segment", always | {"crf_weight", "edit"}),
        ("styles", always | {"all_styles"}),
    ):
        updates = callbacks.fit_model(studio, name)
        visible = {k for k, v in updates.items() if isinstance(v, dict) and v.get("visible")}
        assert visible == shown
        assert updates["direction"]["value"] == models.first_direction(studio.info(name))
        assert updates["pair"] is None and updates["gallery"] == []
    assert models.visible(None, "AtoB")["editor"]


def test_a_result_goes_with_every_change_of_model(studio: Studio) -> None:
    for _ in range(2):
        file = callbacks.fit_model(studio, "a-photo")["file"]
        assert file.pop("value") is None  # as Gradio does with what it is given


def test_a_trained_model_is_chosen(studio: Studio) -> None:
    updates = callbacks.open_model(studio, "a-photo")
    assert updates["model"]["value"] == "a-photo"
    assert updates["direction"]["value"] == "BtoA"


# --- Translating ---


def test_a_picture_is_translated_there_and_back(studio: Studio, tmp_path: Path) -> None:
    shown = translated(studio, form(tmp_path))
    before, after = shown["pair"]
    assert Image.open(before).tobytes() == photo().tobytes()
    assert shown["file"]["value"] == after and Image.open(after).size == (60, 44)
    captions = [caption for _, caption in shown["gallery"]]
    assert captions[0] == "summer → winter" and captions[2].endswith(" dB") and len(captions) == 4
    assert "60×44 px" in shown["details"] and "there and back" in shown["details"]
    alone = translated(studio, form(tmp_path, cycle=False))
    assert len(alone["gallery"]) == 2 and "back" not in alone["details"]


def test_what_is_drawn_on_the_picture_counts(studio: Studio, tmp_path: Path) -> None:
    shown = translated(studio, form(tmp_path, editor=editor(tmp_path, drawn=True)))
    assert Image.open(shown["pair"][0]).getpixel((5, 5)) == (255, 0, 0)


def test_a_label_map_comes_from_the_board(studio: Studio, tmp_path: Path) -> None:
    before, after = translated(studio, form(tmp_path, "facades-pix2pix", editor=None))["pair"]
    assert Image.open(before).tobytes() == facade_labels.example().tobytes()
    assert Image.open(after).size == (128, 128)


def test_strength_counts_for_pictures_and_not_for_label_maps(
    studio: Studio, tmp_path: Path
) -> None:
    def made(model: str, strength: float) -> bytes:
        shown = translated(studio, form(tmp_path, model, strength=strength))
        return Path(shown["file"]["value"]).read_bytes()

    assert made("facades-pix2pix", 0.3) == made("facades-pix2pix", 1)
    assert made("summer2winter-cyclegan", 0.3) != made("summer2winter-cyclegan", 1)


def test_a_slider_translates_anew_where_there_is_a_picture(studio: Studio, tmp_path: Path) -> None:
    again = callbacks.translate_again(studio, form(tmp_path, editor=None), silent)
    assert again["pair"] is None and again["gallery"] == []
    assert len(callbacks.translate_again(studio, form(tmp_path), silent)["gallery"]) == 4


def test_what_cannot_be_used_is_named(studio: Studio, tmp_path: Path) -> None:
    for fields, named in (
        ({"model": None}, "model"),
        ({"model": "nothing"}, "model"),
        ({"direction": "up"}, "direction"),
        ({"editor": None}, "picture"),
        ({"strength": float("nan")}, "strength"),
        ({"strength": 2}, "strength"),
        ({"cycle": "yes"}, "cycle"),
        ({"scale": "huge"}, "scale"),
        ({"model": "styles", "direction": "AtoB"}, "style"),
        ({"model": "facades-pix2pix", "label_map": None}, "plan"),
        ({"model": "facades-pix2pix", "label_map": "data:image/png;base64,***"}, "plan"),
        ({"model": "facades-pix2pix", "label_map": LABEL_MAP + "A" * 2_000_000}, "plan"),
        ({"model": "facades-pix2pix", "label_map": 7}, "label_map"),
    ):
        with pytest.raises((BadValue, BadImage), match=rf"^{named}: "):
            translated(studio, form(tmp_path, **fields))


def test_all_styles_come_at_once(studio: Studio, tmp_path: Path) -> None:
    shown = callbacks.translate_to_all_styles(studio, form(tmp_path, "styles", direction="noto"))
    files, captions = zip(*shown["gallery"], strict=True)
    assert captions == ("→ noto", "→ twemoji", "→ fluentui", "input")
    assert len({Path(file).read_bytes() for file in files}) == 4
    assert "3 styles" in shown["details"]
    with pytest.raises(BadValue, match=r"^model: "):
        callbacks.translate_to_all_styles(studio, form(tmp_path))


def test_many_files_become_a_zip(studio: Studio, tmp_path: Path) -> None:
    files = []
    for folder, size in (("a", (30, 20)), ("b", (20, 30))):
        (tmp_path / folder).mkdir()
        photo().resize(size).save(tmp_path / folder / "cat.jpg")
        files.append(str(tmp_path / folder / "cat.jpg"))
    photo().resize((10, 10)).save(tmp_path / "CAT.jpg")
    (tmp_path / "notes.png").write_text("no picture")
    files += [str(tmp_path / "notes.png"), str(tmp_path / "CAT.jpg")]
    shares: list[float] = []
    made = callbacks.translate_all(studio, form(tmp_path, files=files), shares.append)
    assert shares == sorted(shares) and shares[-1] == pytest.approx(1)
    with zipfile.ZipFile(made["archive"]["value"]) as archive:
        sizes = {n: Image.open(io.BytesIO(archive.read(n))).size for n in archive.namelist()}
    assert sizes == {"cat.png": (30, 20), "cat-2.png": (20, 30), "CAT-3.png": (10, 10)}
    assert "3 of 4 translated" in made["report"]
    assert "notes.png: The file is not a picture" in made["report"]


def test_files_that_cannot_be_translated_are_named(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "x.png").write_text("no picture")
    for files, problem in (
        (None, "files: there are none"),
        ([], "files: there are none"),
        (["x"] * 201, "files: 201 are too many"),
        ([str(tmp_path / "x.png")], "files: none .* not a picture"),
    ):
        with pytest.raises(BadValue, match=f"^{problem}"):
            callbacks.translate_all(studio, form(tmp_path, files=files), silent)


# --- Pictures that come ---


def test_a_sent_picture_finds_a_model_that_takes_pictures(studio: Studio, tmp_path: Path) -> None:
    photo().save(tmp_path / "sent.png")
    for model in (None, "gone", "facades-pix2pix", "a-photo"):
        found = callbacks.receive(studio, str(tmp_path / "sent.png"), 0, model)
        assert found["model"] == ("a-photo" if model == "a-photo" else "summer2winter-cyclegan")
        shown = found["editor"]
        assert Image.open(shown["value"]["background"]).tobytes() == photo().tobytes()
        assert shown["visible"] and not found["label_map"]["visible"]
    nothing = Studio(tmp_path / "none", device="cpu")
    with pytest.raises(BadValue, match="^model: there is none that translates"):
        callbacks.receive(nothing, str(tmp_path / "sent.png"), 0, None)


def test_a_label_map_of_a_photograph_goes_to_the_board(studio: Studio, tmp_path: Path) -> None:
    facade_labels.example().save(tmp_path / "plan.png")
    found = callbacks.edit_label_map(studio, ("photo.png", str(tmp_path / "plan.png")))
    assert found["model"] == "facades-pix2pix" and found["direction"]["value"] == "AtoB"
    board = found["label_map"]
    assert label_map_editor.decode(board["value"]).tobytes() == facade_labels.example().tobytes()
    assert board["visible"] and not found["editor"]["visible"]
    with pytest.raises(BadValue, match="^plan: there is none yet"):
        callbacks.edit_label_map(studio, None)


def test_an_emoji_that_the_browser_drew_becomes_the_picture(studio: Studio) -> None:
    rendered = label_map_editor.encode(Image.new("RGB", (288, 288), "white"))
    placed = callbacks.show_emoji(studio, rendered)["editor"]
    assert images.open_image(placed["background"]).size == (288, 288)


def test_a_landscape_is_generated_and_enlarged(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    assert not callbacks.makes_landscapes(Studio(folder, device="cpu"))
    model = factories.model("flow", classes=4)
    card = factories.card(model, "flow").model_copy(update={"classes": callbacks.LANDSCAPES})
    checkpoint.save(folder / "scenes-flow", model, card)
    factories.save(folder / "upscale", "repair", classes=0, config={"damage": "resolution"})
    studio = Studio(folder, device="cpu")
    assert callbacks.makes_landscapes(studio)
    one, again, other = (callbacks.landscape(studio, seed) for seed in (3, 3, 4))
    assert one.size == (128, 128)
    assert one.tobytes() == again.tobytes() != other.tobytes()
