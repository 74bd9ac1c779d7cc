"""What the Translate tab does, without a browser."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data

from aigc_demo.errors import BadImage, BadValue
from aigc_demo.imaging import facade_labels, images
from aigc_demo.methods import checkpoint
from aigc_demo.studio import Studio
from aigc_demo.ui.i18n import TEXTS
from aigc_demo.ui.translate import callbacks as translating, label_map_editor, tab as translate
from aigc_demo.ui.translate.callbacks import Form
from tests import factories
from tests.pipelines.test_translation import write

PLAN = label_map_editor.as_value(facade_labels.example())


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    base = tmp_path_factory.mktemp("checkpoints")
    write(base / "summer2winter-cyclegan", "cyclegan", ("summer", "winter"))
    write(base / "a-photo", "cyclegan", ("Monet", "photo"))
    write(base / "facades-pix2pix", "pix2pix", ("plan", "photo"))
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


def form(tmp_path: Path, model: str = "summer2winter-cyclegan", **fields: Any) -> Form:
    given: dict[str, Any] = {"way": "AtoB", "editor": editor(tmp_path), "board": PLAN}
    return Form(model, **given | fields)


def last(steps: Any) -> Any:
    *shares, result = steps
    assert all(isinstance(s, float) for s in shares)
    return result


def test_well_known_models_come_first(studio: Studio) -> None:
    names = [name for _, name in translating.choices(studio)]
    assert names == ["summer2winter-cyclegan", "facades-pix2pix", "a-photo", "styles"]


def test_directions_have_the_names_of_the_domains(studio: Studio) -> None:
    def ways(name: str) -> Any:
        info = studio.info(name)
        return translating.ways(info), translating.first_way(info)

    both = [("summer → winter", "AtoB"), ("winter → summer", "BtoA")]
    assert ways("summer2winter-cyclegan") == (both, "AtoB")
    assert ways("a-photo")[1] == "BtoA"
    assert ways("facades-pix2pix") == ([("plan → photo", "AtoB")], "AtoB")
    styles = [("→ noto", "noto"), ("→ twemoji", "twemoji"), ("→ fluentui", "fluentui")]
    assert ways("styles") == (styles, "fluentui")


def test_a_picture_goes_there_and_back(studio: Studio, tmp_path: Path) -> None:
    pair, gallery, file, details = last(translating.translate(studio, form(tmp_path)))
    assert Image.open(pair[0]).tobytes() == photo().tobytes()
    assert pair[1] == file and Image.open(file).size == (60, 44)
    captions = [caption for _, caption in gallery]
    assert captions[0] == "summer → winter" and captions[2].endswith(" dB") and len(captions) == 4
    assert "60×44 px" in details and "there and back" in details
    alone = last(translating.translate(studio, form(tmp_path, cycle=False)))
    assert len(alone[1]) == 2 and "back" not in alone[3]


def test_what_is_drawn_on_the_picture_counts(studio: Studio, tmp_path: Path) -> None:
    drawn = form(tmp_path, editor=editor(tmp_path, drawn=True))
    before = Image.open(last(translating.translate(studio, drawn))[0][0])
    assert before.getpixel((5, 5)) == (255, 0, 0)


def test_a_plan_comes_from_the_board(studio: Studio, tmp_path: Path) -> None:
    made = last(translating.translate(studio, form(tmp_path, "facades-pix2pix", editor=None)))
    assert Image.open(made[0][0]).tobytes() == facade_labels.example().tobytes()
    assert Image.open(made[0][1]).size == (128, 128)


def test_strength_counts_for_pictures_and_not_for_plans(studio: Studio, tmp_path: Path) -> None:
    def made(model: str, strength: float) -> bytes:
        steps = translating.translate(studio, form(tmp_path, model, strength=strength))
        return Path(last(steps)[2]).read_bytes()

    assert made("facades-pix2pix", 0.3) == made("facades-pix2pix", 1.0)
    assert made("summer2winter-cyclegan", 0.3) != made("summer2winter-cyclegan", 1.0)


def test_the_slider_translates_anew_where_there_is_a_picture(
    studio: Studio, tmp_path: Path
) -> None:
    given = form(tmp_path)
    values = [getattr(given, f) for f in Form.__dataclass_fields__]
    (without,) = translate._again(studio, None, *values)
    assert without[:2] == [None, []]
    (made,) = translate._again(studio, given.editor, *values)
    assert len(made[1]) == 4


@pytest.mark.parametrize(
    ("fields", "named"),
    [({"model": None}, "model"), ({"model": "nothing"}, "model"), ({"way": "up"}, "direction"),
     ({"editor": None}, "picture"), ({"strength": float("nan")}, "strength"),
     ({"strength": 2}, "strength"), ({"cycle": "yes"}, "cycle"), ({"scale": "huge"}, "scale"),
     ({"model": "styles", "way": "AtoB"}, "style"),
     ({"model": "facades-pix2pix", "board": None}, "plan"),
     ({"model": "facades-pix2pix", "board": "data:image/png;base64,***"}, "plan"),
     ({"model": "facades-pix2pix", "board": "x" * 3_000_000}, "plan"),
     ({"model": "facades-pix2pix", "board": 7}, "plan")], ids=str,
)  # fmt: skip
def test_what_cannot_be_used_is_named(
    studio: Studio, tmp_path: Path, fields: dict[str, Any], named: str
) -> None:
    with pytest.raises((BadValue, BadImage), match=rf"^{named}: "):
        list(translating.translate(studio, form(tmp_path, **fields)))


def test_all_styles_come_at_once(studio: Studio, tmp_path: Path) -> None:
    gallery, told = translating.all_styles(studio, form(tmp_path, "styles", way="noto"))
    assert [c for _, c in gallery] == ["→ noto", "→ twemoji", "→ fluentui", "input"]
    assert len({Path(f).read_bytes() for f, _ in gallery}) == 4 and "3 styles" in told
    with pytest.raises(BadValue, match=r"^model: "):
        translating.all_styles(studio, form(tmp_path))


def test_many_files_become_a_zip(studio: Studio, tmp_path: Path) -> None:
    files = []
    for folder, size in (("a", (30, 20)), ("b", (20, 30))):
        (tmp_path / folder).mkdir()
        photo().resize(size).save(tmp_path / folder / "cat.jpg")
        files.append(str(tmp_path / folder / "cat.jpg"))
    (tmp_path / "notes.png").write_text("no picture")
    files.insert(1, str(tmp_path / "notes.png"))
    path, told = last(translating.translate_all(studio, form(tmp_path), files))
    with zipfile.ZipFile(path) as archive:
        sizes = {n: Image.open(io.BytesIO(archive.read(n))).size for n in archive.namelist()}
    assert sizes == {"cat.png": (30, 20), "cat-2.png": (20, 30)}
    assert "2 of 3 translated" in told and "notes.png: The file is not a picture" in told


@pytest.mark.parametrize("files", [None, [], ["x"] * 201])
def test_too_few_or_too_many_files_are_refused(
    studio: Studio, tmp_path: Path, files: list[str] | None
) -> None:
    with pytest.raises(BadValue, match=r"^files: "):
        list(translating.translate_all(studio, form(tmp_path), files))


def test_when_no_file_can_be_translated_the_reason_is_told(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "x.png").write_text("no picture")
    with pytest.raises(BadValue, match=r"^files: none .* not a picture"):
        list(translating.translate_all(studio, form(tmp_path), [str(tmp_path / "x.png")]))


def test_a_sent_picture_finds_a_model_that_takes_pictures(studio: Studio, tmp_path: Path) -> None:
    photo().save(tmp_path / "sent.png")
    for model in (None, "gone", "facades-pix2pix", "a-photo"):
        found = translate._receive(studio, str(tmp_path / "sent.png"), 0, model)
        assert found[1] == ("a-photo" if model == "a-photo" else "summer2winter-cyclegan")
        assert Image.open(found[-1]["background"]).tobytes() == photo().tobytes()


# --- Plans ---


def test_a_plan_survives_the_board() -> None:
    assert label_map_editor.plan_of(PLAN).tobytes() == facade_labels.example().tobytes()


def test_plans_have_the_exact_colours_of_the_classes() -> None:
    known = set(facade_labels.CLASSES.values())
    assert len(known) == len(facade_labels.CLASSES) == 12
    for made in (facade_labels.example(), facade_labels.blank()):
        assert made.size == (128, 128)
        assert {colour for _, colour in made.getcolors()} <= known
    assert len(facade_labels.example().getcolors()) >= 8


def test_a_plan_from_a_file_is_brought_to_the_classes() -> None:
    blurred = facade_labels.example().resize((300, 200), Image.Resampling.BICUBIC)
    made = label_map_editor.fitted(blurred)
    assert {colour for _, colour in made.getcolors()} <= set(facade_labels.CLASSES.values())
    assert (
        made.getpixel((64, 3)) == facade_labels.CLASSES["background"]
    )  # beside what is not square
    with pytest.raises(BadImage, match=r"^plan: .*;"):
        label_map_editor.fitted(photo())
    exact = label_map_editor.fitted(
        facade_labels.example().resize((512, 512), Image.Resampling.NEAREST)
    )
    same = (np.asarray(exact) == np.asarray(facade_labels.example())).all(axis=2)
    assert same.all()


def test_the_board_names_all_classes_in_both_languages() -> None:
    html = label_map_editor._html()
    assert set(label_map_editor.CHINESE) == set(facade_labels.CLASSES)
    for name, chinese in label_map_editor.CHINESE.items():
        assert f">{name}<" in html and chinese in html


def test_the_examples_of_the_tab_have_names() -> None:
    from aigc_demo.ui.components.example_images import EXAMPLES

    assert all(f"photo_{name.lower()}" in TEXTS for name in EXAMPLES)


def test_an_emoji_that_the_browser_drew_becomes_the_picture() -> None:
    drawn = label_map_editor.as_value(Image.new("RGB", (288, 288), "white"))
    placed, *_ = translate._emoji(None, drawn)
    assert images.open_image(placed["background"]).size == (288, 288)


def test_a_landscape_is_painted_and_enlarged(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    assert not translating.paints_landscapes(Studio(folder, device="cpu"))
    model = factories.model("flow", classes=4)
    card = factories.card(model, "flow").model_copy(update={"classes": translating.LANDSCAPES})
    checkpoint.save(folder / "scenes-flow", model, card)
    factories.save(folder / "upscale", "repair", classes=0, config={"damage": "resolution"})
    studio = Studio(folder, device="cpu")
    assert translating.paints_landscapes(studio)
    one, again, other = (translating.landscape(studio, seed) for seed in (3, 3, 4))
    assert one.size == (128, 128)
    assert one.tobytes() == again.tobytes() != other.tobytes()
