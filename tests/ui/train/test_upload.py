"""The user data set, without a page: what is shown of it, and its run."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from aigc_demo import data
from aigc_demo.data.uploads import user_dataset, validation
from aigc_demo.errors import BadData, BadValue
from aigc_demo.methods import METHODS, checkpoint
from aigc_demo.requests import GenerateRequest
from aigc_demo.studio import Studio
from aigc_demo.training import runs
from aigc_demo.training.presets import USER_PRESETS, user_plan
from aigc_demo.ui.components.pictures import literal, png_file
from aigc_demo.ui.components.workspace import Workspace
from aigc_demo.ui.i18n import TEXTS
from aigc_demo.ui.train import callbacks, monitor, run_text, upload
from aigc_demo.ui.train.upload import UploadForm
from tests import factories
from tests.app_server import ROOT

SECTION = ("sheet", "preset", "row", "mirror", "start")  # what a check shows or hides


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = factories.write_folder(tmp_path / "things", 8)
    return factories.write_zip(tmp_path / "my things.zip", folder)


def check(workspace: Workspace, path: Path, language: str = "en") -> dict[str, Any]:
    request: Any = SimpleNamespace(headers={"accept-language": language})
    *_, last = upload.check(workspace, [str(path)], request)
    return last


def offered(workspace: Workspace, path: Path) -> list[str]:
    return [name for _, name in check(workspace, path)["preset"].choices]


def form(path: Path, **fields: Any) -> UploadForm:
    values = {"preset": "own_gan", "size": 32, "minutes": 1, "mirror": False}
    return UploadForm(files=[str(path)], **values | fields)


def test_a_zip_is_reported_shown_and_offered_for_training(
    workspace: Workspace, photos: Path
) -> None:
    request: Any = SimpleNamespace(headers={"accept-language": "en"})
    first, *_, last = upload.check(workspace, [str(photos)], request)
    assert "Looking" in first["report"].value and not first["start"].visible
    assert "my things: 16 pictures" in last["report"].value
    assert "8 × discs" in last["report"].value and "Fewer than 100" in last["report"].value
    assert Path(last["sheet"].value["path"]).read_bytes()[1:4] == b"PNG"
    assert all(last[name].visible for name in SECTION)
    # Two folders with equal names: pairs come first, but all that suits is offered.
    assert offered(workspace, photos)[0] == "own_pix2pix" == last["preset"].value
    assert set(offered(workspace, photos)) == set(USER_PRESETS)
    assert last["size"].value == 64


def test_class_folders_are_offered_what_makes_pictures_from_noise(
    workspace: Workspace, tmp_path: Path
) -> None:
    folder = factories.write_folder(tmp_path / "things", 8)
    shutil.copytree(folder / "discs", folder / "more")
    path = factories.write_zip(tmp_path / "a.zip", folder)
    assert offered(workspace, path) == ["own_start", "own_gan", "own_flow", "own_words"]
    alone = Workspace.of(Studio(tmp_path / "none", runs_root=tmp_path / "runs"))
    assert offered(alone, path) == ["own_gan", "own_flow"]  # the others start from a model


def test_two_folders_called_a_and_b_are_offered_a_cyclegan_first(
    workspace: Workspace, tmp_path: Path
) -> None:
    folder = tmp_path / "things"
    for kind, domain in enumerate("AB"):
        (folder / f"train{domain}").mkdir(parents=True)
        for i in range(8):
            factories.draw(kind, i).save(folder / f"train{domain}" / f"{domain}{i}.png")
    path = factories.write_zip(tmp_path / "a.zip", folder)
    assert offered(workspace, path)[0] == "own_cyclegan"
    assert "own_pix2pix" not in offered(workspace, path)


def test_pictures_with_captions_are_offered_a_text_conditioned_model(
    workspace: Workspace, tmp_path: Path
) -> None:
    folder = factories.write_folder(tmp_path / "things", 8)
    shutil.rmtree(folder / "squares")
    for i, file in enumerate(sorted((folder / "discs").iterdir())):
        file.rename(folder / f"{i:02d}.png")
    (folder / "discs").rmdir()
    path = factories.write_zip(tmp_path / "plain.zip", folder)
    assert "own_words" not in offered(workspace, path)
    with pytest.raises(BadValue, match="^preset: these pictures have neither captions.csv"):
        upload.queue(workspace, form(path, preset="own_words"))
    with pytest.raises(BadValue, match="^preset: these pictures are no pairs; bring two folders"):
        upload.queue(workspace, form(path, preset="own_pix2pix", size=64))

    lines = "".join(f"{i:02d}.png,a disc of {i}\n" for i in range(5))
    (folder / "captions.csv").write_text("file,caption\n" + lines)
    path = factories.write_zip(tmp_path / "captions.zip", folder)
    assert offered(workspace, path)[0] == "own_words"
    directory = workspace.root / upload.queue(workspace, form(path, preset="own_words"))
    file = directory / user_dataset.IMAGES_FILE
    captioned = user_dataset.load(file, "pictures", captioned=True)
    assert isinstance(captioned, data.Captioned) and captioned.private
    assert [s.name for s in captioned.subjects] == [f"a disc of {i}" for i in range(5)]
    every = user_dataset.load(file, "pictures")
    assert len(every) == 8 and torch.equal(every.images[:5], captioned.images)


def test_a_table_may_be_chosen_together_with_the_pictures(
    workspace: Workspace, tmp_path: Path
) -> None:
    for i in range(3):
        factories.draw(0, i).save(tmp_path / f"{i}.png")
    (tmp_path / "words.csv").write_text("file;caption\n0.png;a fox, sitting\n1.png;two\n")
    (tmp_path / "2.txt").write_text("three")
    chosen = [str(path) for path in sorted(tmp_path.glob("*.*"))]
    assert {Path(path).suffix for path in chosen} <= set(upload.FILE_TYPES)
    request: Any = SimpleNamespace(headers={"accept-language": "en"})
    *_, last = upload.check(workspace, chosen, request)
    assert "3 of 3 pictures have a caption" in last["report"].value
    assert last["preset"].value == "own_words"


def test_a_faulty_archive_is_reported_and_nothing_is_offered(
    workspace: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "a.zip").write_bytes(b"no zip")
    last = check(workspace, tmp_path / "a.zip")
    assert last["report"].value.startswith("pictures: the file is damaged")
    assert not any(last[name].visible for name in SECTION)
    request: Any = SimpleNamespace(headers={})
    *_, nothing = upload.check(workspace, None, request)
    assert not any(nothing[name].visible for name in ("report", *SECTION))


def test_the_report_is_written_in_chinese(
    workspace: Workspace, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "things" / "notes.txt").write_text("hello")
    (tmp_path / "things" / "tiny.png").write_bytes(b"no")
    path = factories.write_zip(tmp_path / "b.zip", tmp_path / "things")
    text = check(workspace, path, "zh-CN")["report"].value
    assert "16 张图片" in text and "不是图片文件" in text and "已损坏" in text
    assert "own_" not in text and "{" not in text


def test_every_preset_makes_a_plan_that_can_be_run() -> None:
    for name, preset in USER_PRESETS.items():
        assert f"preset_{name}" in TEXTS["en"]
        for size in preset.sizes:
            plan = user_plan(name, "yours:a", size, classes=3, minutes=8, folder="checkpoints")
            method = METHODS[plan.method]
            config = method.config.model_validate({"classes": 3 * method.classes} | plan.config)
            assert config.size == size and plan.seconds == 480 and method.needs == preset.needs
            if plan.init:
                card = checkpoint.inspect(ROOT / plan.init)
                assert (card.method, card.config["size"]) == (plan.method, size)
        with pytest.raises(BadValue, match="^size: "):
            user_plan(name, "yours:a", 48, classes=3, minutes=8, folder="checkpoints")


@pytest.mark.parametrize(
    ("preset", "size"), [("own_gan", 32), ("own_words", 32), ("own_pix2pix", 64)]
)
def test_a_run_learns_from_the_pictures_and_takes_them_with_it(
    preset: str, size: int, workspace: Workspace, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    run = upload.start(workspace, form(photos, preset=preset, size=size, mirror=True))["run"]
    directory = workspace.root / run.value
    assert (directory / runs.QUEUED).exists() and "my-things" in run.value
    photos.unlink()
    plan = runs.read_plan(directory)
    small = factories.plan(plan.method, plan.data, steps=1)
    config = small.config | {"size": size}
    small = small.model_copy(update={"config": config})
    (directory / runs.PLAN).write_text(small.model_dump_json())
    *_, last = factories.follow(directory)
    assert (last.reason, last.step) == ("done", 1)
    card = checkpoint.read_card(directory / "model")
    assert (card.data, card.data_title) == ("yours:my things", "my things")
    assert card.classes == (factories.SHAPES if preset == "own_gan" else ())
    assert f"yours-{run.value}" in [m.name for m in workspace.studio.models()]
    assert "my things" in run_text.title(workspace.monitor.view(run.value))
    callbacks.discard(workspace, run.value, run.value)
    assert not directory.exists()


def test_a_mistake_is_refused_before_anything_waits(workspace: Workspace, photos: Path) -> None:
    for fields, message in (
        ({"files": None}, "pictures: there are none"),
        ({"preset": "alchemy"}, "preset: choose one of"),
        ({"preset": None}, "preset: "),
        ({"size": 48}, "size: this preset cannot make 48 pixels"),
        ({"size": "64"}, "size: "),
        ({"minutes": 0}, "minutes: "),
        ({"minutes": None}, "minutes: "),
        ({"minutes": float("nan")}, "minutes: "),
        ({"minutes": 99_999}, "minutes: 99,999 is over this host's limit"),
    ):
        values = form(photos).model_dump() | fields
        with pytest.raises(BadValue, match=f"^{message}"):
            upload.queue(workspace, UploadForm(**values))
    assert runs.directories(workspace.root) == []


def test_the_size_is_the_nearest_that_a_preset_can_make(workspace: Workspace) -> None:
    assert upload.fit_size(workspace, "own_gan", 64)["size"].value == 32
    assert upload.fit_size(workspace, "own_flow", 64)["size"].value == 64
    with pytest.raises(BadValue, match="^preset: choose one of"):
        upload.fit_size(workspace, "alchemy", 64)


def test_names_of_uploaded_files_are_no_markup(tmp_path: Path) -> None:
    path = tmp_path / "a ![x](http:evil) <b> `c`|.zip"
    folder = factories.write_folder(tmp_path / "things")
    (folder / "discs").rename(folder / "[a](b)<img>")
    own = validation.validate([factories.write_zip(path, folder)])
    for name in (own.report.title, *own.classes):
        assert not set(name) & set("<>\\/")
        assert not set(literal(name)) & set("[]<>!`|*\\$")
    assert own.classes == ("[a](b)‹img›", "squares")


def test_a_private_data_set_is_nowhere_else() -> None:
    with pytest.raises(BadData, match="private to their run"):
        data.load(user_dataset.PREFIX + "holiday")
    assert data.title_of(user_dataset.PREFIX + "holiday 1.5") == "holiday 1.5"


def test_what_is_discarded_is_gone_from_every_folder(
    workspace: Workspace, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Uploads, the contact sheet, previews, the zip of the model and pictures that it made."""
    monkeypatch.chdir(ROOT)
    cache = tmp_path / "page"
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(cache))
    monkeypatch.setenv("AIGC_CACHE", str(tmp_path / "cache"))
    content = photos.read_bytes()
    uploaded = cache / hashlib.sha256(content).hexdigest() / photos.name
    uploaded.parent.mkdir(parents=True)
    shutil.move(photos, uploaded)
    request: Any = SimpleNamespace(headers={})
    *_, checked = upload.check(workspace, [str(uploaded)], request)
    assert Path(checked["sheet"].value["path"]).is_file()
    name = upload.start(workspace, form(uploaded, preset="own_gan", size=32))["run"].value
    directory = workspace.root / name
    plan = runs.read_plan(directory)
    plan = factories.plan(plan.method, plan.data, steps=1, config={"size": 32, "width": 8})
    (directory / runs.PLAN).write_text(plan.model_dump_json())
    assert list(factories.follow(directory))[-1].reason == "done"
    monitor.rewind(workspace, name, 1)
    callbacks.download(workspace, name)
    asked = GenerateRequest(model=f"yours-{name}", count=1)
    made = workspace.studio.generate(asked).images[0]
    png_file(made, "made.png", asked.model_dump(mode="json"))
    kept = png_file(made, "of another model.png", {"model": "another"})
    assert f"yours-{name}" in workspace.studio.cache.loaded

    callbacks.discard(workspace, name, name)
    assert [p.name for p in cache.rglob("*") if p.is_file()] == [Path(kept).name]
    for path in (p for p in tmp_path.rglob("*") if p.is_file() and str(p) != kept):
        assert name.encode() not in path.read_bytes() and content not in path.read_bytes(), path
    assert not directory.exists() and f"yours-{name}" not in workspace.studio.cache.loaded
