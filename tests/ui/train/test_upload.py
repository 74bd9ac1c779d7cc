"""“Your own pictures”, without a page: what is shown of them, and their run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from aigc_demo import data
from aigc_demo.data.uploads import user_dataset
from aigc_demo.errors import BadData, BadValue
from aigc_demo.methods import METHODS, checkpoint
from aigc_demo.studio import Studio
from aigc_demo.training import runs, worker
from aigc_demo.training.presets import USER_PRESETS, user_plan
from aigc_demo.ui.components.workspace import Workspace
from aigc_demo.ui.i18n import TEXTS
from aigc_demo.ui.train import callbacks as training, upload as bringing
from tests import factories
from tests.app_server import ROOT

ENGLISH: Any = SimpleNamespace(headers={"accept-language": "en"})
CHINESE: Any = SimpleNamespace(headers={"accept-language": "zh-CN"})
NAMES = ("report", "sheet", "size", "preset", "row", "mirror", "go")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """Return a workspace with the shipped models, in which nobody trains."""
    monkeypatch.setattr(worker.Workers, "ensure", lambda self: None)
    found = Workspace.of(Studio(ROOT / "checkpoints", runs_root=tmp_path / "runs", device="cpu"))
    found.reader.fresh_for = 0
    yield found


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return factories.write_zip(
        tmp_path / "my things.zip", factories.write_folder(tmp_path / "things", 8)
    )


def checked(workspace: Workspace, path: Path, request: Any = ENGLISH) -> dict[str, Any]:
    *_, last = bringing.check(workspace, [str(path)], request)
    return dict(zip(NAMES, last, strict=True))


def test_a_zip_is_reported_shown_and_offered_for_training(
    workspace: Workspace, photos: Path
) -> None:
    first, *_ = bringing.check(workspace, [str(photos)], ENGLISH)
    assert "Looking" in first[0].value and not first[-1].visible
    shown = checked(workspace, photos)
    assert "my things: 16 pictures" in shown["report"].value
    assert "8 × discs" in shown["report"].value and "Fewer than 100" in shown["report"].value
    assert Path(shown["sheet"].value["path"]).read_bytes()[1:4] == b"PNG"
    assert all(shown[n].visible for n in NAMES)
    # Two folders with equal names: pairs come first, but all that fits is offered.
    offered = [name for _, name in shown["preset"].choices]
    assert offered[0] == "own_pix2pix" == shown["preset"].value
    assert set(offered) == set(USER_PRESETS)
    assert shown["size"].value == 64


def test_class_folders_are_offered_what_paints(workspace: Workspace, tmp_path: Path) -> None:
    folder = factories.write_folder(tmp_path / "things", 8)
    shutil.copytree(folder / "discs", folder / "more")
    shown = checked(workspace, factories.write_zip(tmp_path / "a.zip", folder))
    offered = [name for _, name in shown["preset"].choices]
    assert offered == ["own_start", "own_gan", "own_flow", "own_words"]


def test_pictures_with_captions_are_offered_to_a_model_that_reads(
    workspace: Workspace, tmp_path: Path
) -> None:
    folder = factories.write_folder(tmp_path / "things", 8)
    shutil.rmtree(folder / "squares")
    said = "".join(f"{i:02d}.png,a disc of {i}\n" for i in range(5))
    for i, file in enumerate(sorted((folder / "discs").iterdir())):
        file.rename(folder / f"{i:02d}.png")
    (folder / "discs").rmdir()
    plain = factories.write_zip(tmp_path / "plain.zip", folder)
    offered = [name for _, name in checked(workspace, plain)["preset"].choices]
    assert "own_words" not in offered
    with pytest.raises(BadValue, match="^preset: these pictures have neither captions.csv"):
        bringing.start(workspace, [str(plain)], "own_words", 32, 1, False)

    (folder / "captions.csv").write_text("file,caption\n" + said)
    path = factories.write_zip(tmp_path / "said.zip", folder)
    assert checked(workspace, path)["preset"].value == "own_words"
    directory = workspace.root / bringing.start(workspace, [str(path)], "own_words", 32, 1, False)
    learnt = user_dataset.load(directory / user_dataset.IMAGES_FILE, "pictures", captioned=True)
    assert isinstance(learnt, data.Captioned) and learnt.private
    assert [s.name for s in learnt.subjects] == [f"a disc of {i}" for i in range(5)]
    every = user_dataset.load(directory / user_dataset.IMAGES_FILE, "pictures")
    assert len(every) == 8 and torch.equal(every.images[:5], learnt.images)


def test_a_preset_that_begins_with_a_model_needs_it(tmp_path: Path, photos: Path) -> None:
    alone = Workspace.of(Studio(tmp_path / "none", runs_root=tmp_path / "runs"))
    offered = [name for _, name in checked(alone, photos)["preset"].choices]
    assert "own_start" not in offered and "own_gan" in offered


def test_a_faulty_archive_is_told_and_nothing_is_offered(
    workspace: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "a.zip").write_bytes(b"no zip")
    shown = checked(workspace, tmp_path / "a.zip")
    assert shown["report"].value.startswith("pictures: the file is damaged")
    hidden = [n for n in NAMES[1:] if n != "size"]  # which lies in the row
    assert not any(shown[n].visible for n in hidden)
    *_, nothing = bringing.check(workspace, None, ENGLISH)
    assert not any(dict(zip(NAMES, nothing, strict=True))[n].visible for n in hidden)


def test_the_report_is_told_in_chinese(workspace: Workspace, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "things" / "notes.txt").write_text("hello")
    (tmp_path / "things" / "tiny.png").write_bytes(b"no")
    path = factories.write_zip(tmp_path / "b.zip", tmp_path / "things")
    words = checked(workspace, path, CHINESE)["report"].value
    assert "16 张图片" in words and "不是图片文件" in words and "已损坏" in words
    assert "own_" not in words and "{" not in words


@pytest.mark.parametrize("preset", USER_PRESETS)
def test_every_preset_makes_a_plan_that_can_be_run(preset: str, tmp_path: Path) -> None:
    assert f"preset_{preset}" in TEXTS
    own = USER_PRESETS[preset]
    for size in own.sizes:
        plan = user_plan(preset, "yours:a", size, classes=3, minutes=8, folder="checkpoints")
        method = METHODS[plan.method]
        config = method.config.model_validate({"classes": 3 * method.classes} | plan.config)
        assert config.size == size and plan.seconds == 480 and method.needs == own.needs
        if plan.init:
            card = checkpoint.inspect(ROOT / plan.init)
            assert (card.method, card.config["size"]) == (plan.method, size)
    with pytest.raises(BadValue, match="^size: "):
        user_plan(preset, "yours:a", 48, classes=3, minutes=8, folder="checkpoints")


@pytest.mark.parametrize(
    ("preset", "size"),
    [("own_gan", 32), ("own_flow", 64), ("own_start", 32), ("own_cyclegan", 64),
     ("own_pix2pix", 64), ("own_words", 32), ("own_words", 64)],
)  # fmt: skip
def test_a_run_learns_from_them_and_takes_them_with_it(
    preset: str, size: int, workspace: Workspace, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    name = bringing.start(workspace, [str(photos)], preset, size, 1, True)
    directory = workspace.root / name
    assert (directory / runs.QUEUED).exists() and "my-things" in name
    photos.unlink()
    plan = runs.read_plan(directory)
    short = plan.model_copy(update={"seconds": None, "steps": 1, "batch": 2, "score_every": 0.0})
    (directory / runs.PLAN).write_text(short.model_dump_json())
    *_, last = factories.follow(directory)
    assert (last.reason, last.step) == ("done", 1)
    card = checkpoint.read_card(directory / "model")
    assert (card.data, card.data_title, card.config["size"]) == (
        *("yours:my things", "my things", size),
    )
    if METHODS[card.method].task == "generate":
        reads = METHODS[card.method].condition == "text"
        assert card.classes == (() if reads else factories.SHAPES)
        assert f"yours-{name}" in [m.name for m in workspace.studio.models("generate")]
    assert "my things" in training.title(workspace.reader.view(name))
    training.steer(workspace, name, "discard")
    assert not directory.exists()


BAD = {
    "no files": ({"files": None}, "pictures: there are none"),
    "no such preset": ({"preset": "alchemy"}, "preset: choose one of"),
    "no such size": ({"size": 48}, "size: "),
    "a size that is none": ({"size": "64"}, "size: "),
    "minutes of zero": ({"minutes": 0}, "minutes: "),
    "minutes that are none": ({"minutes": None}, "minutes: "),
    "minutes as NaN": ({"minutes": float("nan")}, "minutes: "),
    "minutes without end": ({"minutes": 1e9}, "minutes|seconds"),
    "True minutes": ({"minutes": True}, "minutes: "),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_mistake_is_told_before_anything_waits(
    fault: str, workspace: Workspace, photos: Path
) -> None:
    change, words = BAD[fault]
    values = {"files": [str(photos)], "preset": "own_gan", "size": 32, "minutes": 1, "mirror": 1}
    with pytest.raises(BadValue, match=words):
        bringing.start(workspace, **values | change)
    assert runs.directories(workspace.root) == []


def test_pictures_of_one_kind_cannot_be_translated(workspace: Workspace, tmp_path: Path) -> None:
    folder = factories.write_folder(tmp_path / "things")
    path = factories.write_zip(tmp_path / "a.zip", folder / "discs")
    with pytest.raises(BadValue, match="^preset: these pictures are no pairs; bring two folders"):
        bringing.start(workspace, [str(path)], "own_pix2pix", 64, 1, False)


def test_the_presets_of_one_size_change_the_size(workspace: Workspace) -> None:
    assert bringing.fit(workspace, "own_gan", 64).value == 32
    assert bringing.fit(workspace, "own_flow", 64).value == 64


def test_names_of_others_are_no_markup(tmp_path: Path) -> None:
    path = tmp_path / "a ![x](http:evil) <b> `c`|.zip"
    folder = factories.write_folder(tmp_path / "things")
    (folder / "discs").rename(folder / "[a](b)<img>")
    own = bringing.validation.validate([factories.write_zip(path, folder)])
    for name in (own.report.title, *own.classes):
        assert not set(name) & set("[]()<>!`|*#&\\$/:")
    assert own.classes == ("a b img", "squares")


def test_a_private_set_is_nowhere_else() -> None:
    with pytest.raises(BadData, match="private to their run"):
        data.load(user_dataset.PREFIX + "holiday")
    assert data.title_of(user_dataset.PREFIX + "holiday") == "holiday"
