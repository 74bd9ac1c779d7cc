"""What browsers leave on the disk has a limit and an end."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from aigc_demo.ui.server import storage
from aigc_demo.ui.server.storage import UploadQuota, tidy

MB = 1_000_000


@pytest.fixture
def quota(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> UploadQuota:
    monkeypatch.setenv("AIGC_MAX_FILES_MB", "20")
    monkeypatch.setattr(storage, "FRESH", 0.0)
    return UploadQuota(tmp_path)


def test_all_files_together_have_a_limit(quota: UploadQuota, tmp_path: Path) -> None:
    assert not quota.refusal("10.0.0.1")
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "large.png").write_bytes(bytes(21 * MB))
    assert "no room for files" in quota.refusal("10.0.0.1")


def test_nobody_fills_what_others_need(
    quota: UploadQuota, monkeypatch: pytest.MonkeyPatch
) -> None:
    quota.note("10.0.0.1", 6 * MB)  # a quarter of 20 MB is 5
    assert "You have sent much" in quota.refusal("10.0.0.1")
    assert not quota.refusal("10.0.0.2")
    later = time.monotonic() + 2 * storage.HOUR
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert not quota.refusal("10.0.0.1")
    assert quota._sent.keys() <= {"10.0.0.1"}  # addresses are forgotten


def test_what_was_left_is_deleted_after_two_hours(tmp_path: Path) -> None:
    old, new = tmp_path / "1" / "tmpabc", tmp_path / "2" / "picture.png"
    for file in (old, new):
        file.parent.mkdir()
        file.touch()
    before = time.time() - storage.KEEP - 1
    os.utime(old, (before, before))
    os.utime(old.parent, (before, before))
    tidy(None, tmp_path)
    assert not old.exists() and new.exists()
