"""What the buttons do, without a page: runs are queued and steered, their models are used."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aigc_demo.errors import BadValue
from aigc_demo.methods import checkpoint
from aigc_demo.training import run_control, runs
from aigc_demo.ui.components.workspace import Workspace
from aigc_demo.ui.train import callbacks, form as forms
from tests import factories
from tests.conftest import TinyData
from tests.ui.train.test_form import FORM, changed

AddRun = Callable[[str], Path]


def test_a_preset_fills_in_the_form_and_hides_what_its_method_does_not_have(
    workspace: Workspace,
) -> None:
    updates = callbacks.fill_preset(workspace, "gan_fashion")
    assert updates["method"] == "dcgan" and updates["batch"] == 8
    assert updates["loss"].visible and updates["r1"].visible and updates["diffaugment"].visible
    assert updates["stand_in"].visible == (updates["data"].value != "fashion_mnist")
    assert updates["latent"].visible and updates["latent"].value == 100
    updates = callbacks.fill_method(workspace, "flow", "mnist", 2.0)
    assert not updates["latent"].visible
    assert updates["minutes"] == 2 and updates["data"].value == "mnist"
    assert not (updates["loss"].visible or updates["r1"].visible or updates["diffaugment"].visible)


def test_a_data_set_that_is_not_here_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callbacks, "all_available", lambda: ["mnist"])
    titles = {name: title for title, name in callbacks.dataset_choices("vae")}
    assert not titles["mnist"].endswith("↓") and titles["cifar10"].endswith(" ↓")


def test_a_start_needs_the_data_or_leave_to_download_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callbacks, "available", lambda: [])
    with pytest.raises(BadValue, match="fashion_mnist is not here yet; tick the download"):
        callbacks.queue(workspace, FORM)
    with pytest.raises(BadValue, match="facades is not here yet; copy its zip"):
        callbacks.queue(workspace, forms.preset_form("pix2pix_facades"))
    assert runs.directories(workspace.root) == []
    run = callbacks.start(workspace, changed(download=True))["run"]
    assert [run.value] == [name for _, name in run.choices]
    settings = (workspace.root / run.value / runs.QUEUED).read_text()
    assert json.loads(settings) == {"download": True}


def test_the_host_limits_the_budget(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callbacks, "available", lambda: ["fashion_mnist"])
    monkeypatch.setenv("AIGC_MAX_MINUTES", "2")
    with pytest.raises(BadValue, match="^minutes: 3 is over this host's limit; ask for 2"):
        callbacks.queue(workspace, FORM)
    monkeypatch.setenv("AIGC_MAX_STEPS", "10")
    with pytest.raises(BadValue, match="^steps: 11 is over"):
        callbacks.queue(workspace, changed(minutes=1, steps=11))
    assert runs.directories(workspace.root) == []


def test_commands_become_files(workspace: Workspace, tiny_data: TinyData) -> None:
    directory = runs.create(workspace.root, factories.plan("dcgan", tiny_data.zip), "run")

    def click(command: str) -> None:
        assert callbacks.button(command)(workspace, "run") == {}

    with runs.lock(directory):
        for command in ("pause", "slow"):
            click(command)
            assert run_control.read(directory).pace == command
        click("step_generator")
        control = run_control.read(directory)
        assert (control.pace, control.granted, control.part) == ("pause", 1, "generator")
        click("step_both")
        control = run_control.read(directory)
        assert (control.pace, control.granted, control.part) == ("pause", 2, None)
        click("resume")
        assert run_control.read(directory).pace == "run"
        assert not (directory / runs.QUEUED).exists()
        click("stop")
        assert (directory / "stop").exists()
    run_control.set_pace(directory, "pause")
    click("resume")
    assert (directory / runs.QUEUED).exists() and run_control.read(directory).pace == "run"
    updates = callbacks.discard(workspace, "run", "run")
    assert updates["run"].value is None and not updates["discard_sure"].visible
    assert not directory.exists()


def test_a_confirmation_is_about_the_run_that_it_was_asked_for(
    workspace: Workspace, tiny_data: TinyData
) -> None:
    for name in ("a", "b"):
        runs.create(workspace.root, factories.plan("dcgan", tiny_data.zip), name)
    request: Any = SimpleNamespace(headers={})
    asked = callbacks.ask_to_discard(workspace, "a", request)
    assert asked["armed"] == "a" and "a · " in asked["discard_sure"].value
    for run, armed in (("b", "a"), ("b", None), (None, "a")):
        with pytest.raises(BadValue, match="^run: another one is shown now"):
            callbacks.discard(workspace, run, armed)
    assert (workspace.root / "b").exists()
    taken_back = callbacks.disarm(workspace)
    assert taken_back["armed"] is None and not taken_back["discard_sure"].visible


def test_a_command_without_a_run_is_refused(workspace: Workspace) -> None:
    for run in (None, "", "../x", "nothing", "a\x00"):
        for command in ("pause", "resume", "stop", "discard", "step_both"):
            with pytest.raises(BadValue, match="^(run|name): "):
                callbacks.send(workspace, run, command)


def test_the_model_of_a_run_can_be_used_and_downloaded(
    workspace: Workspace, add_run: AddRun, tmp_path: Path
) -> None:
    directory = add_run("run")
    request = callbacks.use(workspace, "run")
    assert request.model == "yours-run"
    info = workspace.studio.info(request.model)
    assert info.from_run and info.labels == factories.SHAPES
    small = request.model_copy(update={"count": 2})
    assert len(workspace.studio.generate(small).images) == 2
    with zipfile.ZipFile(callbacks.download(workspace, "run")["model_file"]) as archive:
        assert sorted(archive.namelist()) == ["run/card.json", "run/model.safetensors"]
        archive.extractall(tmp_path / "out")
    _, card = checkpoint.load(tmp_path / "out" / "run")
    assert card.steps == 3
    runs.discard(directory)
    assert "yours-run" not in [m.name for m in workspace.studio.models()]


def test_a_run_without_a_model_says_so(workspace: Workspace, tiny_data: TinyData) -> None:
    runs.create(workspace.root, factories.plan("dcgan", tiny_data.zip), "run")
    for ask in (callbacks.use, callbacks.download):
        with pytest.raises(BadValue, match="has no model yet; wait"):
            ask(workspace, "run")
