"""What a user uploads is validated before anything is trained, whatever it is; each fault is found
in little memory, and nothing is written.
"""

from __future__ import annotations

import contextlib
import io
import stat
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from aigc_demo import data
from aigc_demo.data import Domains
from aigc_demo.data.archives import REASONS
from aigc_demo.data.uploads import user_dataset, validation
from aigc_demo.data.uploads.user_dataset import UserDataset
from aigc_demo.data.uploads.validation import VISITOR_LIMITS
from aigc_demo.errors import BadData
from aigc_demo.imaging import images
from tests import factories


def png(value: int = 0, side: int = 24) -> bytes:
    """Return a picture that differs from those of other values."""
    return images.encode_png(Image.new("RGB", (side, side), (value % 256, value // 256, 90)))


def pack(path: Path, files: dict[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def heap(count: int, folder: str = "", first: int = 0) -> dict[str, bytes]:
    prefix = folder + "/" if folder else ""
    return {f"{prefix}{i:04d}.png": png(first + i) for i in range(count)}


def read(path: Path, size: int = 32, **limits: int) -> UserDataset:
    with little_memory():
        return validation.validate([path], size=size, limits=replace(VISITOR_LIMITS, **limits))


@contextlib.contextmanager
def little_memory() -> Iterator[None]:
    """Fail where the body takes 30 MB."""
    was_tracing = tracemalloc.is_tracing()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    try:
        yield
    finally:
        _, peak = tracemalloc.get_traced_memory()
        if not was_tracing:
            tracemalloc.stop()
        assert peak - before < 30e6


def reasons(own: UserDataset) -> dict[str, str]:
    return {s.name: s.reason for s in own.report.skipped}


@pytest.fixture
def cheap(tmp_path: Path) -> Iterator[Path]:
    """Fail where a test writes beside its zip."""
    folder = tmp_path / "in" / "deep"
    folder.mkdir(parents=True)
    yield folder
    outside = [p for p in tmp_path.rglob("*") if folder not in p.parents]
    assert sorted(outside) == [folder.parent, folder]


# --- Faults of archives --------------------------------------------------------------------------


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


# --- What belongs together -----------------------------------------------------------------------


def test_class_folders_are_classes_whatever_is_around_them(tmp_path: Path) -> None:
    for around, slash in (("", "/"), ("my photos/", "/"), ("a/b/", "\\")):  # Windows writes \\
        files = {around + n: c for n, c in (heap(4, "cats") | heap(3, "dogs", 50)).items()}
        files = {n.replace("/", slash): c for n, c in files.items()}
        own = read(pack(tmp_path / "pets.zip", files | {around + "readme.txt": b"-"}))
        assert own.report.counts == {"cats": 4, "dogs": 3} and own.report.title == "pets"
        assert own.classes == ("cats", "dogs") and own.labels.tolist() == [0] * 4 + [1] * 3
        assert own.images.shape == (7, 3, 32, 32)
        assert own.images[:, 0, 16, 16].tolist() == [0, 1, 2, 3, 50, 51, 52]


def test_a_folder_and_its_zip_are_equal(tmp_path: Path) -> None:
    folder = factories.write_folder(tmp_path / "things")
    one, other = read(folder), read(factories.write_zip(tmp_path / "things.zip", folder))
    assert one.report == other.report
    assert torch.equal(one.images, other.images) and torch.equal(one.labels, other.labels)


def test_images_without_class_folders_and_single_files_have_no_classes(tmp_path: Path) -> None:
    for folder in ("", "only", "train"):
        own = read(pack(tmp_path / "a.zip", heap(4, folder)))
        assert own.classes == () and own.report.layout == "one"
        assert own.report.counts == {"all": 4}
    paths = []
    for name, content in heap(3).items():
        paths.append(tmp_path / name)
        paths[-1].write_bytes(content)
    own = validation.validate(paths, size=32)
    assert own.report.count == 3 and own.classes == ()


def test_two_folders_of_different_names_are_domains_or_classes(tmp_path: Path) -> None:
    files = {f"summer/june {i}.png": png(i) for i in range(4)}
    files |= {f"winter/snow {i}.png": png(50 + i) for i in range(5)}
    own = read(pack(tmp_path / "a.zip", files))
    assert own.report.layout == "two" and (own.pairs == -1).all()
    needs = ("pictures", "domains", "pairs")
    assert [own.report.serves(n) for n in needs] == [True, True, False]
    own.save(tmp_path)
    found = user_dataset.load(tmp_path / user_dataset.IMAGES_FILE, "domains")
    assert isinstance(found, Domains) and not found.paired
    assert found.domains == ("summer", "winter")
    assert (len(found.images), len(found.others[0])) == (4, 5)


def test_two_folders_with_equal_names_are_pairs(tmp_path: Path) -> None:
    tests = heap(2, "testA", 200) | heap(2, "testB", 210)
    for a, b, rest, domains in (
        ("trainA", "trainB", tests, ("A", "B")),
        ("maps", "photos", {}, ("maps", "photos")),
    ):
        files = {n.replace(".png", " elm.png"): x for n, x in heap(6, a).items()} | rest
        names = [n.replace(".png", " elm.png") for n in heap(6, b)]
        files |= {n.replace(".png", ".jpg"): jpg(100 + i) for i, n in enumerate(names)}
        files[f"{a}/0003 elm.png"] = b"damaged"
        own = read(pack(tmp_path / "a.zip", files))
        assert own.report.layout == "pairs" and own.report.serves("pairs")
        own.save(tmp_path)
        found = user_dataset.load(tmp_path / user_dataset.IMAGES_FILE, "pairs")
        assert isinstance(found, Domains) and found.paired
        left, right = (x[:, 0, 0, 0].int().tolist() for x in (found.images, found.others[0]))
        assert left == [0, 1, 2, 4, 5] and [r - 100 for r in right] == pytest.approx(left, abs=2)
        assert found.domains == domains


def jpg(value: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 40), (value, 0, 90)).save(out, "JPEG", quality=95)
    return out.getvalue()


def test_too_many_folders_are_no_classes(tmp_path: Path) -> None:
    own = read(pack(tmp_path / "a.zip", {f"day {i}/a.png": png(i) for i in range(101)}))
    assert own.classes == () and own.report.count == 101
    assert ("many", {"count": 101}) in own.report.warnings


def test_two_classes_with_one_picture_each_train(tmp_path: Path) -> None:
    own = read(pack(tmp_path / "a.zip", heap(1, "a") | heap(1, "b", 9)))
    assert own.report.counts == {"a": 1, "b": 1}
    keys = [key for key, _ in own.report.warnings]
    assert {"few", "rare", "small", "none_held"} <= set(keys)
    plan = factories.plan("dcgan", "yours:a")
    directory = factories.runs.create(tmp_path / "runs", plan, "run", pictures=own)
    *_, last = factories.follow(directory)
    assert last.reason == "done"


def test_captions_survive_to_the_byte(tmp_path: Path) -> None:
    captions = "file,caption\ncats/0000.png,“a cat, 猫”\r\n".encode()
    files = heap(3, "cats") | heap(3, "dogs", 9) | {"captions.csv": captions}
    own = read(pack(tmp_path / "a.zip", files))
    assert own.report.captions == 1 and own.report.skipped == ()
    own.save(tmp_path)
    assert (tmp_path / "captions.csv").read_bytes() == captions
    assert own.names[0] == "cats/0000.png"


# --- The report ----------------------------------------------------------------------------------


def test_the_report_tells_what_to_think_of(tmp_path: Path) -> None:
    files = heap(60, "many") | heap(4, "few", 90) | {"many/copy.png": png(3), "x.png": png(77)}
    report = read(pack(tmp_path / "a.zip", files)).report
    told = dict(report.warnings)
    assert told["few"] == {"least": 100}
    assert told["unequal"] == {"large": "many", "most": 61, "small": "unsorted", "fewest": 1}
    assert told["rare"]["names"] == "few, unsorted"
    assert told["copies"] == {"count": 1} and told["loose"]["count"] == 1
    assert told["small"] == {"count": 66, "size": 32}
    lines = "\n".join(report.lines())
    assert "a: 66 pictures, 3 classes" in lines and "many" in lines and "{" not in lines


def test_every_reason_is_a_word_that_is_known(tmp_path: Path) -> None:
    own = read(pack(tmp_path / "a.zip", heap(2) | {f"{i}.txt": b"" for i in range(30)}))
    lines = own.report.lines(most=5)
    assert lines[-1] == "  … and 25 more" and lines[-2].endswith(REASONS["other"])


def test_names_are_shown_without_signs_that_have_no_form(tmp_path: Path) -> None:
    own = read(pack(tmp_path / "a.zip", heap(2) | {"a\u202egnp.txt": b"", "x" * 300: b""}))
    assert sorted(map(len, reasons(own))) == [9, 120]
    assert "\u202e" not in "".join(own.report.lines())


def test_the_sheet_shows_every_class(tmp_path: Path) -> None:
    files = {n: png(0) for n in heap(100, "a")} | {n: png(255) for n in heap(3, "b")}
    sheet = read(pack(tmp_path / "a.zip", files)).sheet()
    assert sheet.size == (12 * 34 + 2, 4 * 34 + 2)
    assert sheet.getpixel((20, 20))[0] == 0 and sheet.getpixel((400, 120))[0] == 255


def test_pictures_are_cut_to_their_middle_square_and_turned_upright(tmp_path: Path) -> None:
    wide = Image.new("RGB", (96, 32), "red")
    wide.paste("blue", (32, 0, 64, 32))
    turned = Image.new("RGB", (64, 32), "red")
    turned.paste("lime", (0, 0, 32, 32))
    exif = Image.Exif()
    exif[images.ORIENTATION] = 6  # its left is above
    out = io.BytesIO()
    turned.save(out, "JPEG", exif=exif, quality=100, subsampling=0)
    own = read(
        pack(tmp_path / "a.zip", {"a.png": images.encode_png(wide), "b.jpg": out.getvalue()})
    )
    assert own.images[0].float().mean(dim=(1, 2)).tolist() == [0, 0, 255]
    top, bottom = own.images[1, 1, 2].float().mean(), own.images[1, 1, -3].float().mean()
    assert top > 240 and bottom < 15


def test_a_large_photograph_is_decoded_reduced(tmp_path: Path) -> None:
    out = io.BytesIO()
    Image.effect_noise((2000, 1500), 30).convert("RGB").save(out, "JPEG", quality=80)
    files = {f"{i}.jpg": out.getvalue() for i in range(2)}
    own = read(pack(tmp_path / "a.zip", files), decoded=2 * 300 * 300)
    assert own.report.count == 2
    assert 118 < own.images.float().mean() < 138


# --- In a run ------------------------------------------------------------------------------------


def test_the_pictures_are_the_runs_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run goes on when the zip is gone, keeps nothing elsewhere, and takes all with it."""
    monkeypatch.setenv("AIGC_CACHE", str(tmp_path / "cache"))
    path = factories.write_zip(
        tmp_path / "things.zip", factories.write_folder(tmp_path / "things", 30)
    )
    own = replace(validation.validate([path], size=32), flip=True)
    plan = factories.plan("dcgan", "yours:things", score_every=0.01, score_count=60)
    directory = factories.runs.create(tmp_path / "runs", plan, "run", pictures=own)
    path.unlink()
    events = list(factories.follow(directory))
    assert events[-1].reason == "done"
    assert [e for e in events if type(e).__name__ == "Scored"]
    assert not list((tmp_path / "cache").rglob("*"))
    found = user_dataset.load(directory / user_dataset.IMAGES_FILE, "pictures")
    assert torch.equal(found.images, own.images[~own.held_out])
    assert found.classes == factories.SHAPES
    assert found.flip is True and found.private

    longer = plan.model_copy(update={"steps": 5})
    (directory / "plan.json").write_text(longer.model_dump_json())
    started, *_, last = factories.follow(directory)
    assert (started.step, last.step, last.reason) == (3, 5, "done")

    factories.runs.discard(directory)
    assert list((tmp_path / "runs").iterdir()) == []


def test_pictures_that_cannot_be_written_leave_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = read(pack(tmp_path / "a.zip", heap(3)))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(user_dataset.checkpoint, "write_tensors", full)
    with pytest.raises(factories.runs.UserError, match="The disk is full"):
        factories.runs.create(
            tmp_path / "runs", factories.plan("dcgan", "yours:a"), "run", pictures=own
        )
    assert not (tmp_path / "runs" / "run").exists()


def test_translators_are_trained_with_two_folders(tmp_path: Path) -> None:
    own = read(pack(tmp_path / "a.zip", heap(6, "maps") | heap(6, "photos", 40)))
    for method in ("cyclegan", "pix2pix"):
        plan = factories.plan(method, "yours:a", steps=2, batch=2)
        run = factories.runs.create(tmp_path / "runs", plan, method, pictures=own)
        *_, last = factories.follow(run)
        assert last.reason == "done"
        card = factories.checkpoint.read_card(run / "model")
        assert card.domains == ("maps", "photos")


def test_damaged_images_of_a_run_are_reported(tmp_path: Path) -> None:
    (tmp_path / user_dataset.IMAGES_FILE).write_bytes(b"no tensors")
    with pytest.raises(BadData, match="damaged; start it again"):
        user_dataset.load(tmp_path / user_dataset.IMAGES_FILE, "pictures")
