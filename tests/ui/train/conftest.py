"""A studio whose runs wait, and a run that has been trained."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from aigc_demo.studio import Studio
from aigc_demo.training import worker
from aigc_demo.ui.components.workspace import Workspace
from tests import factories
from tests.app_server import ROOT
from tests.conftest import TinyData


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Return a workspace with the shipped models in which nobody trains: its runs wait."""
    monkeypatch.setattr(worker.Workers, "ensure", lambda self: None)
    found = Workspace.of(Studio(ROOT / "checkpoints", runs_root=tmp_path / "runs", device="cpu"))
    found.monitor.fresh_for = 0
    return found


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory: pytest.TempPathFactory, tiny_data: TinyData) -> Path:
    """Return the directory of a GAN that was trained for three steps; nobody may change it."""
    root = tmp_path_factory.mktemp("run")
    factories.train(root, factories.plan("dcgan", tiny_data.zip), "run")
    return root / "run"


@pytest.fixture
def add_run(workspace: Workspace, trained_run: Path) -> Callable[[str], Path]:
    """Return a function that adds a copy of `trained_run` to the workspace."""

    def add(name: str) -> Path:
        # Each copy is newer than the one before.
        return shutil.copytree(trained_run, workspace.root / name, copy_function=shutil.copy)

    return add
