"""Folders, zips and files are opened, and what is none of them is called what it is."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from aigc_demo import data
from aigc_demo.data.uploads import validation
from aigc_demo.errors import BadData
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
