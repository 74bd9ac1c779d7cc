"""The cache saves time and never costs a result."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
import torch

from aigc_demo.methods import tensor_cache

TENSORS = {"x": torch.arange(12.0).reshape(3, 4), "y": torch.tensor([1, 2])}


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the cache folder of this test."""
    monkeypatch.setenv("AIGC_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_what_was_written_is_read_until_the_key_differs(root: Path) -> None:
    tensors = TENSORS | {"z": TENSORS["x"].T}  # not contiguous
    tensor_cache.write("a/b", tensors, {"classes": ["é", "b"], "n": 2})
    entry = tensor_cache.read("a/b", ["y", "z"])
    assert entry is not None and list(entry.tensors) == ["y", "z"]
    assert torch.equal(entry.tensors["z"], tensors["z"]) and entry.tensors["y"].tolist() == [1, 2]
    assert entry.metadata == {"classes": ["é", "b"], "n": 2}
    assert tensor_cache.read("a/c", ["x"]) is None
    assert tensor_cache.read("a/b", ["x", "other"]) is None
    assert [p.name for p in root.rglob("*.*")] == ["b.safetensors"]


def test_a_damaged_entry_is_missing_and_can_be_written_again(root: Path) -> None:
    tensor_cache.write("a", TENSORS)
    (file,) = root.iterdir()
    whole = file.read_bytes()
    for content in (b"", b"no safetensors", b"\x08\0\0\0\0\0\0\0{}", whole[:-1], whole[:20]):
        file.write_bytes(content)
        assert tensor_cache.read("a", ["x"]) is None
    tensor_cache.write("a", TENSORS)
    assert tensor_cache.read("a", ["x"]) is not None


def test_a_folder_that_cannot_be_written_or_read_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("AIGC_CACHE", str(tmp_path / "file" / "below"))
    tensor_cache.write("a", TENSORS)
    assert tensor_cache.read("a", ["x"]) is None


def test_a_full_disk_leaves_nothing_behind(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(tensors: object, path: Path, metadata: object) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tensor_cache.checkpoint, "save_file", full)
    tensor_cache.write("a", TENSORS)
    assert list(root.iterdir()) == []


def test_a_reader_never_sees_half_of_an_entry() -> None:
    tensor_cache.write("a", TENSORS)
    writer = threading.Thread(target=lambda: [tensor_cache.write("a", TENSORS) for _ in range(50)])
    writer.start()
    while writer.is_alive():
        assert tensor_cache.read("a", ["x", "y"]) is not None
    writer.join()


def test_a_file_that_was_written_again_has_another_key(tmp_path: Path) -> None:
    file, other = tmp_path / "a.zip", tmp_path / "b.zip"
    keys = []
    for content in (b"1", b"22"):
        file.write_bytes(content)
        keys.append(tensor_cache.file_key(file))
    other.write_bytes(b"22")
    assert len({*keys, tensor_cache.file_key(other)}) == 3


def test_the_oldest_of_a_kind_make_room(root: Path) -> None:
    for i, key in enumerate(("samples-a", "samples-b", "other", "samples-c")):
        tensor_cache.write(key, TENSORS)
        os.utime(root / f"{key}.safetensors", (i, i))
    tensor_cache.prune("samples-", (root / "samples-c.safetensors").stat().st_size)
    assert {p.stem for p in root.iterdir()} == {"other", "samples-c"}
