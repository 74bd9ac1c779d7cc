"""Names inside zips are read in the coding in which they were written, whatever that is."""

from __future__ import annotations

import struct
import unicodedata
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest

from aigc_demo.data import zip_names
from aigc_demo.data.uploads import validation
from aigc_demo.data.uploads.user_dataset import UserDataset
from aigc_demo.imaging import images
from tests import factories


class RawName(zipfile.ZipInfo):
    """An entry whose name is written as it is, without the flag of UTF-8."""

    raw = b""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:
        return self.raw, self.flag_bits & ~0x800


def pack(
    path: Path, names: list[bytes], fields: dict[bytes, bytes] | None = None, captions: str = ""
) -> Path:
    """Write a zip of different pictures with these names and extra fields."""
    with zipfile.ZipFile(path, "w") as archive:
        if captions:
            archive.writestr("captions.csv", captions)
        for i, name in enumerate(names):
            entry = RawName(f"{i}.png")
            entry.raw, entry.extra = name, (fields or {}).get(name, b"")
            archive.writestr(entry, images.encode_png(factories.draw(i % 2, i)))
    return path


def two_each(folders: list[str], coding: str) -> list[bytes]:
    return [f"{folder}/{i}.png".encode(coding) for folder in folders for i in range(2)]


def unicode_path(raw: bytes, name: str, crc: int | None = None) -> bytes:
    body = struct.pack("<BL", 1, zlib.crc32(raw) if crc is None else crc) + name.encode()
    return struct.pack("<2H", 0x7075, len(body)) + body


def coding_of(own: UserDataset) -> str | None:
    return dict(own.report.warnings).get("coding", {}).get("coding")


WRITTEN = [
    ("gbk", ["猫", "狗"]),
    ("gbk", ["苹果", "香蕉", "橙子"]),
    ("gbk", ["图片A", "图片B"]),  # which could be UTF-8
    ("gbk", ["猫", "犬"]),  # as well
    ("cp932", ["猫", "犬"]),
    ("cp932", ["ねこ", "イヌ"]),
    ("cp932", ["写真", "表", "ソース"]),  # with backslashes in the codes of characters
    ("big5", ["貓", "狗"]),
    ("cp949", ["고양이", "강아지"]),
    ("cp866", ["кошки", "собаки"]),
    ("cp1251", ["Кошки", "Собаки"]),
    ("cp850", ["Käse", "Größe"]),
    ("cp1252", ["Épée", "Garçon"]),
    ("cp874", ["แมว", "หมา"]),
    ("utf-8", ["猫", "狗"]),
    ("utf-8", ["é", "è"]),
    ("utf-8", [unicodedata.normalize("NFD", "Café"), "Thé"]),  # from a Mac
]


@pytest.mark.parametrize(("coding", "folders"), WRITTEN)
def test_names_are_read_as_they_were_written(
    tmp_path: Path, coding: str, folders: list[str]
) -> None:
    own = validation.validate([pack(tmp_path / "a.zip", two_each(folders, coding))], size=32)
    composed = sorted(unicodedata.normalize("NFC", folder) for folder in folders)
    assert own.report.counts == dict.fromkeys(composed, 2)
    assert coding_of(own) is not None and own.report.skipped == ()
    assert f"read as {coding_of(own)}" in "\n".join(own.report.lines())


def test_the_coding_is_that_of_all_names_together(tmp_path: Path) -> None:
    """猫 alone could be the letter è in UTF-8."""
    own = validation.validate([pack(tmp_path / "a.zip", two_each(["猫", "狗"], "gbk"))], size=32)
    assert own.classes == ("狗", "猫") and coding_of(own) == "GBK"


def test_a_zip_to_which_another_program_added_has_two_codings(tmp_path: Path) -> None:
    names = two_each(["猫", "狗"], "gbk") + two_each(["鸟", "鱼"], "utf-8")
    own = validation.validate([pack(tmp_path / "a.zip", names)], size=32)
    assert own.report.counts == {"狗": 2, "猫": 2, "鱼": 2, "鸟": 2}
    assert coding_of(own) == "GBK & UTF-8"
    same = ["猫/0.png".encode(coding) for coding in ("gbk", "utf-8")]
    entries = [zipfile.ZipInfo(raw.decode("cp437")) for raw in same]
    assert len(set(zip_names.read(entries).names)) == 2


def test_captions_find_pictures_whose_names_were_guessed(tmp_path: Path) -> None:
    for coding in ("gbk", "cp932", "utf-8"):
        table = "file,caption\n猫/0.png,a cat\n犬/1.png,a dog\n"
        path = pack(tmp_path / "a.zip", two_each(["猫", "犬"], coding), captions=table)
        own = validation.validate([path], size=32)
        assert own.report.captions == 2 and "unmatched" not in dict(own.report.warnings)


def test_the_unicode_field_comes_first_if_it_is_the_names_own(tmp_path: Path) -> None:
    names = [b"c1/0.png", b"c1/1.png", b"c2/0.png", b"c2/1.png"]
    true = {n: unicode_path(n, n.decode().replace("c1", "猫").replace("c2", "犬")) for n in names}
    own = validation.validate([pack(tmp_path / "a.zip", names, true)], size=32)
    assert own.report.counts == {"犬": 2, "猫": 2} and coding_of(own) is None
    stale = {n: unicode_path(n, "x/" + n.decode()[-5:], crc=7) for n in names}
    own = validation.validate([pack(tmp_path / "b.zip", names, stale)], size=32)
    assert own.report.counts == {"c1": 2, "c2": 2}


def test_a_unicode_field_leads_no_further_out_than_a_name(tmp_path: Path) -> None:
    names = [b"a/0.png", b"a/1.png", b"a/2.png"]
    path = pack(tmp_path / "a.zip", names, {names[2]: unicode_path(names[2], "../../out.png")})
    own = validation.validate([path], size=32)
    assert own.report.count == 2 and [s.reason for s in own.report.skipped] == ["outside"]


def test_a_guess_never_makes_two_names_one(tmp_path: Path) -> None:
    raws = [bytes([a, b]) for a in range(0x81, 0xFF, 5) for b in (0x41, 0x80, 0xB1, 0xFE)]
    entries = [zipfile.ZipInfo(raw.decode("cp437")) for raw in raws]
    assert len(set(zip_names.read(entries).names)) == len(raws)
    same = [b"\x81\xca", b"\xee\xf9"]  # the same sign twice in cp932
    found = zip_names.read([zipfile.ZipInfo((raw + b"\x83\x6c").decode("cp437")) for raw in same])
    assert len(set(found.names)) == 2


def test_what_the_zip_says_is_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for i, name in enumerate(("猫/0.png", "猫/1.png", "dogs/0.png", "dogs/1.png")):
            archive.writestr(name, images.encode_png(factories.draw(i % 2, i)))
    own = validation.validate([path], size=32)
    assert own.report.counts == {"dogs": 2, "猫": 2} and coding_of(own) is None


def test_a_coding_is_told_by_some_of_many_names(monkeypatch: pytest.MonkeyPatch) -> None:
    judged, score = [], zip_names._score

    def look(text: str, of: Any) -> float:
        judged.append(len(text))
        return score(text, of)

    monkeypatch.setattr(zip_names, "_score", look)
    raws = [f"图片{i}/狗{i}.png".encode("gbk") for i in range(10_000)]
    found = zip_names.read([zipfile.ZipInfo(raw.decode("cp437")) for raw in raws])
    assert found.coding == "GBK" and found.names[-1] == "图片9999/狗9999.png"
    assert sum(judged) < 20 * zip_names.JUDGED
