"""What goes wrong in a run ends it with a sentence; the last good model is kept."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
import torch

from aigc_demo.errors import UserError
from aigc_demo.methods import checkpoint
from aigc_demo.methods.vae import VAETrainer
from aigc_demo.training import run_logger, runs
from aigc_demo.training.events import Saved, Scored
from tests import factories
from tests.conftest import TinyData

pytestmark = pytest.mark.usefixtures("one_thread")


def fail_at(step: int, error: Exception, patch: pytest.MonkeyPatch) -> None:
    """Let the step after `step` raise `error`."""
    learn = VAETrainer.update

    def update(self: VAETrainer, *given: Any) -> Any:
        if self.steps == step:
            raise error
        return learn(self, *given)

    patch.setattr(VAETrainer, "update", update)


def follow(root: Path, data: TinyData, kind: type[Exception] = UserError) -> list[Any]:
    """Train until it fails; return the events as they were logged."""
    plan = factories.plan("vae", data.zip, steps=50, save_every=1e-6)
    with pytest.raises(kind):
        factories.train(root, plan)
    return runs.events(root / "run")


def test_no_memory_asks_for_a_smaller_batch_and_keeps_the_model(
    tmp_path: Path, tiny_data: TinyData
) -> None:
    for name, error in {
        "gpu": torch.OutOfMemoryError("CUDA out of memory"),
        "python": MemoryError(),
        "cpu": RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9"),
    }.items():
        with pytest.MonkeyPatch.context() as patch:
            fail_at(2, error, patch)
            *_, last = follow(tmp_path / name, tiny_data)
        assert last.reason == "failed" and last.step >= 1
        assert last.message == "There is no room for a batch of 4; reduce the batch size."
        checkpoint.load(tmp_path / name / "run" / "model")


def test_a_full_disk_is_told(
    tmp_path: Path, tiny_data: TinyData, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path))

    monkeypatch.setattr(run_logger.checkpoint, "save_state", full)
    *_, last = follow(tmp_path, tiny_data)
    assert last.reason == "failed"
    assert last.message.startswith("The disk is full; delete runs")
    assert str(tmp_path) not in last.message


def test_a_bug_is_masked_for_the_visitor_and_logged_for_the_host(
    tmp_path: Path, tiny_data: TinyData, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_at(2, ZeroDivisionError("secret of the inside"), monkeypatch)
    *_, last = follow(tmp_path, tiny_data, ZeroDivisionError)
    assert last.reason == "failed" and "secret" not in last.message
    assert "secret of the inside" in (tmp_path / "run" / "log.txt").read_text()
    assert not runs.is_alive(tmp_path / "run")


def test_a_run_whose_pictures_were_removed_says_so_when_it_goes_on(tmp_path: Path) -> None:
    pictures = factories.write_folder(tmp_path / "pictures")
    directory = runs.create(tmp_path, factories.plan("vae", pictures, steps=50), "run")
    for event in factories.follow(directory):
        if event.step == 2:
            runs.stop(directory)
    for file in pictures.rglob("*.png"):
        file.unlink()
    with pytest.raises(UserError, match="none can be used"):
        list(factories.follow(directory))
    checkpoint.load(directory / "model")


def test_a_scoreless_run_says_why_and_goes_on(
    tmp_path: Path, tiny_data: TinyData, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise UserError("compact has no card.json; copy the whole folder.")

    monkeypatch.setattr("aigc_demo.metrics.feature_extractors.compact", missing)
    plan = factories.plan("vae", tiny_data.zip, score_every=1e-6)
    factories.train(tmp_path, plan)
    events = runs.events(tmp_path / "run")
    scored = [e for e in events if isinstance(e, Scored)]
    assert [(e.value, e.reason[:7]) for e in scored] == [(None, "compact")]
    assert events[-1].reason == "done"


def test_a_run_that_is_killed_early_is_interrupted_and_one_that_is_taken_out_stopped(
    tmp_path: Path, tiny_data: TinyData
) -> None:
    directory = runs.create(tmp_path, factories.plan("vae", tiny_data.zip), "run")
    runs.lock(directory).close()
    assert runs.status(directory, None) == "interrupted"
    runs.stop(directory)
    assert runs.status(directory, None) == "stopped"


def test_what_killed_processes_left_of_a_save_is_deleted(
    tmp_path: Path, tiny_data: TinyData
) -> None:
    directory = runs.create(tmp_path, factories.plan("vae", tiny_data.zip), "run")
    (directory / "model").mkdir()
    for name in (".state.safetensors.1.2", "model/.model.safetensors.1.2", "model/.card.json.1.2"):
        (directory / name).write_bytes(b"half")
    assert list(factories.follow(directory))[-1].reason == "done"
    assert not [p for p in directory.rglob(".*") if p.is_file()]


def test_a_preview_that_finds_no_room_is_not_there(
    tmp_path: Path, tiny_data: TinyData, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_bytes

    def half(path: Path, content: bytes) -> int:
        if path.parent.name != "previews":
            return write(path, content)
        write(path, content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    *_, last = follow(tmp_path, tiny_data)
    assert last.message.startswith("The disk is full")
    assert not list((tmp_path / "run" / "previews").iterdir())


def test_a_run_whose_directory_is_taken_away_ends_and_does_not_make_it_anew(
    tmp_path: Path, tiny_data: TinyData
) -> None:
    plan = factories.plan("vae", tiny_data.zip, steps=50, save_every=1e-6, preview_every=1e6)
    directory = runs.create(tmp_path, plan, "run")
    with pytest.raises(UserError, match="The folder of the run is gone; bring it back"):
        for event in factories.follow(directory):
            if isinstance(event, Saved) and directory.exists():
                directory.rename(tmp_path / "away")
    assert not directory.exists()
    assert runs.events(tmp_path / "away")[-1].reason == "failed"
    checkpoint.load(tmp_path / "away" / "model")


def test_the_state_of_another_run_is_refused(tmp_path: Path, tiny_data: TinyData) -> None:
    factories.train(tmp_path, factories.plan("vae", tiny_data.zip), "other")
    directory = runs.create(tmp_path, factories.plan("dcgan", tiny_data.zip), "run")
    state = (tmp_path / "other" / "state.safetensors").read_bytes()
    (directory / "state.safetensors").write_bytes(state)
    with pytest.raises(UserError, match="is of another run than its plan describes"):
        list(factories.follow(directory))
