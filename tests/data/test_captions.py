"""Captions: what is said of a picture, by whom, and which pictures are never learnt from."""

from __future__ import annotations

import csv
import itertools
import random
import zipfile
from collections import Counter
from pathlib import Path

import pytest
import torch

from aigc_demo import data
from aigc_demo.data import layouts
from aigc_demo.data.captions import Captioned, Subject, compose
from aigc_demo.data.uploads import validation
from aigc_demo.errors import BadData
from aigc_demo.imaging import images
from aigc_demo.methods import checkpoint
from aigc_demo.nn import byte_tokenizer
from aigc_demo.training import loop
from tests import factories
from tests.conftest import TinyData

STYLES = ("noto", "twemoji")


def write_emoji(root: Path, things: int = 30, held: int = 0) -> Path:
    """Write an archive like that of the emoji: things in two styles, and what they are called; of
    the last thing there is only one style.
    """
    folder = root / "files"
    rows = [["code", "name", "group"]]
    for i in range(things):
        rows.append([f"{i:x}", f"thing {i}", "shapes_&_more"])
        for kind, style in enumerate(STYLES):
            if i < things - 1 or kind == 0:
                (folder / style).mkdir(parents=True, exist_ok=True)
                factories.draw(kind, i % 12).save(folder / style / f"{i:x}.png")
    write_table(folder, rows)
    with zipfile.ZipFile(root / "emoji.zip", "w") as archive:
        for file in sorted(p for p in folder.rglob("*") if p.is_file()):
            archive.write(file, file.relative_to(folder).as_posix())
    return root


def write_table(folder: Path, rows: list[list[str]], encoding: str = "utf-8") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "captions.csv", "w", newline="", encoding=encoding) as file:
        csv.writer(file).writerows(rows)


def write_yours(folder: Path, rows: list[list[str]] | None = None) -> Path:
    """Write twelve pictures with captions."""
    (folder / "a").mkdir(parents=True)
    for i in range(12):
        factories.draw(i % 2, i).save(folder / "a" / f"{i:02d}.png")
    said = [[f"a/{i:02d}.png", f"{factories.SHAPES[i % 2]} at {i}"] for i in range(12)]
    write_table(folder, rows or [["file", "caption"], *said])
    return folder


@pytest.fixture
def emoji(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Captioned]:
    """Return both splits of an archive, of which eight pairs are held out."""
    monkeypatch.setenv("AIGC_CACHE", str(tmp_path / "cache"))
    fewer = data.DATASETS["emoji_captions"].__class__(
        **vars(data.DATASETS["emoji_captions"]) | {"held_out": 8, "size": 32}
    )
    monkeypatch.setitem(data.DATASETS, "emoji_captions", fewer)
    root = write_emoji(tmp_path)
    return {split: data.load("emoji_captions", split, root=root) for split in ("train", "test")}


def pairs(dataset: Captioned) -> set[tuple[str, str]]:
    return {(s.name, s.style) for s in dataset.subjects}


def said(dataset: data.Dataset, size: int = 200, **order: int) -> list[str]:
    return byte_tokenizer.decode(next(dataset.batches(size, **{"seed": 0} | order)).captions)


# --- Pairs of a thing and a style ---


def test_a_held_out_thing_is_learnt_in_another_style(emoji: dict[str, Captioned]) -> None:
    train, test = pairs(emoji["train"]), pairs(emoji["test"])
    assert (len(train), len(test)) == (51, 8)
    assert not train & test
    assert {name for name, _ in test} <= {name for name, _ in train}
    assert "thing 29" not in {name for name, _ in test}, "it comes in one style only"


def test_a_held_out_pair_is_in_no_batch(emoji: dict[str, Captioned]) -> None:
    """Neither its picture nor a caption that names both thing and style."""
    train, test = emoji["train"], emoji["test"]
    unseen = {bytes(x.flatten().tolist()) for x in test.images}
    only = unseen - {bytes(x.flatten().tolist()) for x in train.images}
    batches = itertools.islice(train.batches(64, seed=1), 6)
    for batch in batches:
        words = [
            set(s.replace(",", " ").replace(":", " ").split())
            for s in byte_tokenizer.decode(batch.captions)
        ]
        for name, style in pairs(test):
            number = name.split()[1]
            assert not [w for w in words if {"thing", number, style} <= w], (name, style)
        shown = ((batch.images + 1) * 127.5).round().to(torch.uint8)
        assert not only & {bytes(x.flatten().tolist()) for x in shown}


def test_what_is_held_out_does_not_depend_on_what_else_there_is() -> None:
    subjects = {f"{s}/{i}.png": (f"thing {i}", s) for i in range(60) for s in STYLES}
    fewer = {n: s for n, s in subjects.items() if int(n[n.index("/") + 1 : -4]) < 50}
    few, many = (layouts.hold_out_styles(some, 10) for some in (fewer, subjects))
    assert len(few) == len(many) == 10
    assert many & set(fewer) <= few


def test_a_caption_goes_with_its_picture(emoji: dict[str, Captioned]) -> None:
    """Discs are Noto, squares Twemoji, and the colour tells them apart."""
    batch = next(emoji["train"].batches(51, seed=2))
    for picture, caption in zip(batch.images, byte_tokenizer.decode(batch.captions), strict=True):
        red = bool(picture[0, 10, 10] > picture[2, 10, 10])
        named = [s for s in STYLES if s in caption]
        assert not named or named == [STYLES[0] if red else STYLES[1]]


def test_captions_vary_and_the_seed_decides_how(emoji: dict[str, Captioned]) -> None:
    train = emoji["train"]
    assert said(train) == said(train) != said(train, seed=1)
    of_one = {
        c
        for start in range(30)
        for c in said(train, 51, start=start)
        if "thing 3" in c.split(",")[0]
    }
    assert len(of_one) > 3


def test_a_batch_starts_anywhere(emoji: dict[str, Captioned]) -> None:
    train = emoji["train"]
    later = list(itertools.islice(train.batches(7, seed=5), 4))[3]
    direct = next(train.batches(7, seed=5, start=3))
    assert torch.equal(later.captions, direct.captions)
    assert torch.equal(later.images, direct.images)


def test_what_was_cached_is_what_was_read(emoji: dict[str, Captioned], tmp_path: Path) -> None:
    again = data.load("emoji_captions", "train", root=tmp_path)
    assert again.subjects == emoji["train"].subjects
    assert torch.equal(again.images, emoji["train"].images)


def test_styles_are_the_classes_and_examples_are_prompts(emoji: dict[str, Captioned]) -> None:
    train = emoji["train"]
    assert train.classes == train.styles == STYLES
    assert [train.classes[k] for k in train.labels] == [s.style for s in train.subjects]
    examples = train.examples(4)
    assert len(set(examples)) == 4
    assert all(e.endswith(f", {STYLES[i % 2]} style") for i, e in enumerate(examples))


# --- Captions of other sets ---


def test_wordings_name_the_thing_always_and_the_style_mostly() -> None:
    chance, subject = random.Random(0), Subject("orange", "noto", "food & drink")
    made = [compose(subject, chance) for _ in range(1000)]
    assert all("orange" in m for m in made)
    assert 0.85 < sum("noto" in m for m in made) / 1000 < 0.95
    assert 0.1 < sum(m.endswith(", food & drink") for m in made) / 1000 < 0.2
    assert not [m for m in made if "a orange" in m and "an orange" not in m]
    assert len(Counter(made)) > 8


def test_names_of_classes_become_captions(tiny_data: TinyData) -> None:
    dataset = data.caption_by_class(data.load(str(tiny_data.zip)))
    batch = next(dataset.batches(21, seed=0))
    for label, caption in zip(
        batch.labels.tolist(), byte_tokenizer.decode(batch.captions), strict=True
    ):
        assert factories.SHAPES[label] in caption and factories.SHAPES[1 - label] not in caption


def test_pictures_without_any_name_cannot_teach_to_read(tmp_path: Path) -> None:
    for i in range(12):
        factories.draw(0, i).save(tmp_path / f"{i}.png")
    plan = factories.plan("text2image", tmp_path)
    with pytest.raises(BadData, match=r"captions\.csv nor classes"):
        list(loop.train(plan, tmp_path / "run"))


def test_a_table_is_read_word_by_word_in_a_folder_a_zip_and_a_zip_of_a_folder(
    tmp_path: Path,
) -> None:
    folder = write_yours(tmp_path / "mine")
    paths = [folder, tmp_path / "zip.zip", tmp_path / "of_a_folder.zip"]
    for path, above in zip(paths[1:], (folder, folder.parent), strict=True):
        with zipfile.ZipFile(path, "w") as archive:
            for file in sorted(p for p in folder.rglob("*") if p.is_file()):
                archive.write(file, file.relative_to(above).as_posix())
    expected = {f"{factories.SHAPES[i % 2]} at {i}" for i in range(12)}
    for path in paths:
        assert set(said(data.load(str(path)), 12)) == expected


def test_a_table_that_is_none_is_refused(tmp_path: Path) -> None:
    path = write_yours(tmp_path / "mine")
    tables = ["picture,words\na/00.png,disc", "", "\x89PNG\r\n", '"' * 300_000]
    for content in [*(t.encode("latin-1") for t in tables), b"\xff\xfe\x00"]:
        (path / "captions.csv").write_bytes(content)
        with pytest.raises(BadData, match=r"captions\.csv of mine"):
            data.load(str(path))


def test_a_table_that_names_no_picture_is_told(tmp_path: Path) -> None:
    path = write_yours(tmp_path / "mine")
    for rows in ("", "gone.png,disc", "a/00.png,\t\na/01.png"):
        (path / "captions.csv").write_text(f"file,caption\n{rows}")
        report = validation.validate([path], size=32).report
        assert report.captions == 0


def test_a_table_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    path = write_yours(tmp_path / "mine")
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("captions.csv", "file,caption\n" + "a" * 3_000_000)
        for i in range(3):
            archive.writestr(f"{i}.png", images.encode_png(factories.draw(0, i)))
    with pytest.raises(BadData, match=r"captions\.csv of bomb cannot be read"):
        data.load(str(tmp_path / "bomb.zip"))
    (path / "captions.csv").write_bytes(b"file,caption\n" + b"a" * 6_000_000)
    with pytest.raises(BadData, match=r"captions\.csv of mine has 6 MB; the limit is 5"):
        data.load(str(path))


def test_a_table_may_come_from_a_spreadsheet(tmp_path: Path) -> None:
    """With a byte order mark, backslashes, a NUL, spaces and other scripts."""
    path = write_yours(tmp_path / "mine")
    names = ["a\\00.png", "./a/01.png", "02.png"]
    said_ = ["  Red\u00a0DISC ", "海豚 🐬", "x" * 900]
    write_table(
        path, [["file", "caption"], *map(list, zip(names, said_, strict=True))], "utf-8-sig"
    )
    found = set(said(data.load(str(path)), 3))
    assert found == {"red disc", "海豚 🐬", "x" * 200}


def test_a_set_with_captions_can_be_scored_and_its_card_says_what_to_ask(tmp_path: Path) -> None:
    path = write_yours(tmp_path / "mine")
    events = factories.train(tmp_path, factories.plan("text2image", path))
    assert events[-1].reason == "done"
    card = checkpoint.read_card(tmp_path / "run" / "model")
    assert card.styles == () and set(card.examples) <= {
        f"{factories.SHAPES[i % 2]} at {i}" for i in range(12)
    }


def test_a_part_of_a_set_keeps_what_is_said_of_each_picture(tmp_path: Path) -> None:
    whole = data.load(str(write_yours(tmp_path / "mine")), "train")
    some = whole.limited(4, seed=3)
    assert isinstance(some, Captioned) and len(some) == len(some.subjects) == 4
    for picture, subject in zip(some.images, some.subjects, strict=True):
        twin = whole.subjects.index(subject)
        assert torch.equal(whole.images[twin], picture)
    captions = next(some.batches(4, seed=0)).captions
    assert set(byte_tokenizer.decode(captions)) == {s.name for s in some.subjects}
