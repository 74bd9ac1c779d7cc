"""Captions are read whole and belong to their images, whoever wrote the table, or are refused."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from aigc_demo import data
from aigc_demo.data import caption_tables
from aigc_demo.data.captions import Captioned
from aigc_demo.data.uploads import user_dataset, validation
from aigc_demo.data.uploads.user_dataset import UserDataset
from aigc_demo.errors import BadData
from tests import factories

FOX, DOG = "a red fox, sitting, snow", "two dogs"


def write(folder: Path, *names: str, **tables: str | bytes) -> Path:
    """Write different images, and tables whose names have ``__`` for a dot."""
    for i, name in enumerate(names or ("00.png", "01.png")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        factories.draw(i % 2, i).save(folder / name)
    for name, content in tables.items():
        content = content.encode() if isinstance(content, str) else content
        (folder / name.replace("__", ".")).write_bytes(content)
    return folder


def learned(own: UserDataset, run: Path) -> list[str]:
    """Return what a run that reads learns of each image, in order."""
    run.mkdir(exist_ok=True)
    own.save(run)
    file = run / user_dataset.IMAGES_FILE
    found = user_dataset.load(file, "pictures", captioned=True)
    assert isinstance(found, Captioned)
    return [subject.name for subject in found.subjects]


def check(folder: Path) -> UserDataset:
    return validation.validate([folder], size=32)


TABLES: dict[str, str | bytes] = {
    "quoted": f'file,caption\n00.png,"{FOX}"\n01.png,{DOG}\n',
    "unquoted": f"file,caption\n00.png,{FOX}\n01.png,{DOG}\n",
    "spaces": f"file, caption\n00.png, {FOX}\n01.png, {DOG}\n",
    "spaces and quotes": f'file, caption\n00.png, "{FOX}"\n01.png, {DOG}\n',
    "capitals": f"File,Caption\n00.png,{FOX}\n01.png,{DOG}\n",
    "Hugging Face": f'file_name,text\n00.png,"{FOX}"\n01.png,{DOG}\n',
    "semicolons": f"file;caption\r\n00.png;{FOX}\r\n01.png;{DOG}\r\n",
    "quoted head": f'"file";"caption"\r\n"00.png";"{FOX}"\r\n"01.png";"{DOG}"\r\n',
    "tabs": f"file\tcaption\n00.png\t{FOX}\n01.png\t{DOG}\n",
    "BOM": f"\ufefffile;caption\r\n00.png;{FOX}\r\n01.png;{DOG}\r\n",
    "UTF-16": f"file\tcaption\r\n00.png\t{FOX}\r\n01.png\t{DOG}\r\n".encode("utf-16"),
    "sep": f"sep=;\r\nfile;caption\r\n00.png;{FOX}\r\n01.png;{DOG}\r\n",
    "caption first": f"caption,file\n{FOX},00.png\n{DOG},01.png\n",
    "more columns": f'file,caption,by\n00.png,"{FOX}",me\n01.png,{DOG}\n',
    "empty columns": f'file,caption,,\n00.png,"{FOX}",,\n01.png,{DOG},,\n',
    "empty lines": f"\n\nfile;caption\n\n00.png;{FOX}\n\n01.png;{DOG}\n",
    "old Mac": f"file;caption\r00.png;{FOX}\r01.png;{DOG}\r",
    "no ending": f"file;caption\n00;{FOX}\n01;{DOG}\n",
    "other case": f"file;caption\n00.PNG;{FOX}\n01.Png;{DOG}\n",
    "folders": f"file;caption\nmine\\00.png;{FOX}\n./images/01.png;{DOG}\n",
}


@pytest.mark.parametrize("table", TABLES)
def test_a_caption_is_read_whole_from_tables_of_any_program(tmp_path: Path, table: str) -> None:
    own = check(write(tmp_path / "set", captions__csv=TABLES[table]))
    assert own.report.captions == 2 and own.report.skipped == ()
    assert learned(own, tmp_path / "run") == [FOX, DOG]
    assert "2 of 2 pictures have a caption" in "\n".join(own.report.lines())
    read = [data.load(str(tmp_path / "set"))]
    assert sorted(s.name for d in read for s in d.subjects) == [FOX, DOG]


SOURCES: dict[str, Callable[[Path], Path]] = {
    "metadata.csv": lambda p: write(p, metadata__csv=f'file_name,text\n00.png,"{FOX}"\n01.png,b'),
    "metadata.jsonl": lambda p: write(
        p,
        metadata__jsonl=f"{json.dumps({'file_name': '00.png', 'text': FOX})}\n\n"
        '{"file_name": "01.png", "text": "b", "width": 3}\n',
    ),
    "captions.tsv": lambda p: write(p, captions__tsv=f"file\tcaption\n00.png\t{FOX}\n01.png\tb"),
    "captions.txt": lambda p: write(p, captions__txt=f'image,caption\n00.png,"{FOX}"\n01.png,b'),
    "any name": lambda p: write(p, my_words__csv=f'image,text\n00.png,"{FOX}"\n01.png,b'),
    "texts": lambda p: write(p, **{"00__txt": FOX, "01__txt": "\ufeffb\n"}),
    "texts of kohya": lambda p: write(
        p, "10_fox/00.png", "10_fox/01.PNG", **{"10_fox/00__txt": FOX, "10_fox/01__caption": "b"}
    ),
    "texts after the ending": lambda p: write(p, **{"00__png__txt": FOX, "01__png__txt": "b"}),
    "a table a folder": lambda p: write(
        p,
        "a/0.png",
        "b/0.png",
        **{
            "a/metadata__csv": f'file_name,text\n0.png,"{FOX}"',
            "b/metadata__csv": "file,text\n0.png,b",
        },
    ),
}


@pytest.mark.parametrize("source", SOURCES)
def test_captions_come_in_tables_and_texts(tmp_path: Path, source: str) -> None:
    own = check(SOURCES[source](tmp_path / "set"))
    assert own.report.captions == 2 and own.report.skipped == ()
    assert learned(own, tmp_path / "run") == [FOX, "b"]


def test_what_does_not_fit_is_counted_and_named(tmp_path: Path) -> None:
    table = f"file,caption\n00.png,{FOX}\n00.png,again\ngone.png,lost\n03.png,{'x' * 300}\n"
    names = [f"{i:02d}.png" for i in range(4)]
    own = check(write(tmp_path, *names, captions__csv=table, notes__txt="-"))
    told = dict(own.report.warnings)
    assert told["uncaptioned"] == {"count": 2, "names": "01.png, 02.png"}
    assert told["unmatched"] == {"count": 1, "names": "gone.png"}
    assert told["joined"] == {"count": 1} and told["repeated"] == {"count": 1}
    assert told["long"] == {"count": 1, "most": 200}
    lines = "\n".join(own.report.lines())
    assert "2 of 4 pictures have a caption" in lines and "gone.png" in lines
    assert [s.name for s in own.report.skipped] == ["notes.txt"]


def test_a_row_at_fault_is_refused_with_its_line(tmp_path: Path) -> None:
    for table, line in (
        ("file,caption,by\n00.png,a,me\n01.png,a fox, sitting,me\n", 3),
        ('file,caption\n00.png,"a fox\n01.png,a dog\n', 3),
        ('file,caption\n00.png,"Hello" she said\n01.png,a dog\n', 2),
        ("\n", None),
    ):
        match = rf"^The captions\.csv of \w+, line {line}: " if line else "needs the columns"
        with pytest.raises(BadData, match=match):
            check(write(tmp_path, captions__csv=table))
    (tmp_path / "captions.csv").unlink()
    with pytest.raises(BadData, match=r"^The metadata\.jsonl of \w+, line 2: is no JSON"):
        check(write(tmp_path, metadata__jsonl='{"file_name": "00.png", "text": "a"}\n{"f'))


def test_tables_of_something_else_are_left_out(tmp_path: Path) -> None:
    own = check(write(tmp_path, prices__csv="a,b\n1,2", metadata__csv="file_name,label\n00.png,1"))
    assert own.report.captions == 0 and own.captions is None
    assert {s.name: s.reason for s in own.report.skipped} == {
        "prices.csv": "other",
        "metadata.csv": "other",
    }


def test_a_text_that_is_none_is_left_out_with_its_reason(tmp_path: Path) -> None:
    own = check(write(tmp_path, **{"00__txt": "狐狸".encode("gbk"), "01__txt": "a dog"}))
    assert own.report.captions == 1
    assert [(s.name, s.reason) for s in own.report.skipped] == [("00.txt", "text")]


def test_a_row_names_the_image_that_it_fits_best(tmp_path: Path) -> None:
    table = (
        "file,caption\n0.png,top\na/0.png,in a\nb/0.png,in b\n1,any\nA/2.PNG,case\na/2.png,same\n"
    )
    names = ("0.png", "a/0.png", "b/0.png", "a/1.png", "b/1.png", "a/2.png")
    own = check(write(tmp_path / "set", *names, captions__csv=table))
    assert dict(zip(own.names, learned(own, tmp_path / "run"), strict=True)) == {
        "0.png": "top",
        "a/0.png": "in a",
        "b/0.png": "in b",
        "a/1.png": "any",
        "b/1.png": "any",
        "a/2.png": "same",
    }


def test_accents_fit_however_they_are_composed(tmp_path: Path) -> None:
    for form, other in (("NFC", "NFD"), ("NFD", "NFC")):
        name = unicodedata.normalize(form, "été/chaton é.png")
        row = unicodedata.normalize(other, "été/chaton é.png")
        folder = write(tmp_path / form, name, "x.png", captions__csv=f"file,caption\n{row},a cat")
        assert check(folder).report.captions == 1


def test_a_table_is_chosen_together_with_pictures_or_a_zip(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", words__csv=f'file,caption\n00.png,"{FOX}"\n01.png,{DOG}\n')
    own = validation.validate(sorted(folder.iterdir()), size=32)
    assert learned(own, tmp_path / "run") == [FOX, DOG]
    table = (folder / "words.csv").rename(tmp_path / "words.csv")
    path = factories.write_zip(tmp_path / "set.zip", folder)
    own = validation.validate([path, table], size=32)
    assert learned(own, tmp_path / "run") == [FOX, DOG] and own.report.title == "set"


def test_a_table_that_names_nothing_leaves_the_classes(tmp_path: Path) -> None:
    names = ("cats/0.png", "dogs/1.png")
    own = check(write(tmp_path / "set", *names, captions__csv="file,caption\ngone.png,a\n"))
    assert own.report.captions == 0 and dict(own.report.warnings)["unmatched"]["count"] == 1
    (tmp_path / "run").mkdir()
    own.save(tmp_path / "run")
    file = tmp_path / "run" / user_dataset.IMAGES_FILE
    found = user_dataset.load(file, "pictures", captioned=True)
    assert {s.name for s in data.caption_by_class(found).subjects} == {"cats", "dogs"}


def test_captions_beside_class_folders_leave_the_classes(tmp_path: Path) -> None:
    names = [f"{folder}/{i}.png" for folder in ("cats", "dogs") for i in range(4)]
    texts = {name.replace(".png", "__txt"): f"picture {name}" for name in names}
    folder = write(tmp_path, *names, **texts)
    found = data.load(str(folder))
    assert isinstance(found, Captioned) and found.classes == ("cats", "dogs")
    for label, subject in zip(found.labels.tolist(), found.subjects, strict=True):
        assert f"picture {found.classes[label]}/" in subject.name


def test_a_table_with_very_many_rows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caption_tables, "MAX_ROWS", 3)
    for name, head, row in (("a.csv", "file,caption\n", "0,b\n"),
                            ("a.jsonl", "", '{"file": "0", "text": "b"}\n')):  # fmt: skip
        table = caption_tables.read((head + row * 3).encode(), name, of="it")
        assert table is not None and len(table.rows) == 3
        with pytest.raises(BadData, match="has more than 3 rows; leave out"):
            caption_tables.read((head + row * 4).encode(), name, of="it")
