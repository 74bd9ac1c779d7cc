"""A fresh clone, without data and without a network, trains at once."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from aigc_demo.methods import checkpoint
from aigc_demo.studio import Studio
from aigc_demo.training import worker
from aigc_demo.ui.components.workspace import Workspace
from aigc_demo.ui.train import callbacks, form as forms, run_text
from tests import factories
from tests.app_server import ROOT


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a data root that is not there; nothing is connected to either."""

    def refuse(self: socket.socket, address: Any) -> None:
        raise OSError("there is no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("AIGC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("AIGC_DATA", str(tmp_path / "nowhere"))
    return tmp_path / "nowhere"


def test_it_trains_on_what_it_makes_itself(tmp_path: Path) -> None:
    for i, (method, data) in enumerate(
        [
            ("vae", "shapes"),
            ("pix2pix", "outlines"),
            ("dcgan", "generated:fashion_mnist-vae?n=64&classes=Bag,Coat"),
        ]
    ):
        *_, last = factories.train(tmp_path, factories.plan(method, data), f"run{i}")
        assert (last.reason, last.step) == ("done", 3)
        card = checkpoint.read_card(tmp_path / f"run{i}" / "model")
        assert card.data == data and card.data_licence
    assert card.classes == ("Bag", "Coat")


def test_one_click_starts_a_preset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker.Workers, "ensure", lambda self: None)
    workspace = Workspace.of(Studio(ROOT / "checkpoints", runs_root=tmp_path / "runs"))
    for preset in ("vae_digits", "pix2pix_facades"):
        name = callbacks.queue(workspace, forms.with_local_data(forms.preset_form(preset)))
        assert (workspace.root / name / "queued").exists()
        title = run_text.title(workspace.monitor.view(name))
        assert "here" in title and "generated:" not in title
