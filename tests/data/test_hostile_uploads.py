"""Archives that are damaged or made to do harm: each is found in little memory, and nothing is
written.
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from aigc_demo import data
from aigc_demo.errors import BadData
from aigc_demo.imaging import images
from tests.data.uploads import heap, little_memory, pack, png, read, reasons


@pytest.fixture
def cheap(tmp_path: Path) -> Iterator[Path]:
    """Fail where a test writes beside its zip."""
    folder = tmp_path / "in" / "deep"
    folder.mkdir(parents=True)
    yield folder
    outside = [p for p in tmp_path.rglob("*") if folder not in p.parents]
    assert sorted(outside) == [folder.parent, folder]


def test_names_that_lead_out_are_left_out_and_nothing_is_written(cheap: Path) -> None:
    names = ["../../a.png", "/etc/a.png", "..\\..\\a.png", "C:\\a.png", "\\\\host\\a.png",
             "x/../../a.png", "..", "a//b.png", "."]  # fmt: skip
    own = read(pack(cheap / "a.zip", dict.fromkeys(names, png()) | heap(2)))
    assert own.report.count == 2
    assert [s.reason for s in own.report.skipped] == ["outside"] * len(names)
    assert [p.name for p in cheap.iterdir()] == ["a.zip"]


def test_links_are_not_followed(cheap: Path) -> None:
    path = pack(cheap / "a.zip", heap(2))
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("secret.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert reasons(read(path)) == {"secret.png": "link"}
    folder = cheap / "folder"
    folder.mkdir()
    for name, content in heap(2).items():
        (folder / name).write_bytes(content)
    (folder / "secret.png").symlink_to(path)
    assert reasons(read(folder)) == {"secret.png": "link"}


def entry(path: Path, name: str, packed: bytes, told: int) -> Path:
    """Add a deflated entry to two sound ones, whose unpacked size is said to be `told`."""
    pack(path, heap(2) | {name: packed}, zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    at = content.rindex(b"PK\x01\x02")  # its entry in the directory, which is the last one
    struct.pack_into("<H", content, at + 10, zipfile.ZIP_DEFLATED)
    struct.pack_into("<L", content, at + 24, told)
    local = struct.unpack_from("<L", content, at + 42)[0]
    struct.pack_into("<H", content, local + 8, zipfile.ZIP_DEFLATED)
    path.write_bytes(content)
    return path


def test_bombs_are_skipped_whatever_they_say_of_their_size(cheap: Path) -> None:
    zeros = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = b"".join(zeros.compress(bytes(1_000_000)) for _ in range(60)) + zeros.flush()
    for told, reason in ((60_000_000, "bomb"), (5000, "damaged")):  # the second one lies
        path = entry(cheap / "a.zip", "bomb.png", packed, told)
        assert reasons(read(path)) == {"bomb.png": reason}
    path = entry(cheap / "a.zip", "huge.png", bytes(2_000_000), 300_000_000)
    assert reasons(read(path)) == {"huge.png": "bytes"}


def test_a_picture_of_144_megapixels_is_left_out_undecoded(cheap: Path) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = struct.pack(">L", zlib.crc32(kind + body))
        return struct.pack(">L", len(body)) + kind + body + checksum

    header = struct.pack(">LLBBBBB", 12_000, 12_000, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1_000_000))
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows)
    own = read(pack(cheap / "a.zip", heap(2) | {"bomb.png": bomb + chunk(b"IEND", b"")}))
    assert reasons(own) == {"bomb.png": "pixels"}


def test_a_hundred_thousand_entries_are_refused_however_many_it_says(cheap: Path) -> None:
    name = b"x.png"
    one = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, len(name),
                      0, 0, 0, 0, 0, 0) + name  # fmt: skip
    directory = one * 100_000
    for told in (100_000 % 65_536, 5, 65_535):
        end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, told, told, len(directory), 0, 0)
        (cheap / "a.zip").write_bytes(directory + end)
        with pytest.raises(BadData, match="more than 20,000 files"):
            read(cheap / "a.zip")


def test_a_directory_as_large_as_a_zip64_record_says_is_not_read(cheap: Path) -> None:
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 10, 10, 50_000_000, 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 50_000_000, 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 10, 10, 0xFFFFFFFF, 0, 0)
    with open(cheap / "a.zip", "wb") as file:
        file.truncate(50_000_000)
        file.seek(0, 2)
        file.write(record + locator + end)
    with pytest.raises(BadData, match="more than 20,000 files"):
        read(cheap / "a.zip")


def test_nested_encrypted_and_strangely_packed_entries_stay_closed(cheap: Path) -> None:
    inner = pack(cheap / "inner.zip", heap(5)).read_bytes()
    path = pack(cheap / "a.zip", heap(2) | {"more.zip": inner, "b.tar.gz": inner})
    with zipfile.ZipFile(path, "a") as archive:
        # These unpack in steps that have no limit.
        archive.writestr("b.png", png(), zipfile.ZIP_BZIP2)
        archive.writestr("l.png", png(), zipfile.ZIP_LZMA)
        archive.writestr("secret.png", png())
    content = bytearray(path.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    expected = dict.fromkeys(["more.zip", "b.tar.gz"], "nested")
    expected |= {"b.png": "packing", "l.png": "packing", "secret.png": "encrypted"}
    assert reasons(read(path)) == expected


def test_registered_sets_and_paths_are_opened_as_carefully(cheap: Path) -> None:
    bomb = b"\x89PNG" + bytes(40_000_000)
    path = pack(cheap / "a.zip", heap(3) | {"../out.png": png(), "bomb.png": bomb})
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("secret.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("l.png", png(), zipfile.ZIP_LZMA)
    with little_memory():
        found = data.load(str(path))
    assert len(found) == 3


def test_what_is_no_picture_is_left_out_with_its_reason(cheap: Path) -> None:
    noise = images.encode_png(Image.effect_noise((64, 64), 50))
    files = {
        "text.png": b"no picture",
        "empty.jpg": b"",
        "cut.png": noise[:900],
        "small.png": png(side=15),
        "thin.png": images.encode_png(Image.new("L", (4000, 1))),
        "drawing.svg": b"<svg/>",
        "notes.txt": b"hello",
        "__MACOSX/._0001.png": b"a ghost",
        ".DS_Store": b"another",
    }
    path = pack(cheap / "a.zip", heap(2) | files)
    content = bytearray(path.read_bytes())
    content[content.index(b"\x00\x010001.png"[2:]) + 40] ^= 0xFF  # within its pixels
    path.write_bytes(content)
    expected = dict.fromkeys(["text.png", "empty.jpg", "cut.png"], "damaged")
    expected |= dict.fromkeys(["small.png", "thin.png"], "tiny")
    expected |= {"drawing.svg": "format", "notes.txt": "other"}
    with pytest.raises(BadData, match="1 can be used.*damaged"):
        read(path)
    path = pack(cheap / "b.zip", heap(3) | files)
    assert reasons(read(path)) == expected


UNUSABLE: dict[str, Callable[[Path], Path]] = {
    "nothing in it": lambda at: pack(at / "a.zip", {}),
    "no pictures": lambda at: pack(at / "a.zip", {"a.txt": b"hello", "b/c.csv": b"1,2"}),
    "one picture": lambda at: pack(at / "a.zip", heap(1, "cats")),
    "only damaged ones": lambda at: pack(at / "a.zip", {f"{i}.png": b"no" for i in range(9)}),
    "only an archive": lambda at: pack(at / "a.zip", {"a.zip": b"PK"}),
    "no zip": lambda at: at / "a.zip" if (at / "a.zip").write_bytes(b"PK no") else at,
    "an empty file": lambda at: [at / "a.zip", (at / "a.zip").write_bytes(b"")][0],
    "half a zip": lambda at: [
        at / "b.zip",
        (at / "b.zip").write_bytes(pack(at / "a.zip", heap(9)).read_bytes()[:-200]),
    ][0],
    "not there": lambda at: at / "nowhere.zip",
    "an empty folder": lambda at: [at / "f", (at / "f").mkdir()][0],
}


def test_what_cannot_be_trained_with_is_a_sentence_without_a_path(cheap: Path) -> None:
    for name, make in UNUSABLE.items():
        (cheap / name).mkdir()
        with pytest.raises(
            BadData, match=r"^pictures: .*; .*\.$|^pictures: .*\. Bring "
        ) as caught:
            read(make(cheap / name))
        assert str(cheap) not in str(caught.value), name


def test_too_much_is_refused_with_the_limit(cheap: Path) -> None:
    path = pack(cheap / "a.zip", heap(6))
    for limits, words in (
        ({"images": 5}, "6 are too many; the limit is 5"),
        ({"total_bytes": 300}, "the limit is 0"),
        ({"kept": 10_000}, "6 of 32×32 need"),
        ({"decoded": 2000}, "megapixels"),
        ({"entries": 5}, "more than 5 files"),
    ):
        with pytest.raises(BadData, match=words):
            read(path, **limits)
