"""Classes are the folders themselves, and their names tell them apart, in any script."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from aigc_demo import data
from aigc_demo.data import captions
from aigc_demo.data.class_names import class_names, safe
from aigc_demo.data.uploads import validation
from aigc_demo.methods import checkpoint
from aigc_demo.nn import byte_tokenizer
from aigc_demo.requests import GenerateRequest
from aigc_demo.studio import Studio
from aigc_demo.ui.components.pictures import literal
from aigc_demo.ui.generate import callbacks, model_card
from tests import factories

DISTINCT = [
    ["A", "A#"],
    ["C", "C#", "C++"],
    ["cat!", "cat?", "cat", "Cat", "cat.", "(cat)"],
    ["หมู", "หมี"],
    ["बिल्ली", "बिल्ला"],
    ["😀", "😢", "👩‍🔬", "👩🔬", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🏴󠁧󠁢󠁳󠁣󠁴󠁿"],
    ["می‌خواهم", "میخواهم"],
    ["x" * 60 + "a", "x" * 60 + "b"],
    ["x" * 240 + "a", "x" * 240 + "b", "a" + "x" * 240],
    ["a_b", "a b", "a-b"],
    ["*", "all", "unsorted"],
    ["a|b", "`a`", "$a$", "猫,犬", "[a](b)"],
]
DECEPTIVE = ["a\u202eb", "a\u2066b", "a\nb", "a\u2028b", "a\x1bb", "a\udcffb", "a\ufeffb", "a b "]
DECEPTIVE += ["<a>", "‹a›"]


@pytest.mark.parametrize("folders", DISTINCT)
def test_folders_that_differ_have_names_that_differ(folders: list[str]) -> None:
    names = class_names(folders)
    assert len(set(names.values())) == len(folders)
    assert all(GenerateRequest(model="m", label=name).label == name for name in names.values())
    short = [f for f in folders if len(f) < 100 and f != "*"]
    assert [names[f] for f in short] == short


def test_a_name_hides_nothing_and_is_one_line() -> None:
    names = class_names([*DECEPTIVE, "a b", "\u200d", "\u3164", " "])
    assert len(set(names.values())) == len(names)
    for name in names.values():
        assert len(name.splitlines()) == 1 and name == name.strip()
        assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in name)
        assert not set(name) & set("\u202e\u2066\ufeff\u3164")
        name.encode()
    assert safe("\u200d").strip("\u200d") and names["a b"] == "a b"


def test_accents_that_a_mac_decomposed_are_the_same_folder() -> None:
    names = class_names(["Café", unicodedata.normalize("NFD", "Café"), "Cafe"])
    assert sorted(set(names.values())) == ["Cafe", "Café"]


def test_pictures_beside_a_folder_that_is_called_unsorted_stay_apart(tmp_path: Path) -> None:
    for i, folder in enumerate(("unsorted", "cats", "")):
        (tmp_path / folder).mkdir(exist_ok=True)
        for k in range(2 + i):
            factories.draw(i % 2, k + 4 * i).save(tmp_path / folder / f"{i}{k}.png")
    own = validation.validate([tmp_path], size=32)
    assert own.report.counts == {"cats": 3, "unsorted": 2, "unsorted-2": 4}
    assert dict(own.report.warnings)["loose"] == {"count": 4, "name": "unsorted-2"}


def test_every_reader_calls_the_classes_the_same(tmp_path: Path) -> None:
    folders = ["C", "C#", "C++", "หมู", "หมี", "😀", "😢"]
    for kind, folder in enumerate(folders):
        (tmp_path / "set" / folder).mkdir(parents=True)
        for i in range(4):
            factories.draw(kind % 2, i).save(tmp_path / "set" / folder / f"{i}.png")
    own = validation.validate([tmp_path / "set"], size=32)
    assert own.classes == tuple(sorted(folders)) and set(own.report.counts.values()) == {4}
    assert data.load(str(tmp_path / "set")).classes == own.classes


def test_hidden_folders_are_left_out_and_named(tmp_path: Path) -> None:
    for folder in ("dogs", "birds", ".cats", ".git"):
        (tmp_path / folder).mkdir()
    for i in range(6):
        factories.draw(0, i).save(tmp_path / ("dogs", "birds", ".cats")[i % 3] / f"{i}.png")
    factories.draw(1, 1).save(tmp_path / "dogs" / ".secret.png")
    (tmp_path / ".git" / "HEAD").write_text("ref")
    report = validation.validate([tmp_path], size=32).report
    assert report.counts == {"birds": 2, "dogs": 2}
    assert [(s.name, s.reason) for s in report.skipped] == [
        (".cats/", "hidden"),
        ("dogs/.secret.png", "hidden"),
    ]


LITTER = ["@eaDir", "$RECYCLE.BIN", "#recycle", "__MACOSX", ".Spotlight-V100", ".Trashes"]


@pytest.mark.parametrize("litter", [*LITTER, "System Volume Information"])
def test_what_systems_leave_behind_is_no_class_in_any_case(tmp_path: Path, litter: str) -> None:
    for folder in ("cats", "dogs", litter, litter.upper(), litter.lower()):
        (tmp_path / folder / "deep").mkdir(parents=True, exist_ok=True)
        for i in range(2):
            factories.draw(0, i).save(tmp_path / folder / "deep" / f"{i}.png")
            factories.draw(0, i).save(tmp_path / folder / "deep" / f"._{i}.png")
    for name in ("Thumbs.db", "THUMBS.DB", "ehthumbs.db", "Desktop.ini", ".DS_Store", "Icon\r"):
        (tmp_path / "cats" / name).write_bytes(b"left behind")
    report = validation.validate([tmp_path], size=32).report
    assert report.counts == {"cats": 2, "dogs": 2} and report.skipped == ()


def test_captions_of_classes_that_differ_in_case_or_signs_differ() -> None:
    names = ("Cat", "cat", "a_b", "a b", "x" * 180 + "1", "x" * 180 + "2")
    said = [byte_tokenizer.clean(c) for c in captions.captions_of_classes(names)]
    assert len(set(said)) == len(names) and "cat" in said


def test_names_of_classes_cannot_write_the_page() -> None:
    for name in ("<b>a</b>", "![x](http://a.b/c)", "a|b", "_a_ **b**", "`a`", "$$a$$"):
        assert not set(literal(name)) & set("<>![]|*`_$")
        assert not set(safe(name)) & set("<>")
    assert literal("猫, T-shirt") == "猫, T-shirt"


def test_the_card_and_the_choices_show_each_class(tmp_path: Path) -> None:
    names = ("C", "C#", "C++", "หมี", "หมู", "😀")
    folder = tmp_path / "checkpoints"
    model = factories.model("dcgan", classes=len(names))
    card = factories.card(model, "dcgan").model_copy(update={"classes": names})
    checkpoint.save(folder / "m", model, card)
    info = Studio(folder, device="cpu").info("m")
    assert info.labels == names
    assert [value for _, value in model_card.class_choices("all_classes", info)][1:] == [*names]
    assert ", ".join(map(literal, names)) in model_card.card(info)
    files = {callbacks.file_name(0, name) for name in names}
    assert len(files) == len(names)
    assert not any(set(file) & set('#+%?*<>:"|/\\') for file in files)
