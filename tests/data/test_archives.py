"""Folders, zips and files are opened, and what is none of them is called what it is."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest

from aigc_demo import augment, data
from aigc_demo.data.uploads import validation
from aigc_demo.errors import BadData, BadValue
from aigc_demo.imaging import images
from tests import factories


def test_what_is_missing_or_another_archive_is_called_so(tmp_path: Path) -> None:
    for paths in (["nowhere.zip"], ["nowhere"], ["0000.png", "gone.png"]):
        factories.draw(0, 0).save(tmp_path / "0000.png")
        missing = paths[-1]
        with pytest.raises(BadData, match=f"^pictures: “{missing}” is not there"):
            validation.validate([tmp_path / path for path in paths])
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "0000.png", "a.png")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(tmp_path / "0000.png", "a.png")
    (tmp_path / "a.7z").write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(300))
    (tmp_path / "a.rar").write_bytes(b"Rar!\x1a" + bytes(300))
    (tmp_path / "rar.zip").write_bytes(b"Rar!\x1a" + bytes(300))
    kinds = {"a.tar.gz": "gzip", "a.tar": "tar", "a.7z": "7z", "a.rar": "rar", "rar.zip": "rar"}
    for name, kind in kinds.items():
        with pytest.raises(BadData, match=f"^pictures: {kind} archives .*; pack it as a zip"):
            validation.validate([tmp_path / name])
        with pytest.raises(BadData, match=f"{kind} archives .*; pack it as a zip"):
            data.load(str(tmp_path / name))


def test_a_path_that_is_long_or_deep_is_left_out(tmp_path: Path) -> None:
    picture = images.encode_png(factories.draw(0, 0))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("0", "1", "d/" * 20 + "2", "d/" * 19 + "3", "d" * 1001, "e" * 900):
            archive.writestr(f"{name}.png", picture)
    report = validation.validate([tmp_path / "a.zip"], size=16).report
    assert report.count == 4
    assert [s.reason for s in report.skipped] == ["path"] * 2


@pytest.mark.parametrize("name", ["😀" * 100, "a\0b"])
def test_a_name_that_no_system_has_names_nothing(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadValue, match="there is no data set or folder"):
        data.load(name)
    with pytest.raises(BadData, match="is not there; check its name"):
        validation.validate([tmp_path / name])
    with pytest.raises(BadValue, match="there is no file"):
        augment.read(f"{name}.json")
    assert data.title_of(f"generated:{name}") == f"generated:{name}"


@pytest.mark.parametrize("name", ["😀" * 100, "nowhere"])
def test_a_checkpoint_to_start_from_may_have_any_name(name: str, tmp_path: Path) -> None:
    pictures = factories.write_folder(tmp_path / "pictures")
    with pytest.raises(BadValue, match="init: there is no such folder"):
        factories.train(tmp_path, factories.plan("vae", pictures, init=name))


def test_a_file_whose_own_header_is_damaged_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(4):
            archive.writestr(f"é{i}.png", images.encode_png(factories.draw(0, i)))
    content = bytearray(path.read_bytes())
    content[content.index("é1".encode()) + 1] = 0xFF  # no UTF-8, whereas the directory is sound
    end = content.rindex(b"PK\x01\x02")
    content[end + 42 : end + 46] = (len(content) - 5).to_bytes(4, "little")  # cut off
    path.write_bytes(content)
    report = validation.validate([path], size=16).report
    assert report.count == 2
    assert [(s.name, s.reason) for s in report.skipped] == [
        ("é1.png", "damaged"),
        ("é3.png", "damaged"),
    ]
