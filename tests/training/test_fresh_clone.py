"""A fresh clone, without data and without a network, trains at once."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
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

OFFLINE = """
import socket
connect = socket.socket.connect
def only_here(self, address):
    if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
        raise OSError("there is no network")
    return connect(self, address)
socket.socket.connect = only_here
socket.getaddrinfo = lambda *a, **k: (_ for _ in ()).throw(OSError("there is no network"))
"""


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a data root that is not there; nothing is connected to either."""

    def refuse(self: socket.socket, address: Any) -> None:
        raise OSError("there is no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("AIGC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("AIGC_DATA", str(tmp_path / "nowhere"))
    return tmp_path / "nowhere"


@pytest.mark.parametrize(
    ("method", "data"),
    [("dcgan", "shapes"), ("vae", "shapes"), ("flow", "shapes"), ("pix2pix", "outlines"),
     ("cyclegan", "outlines"), ("dcgan", "generated:fashion_mnist-vae?n=64&classes=Bag,Coat"),
     ("flow", "generated:mnist-vae?n=40")],
)  # fmt: skip
def test_it_trains_on_what_it_makes_itself(method: str, data: str, tmp_path: Path) -> None:
    *_, last = factories.train(tmp_path / "runs", factories.plan(method, data))
    assert (last.reason, last.step) == ("done", 3)
    card = checkpoint.read_card(tmp_path / "runs" / "run" / "model")
    assert card.data == data and card.data_licence
    if "classes" in data:
        assert card.classes == ("Bag", "Coat")


def test_the_command_line_trains_without_a_network(tmp_path: Path, nowhere: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(OFFLINE)
    ended = subprocess.run(
        [sys.executable, "train.py", "--threads", "1", "--method", "dcgan", "--steps", "3",
         "--batch", "4", "--set", "width=8", "latent=8", "--runs", str(tmp_path / "runs"),
         "--name", "a", "--data", "generated:fashion_mnist-dcgan?n=600"],
        cwd=ROOT, capture_output=True, text=True, timeout=100,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site"), "AIGC_DEVICE": "cpu"},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "done after 3 steps" in ended.stdout


@pytest.mark.parametrize("preset", ["gan_fashion", "vae_digits", "pix2pix_facades"])
def test_one_click_starts_a_preset(
    preset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker.Workers, "ensure", lambda self: None)
    workspace = Workspace.of(Studio(ROOT / "checkpoints", runs_root=tmp_path / "runs"))
    name = callbacks.queue(workspace, forms.with_local_data(forms.preset_form(preset)))
    assert (workspace.root / name / "queued").exists()
    title = run_text.title(workspace.monitor.view(name))
    assert "here" in title and "generated:" not in title
