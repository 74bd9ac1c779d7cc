"""Whose run it is: the same rules for the page, programs and the models of runs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from aigc_demo import access
from aigc_demo.access import HOST, acting_as, visitor_with
from aigc_demo.errors import BadValue
from aigc_demo.studio import Studio
from aigc_demo.training import admission, runs
from aigc_demo.ui.components.workspace import Workspace
from aigc_demo.ui.train import api, callbacks
from tests import factories
from tests.conftest import TinyData

ANN, BOB, KEY = "secret of ann's browser", "secret of bob's browser", "the key of the host"


@pytest.fixture(params=["classroom", "public"])
def profile(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AIGC_PROFILE", request.param)
    monkeypatch.setenv("AIGC_HOST_KEY", KEY)
    return request.param


@pytest.fixture(scope="module")
def owned(tmp_path_factory: pytest.TempPathFactory, tiny_data: TinyData) -> Path:
    """Return a folder with two trained runs of Ann's, one of them on her own pictures."""
    root = tmp_path_factory.mktemp("owned")
    with acting_as(visitor_with(ANN)):
        factories.train(root, factories.plan("dcgan", tiny_data.zip), "ann")
    shutil.copytree(root / "ann", root / "private")
    (root / "private" / access.PICTURES).touch()
    return root


@pytest.fixture
def workspace(tmp_path: Path, trained: Path, owned: Path, profile: str) -> Workspace:
    """Return a workspace with the runs of Ann's."""
    root = shutil.copytree(owned, tmp_path / "runs")
    found = Workspace.of(Studio(trained, runs_root=root, device="cpu"))
    found.monitor.fresh_for = 0
    return found


def names(workspace: Workspace) -> set[str]:
    return {run["name"] for run in api.list_runs(workspace)}


def models(workspace: Workspace) -> set[str]:
    return {m.name for m in workspace.studio.models("generate") if m.from_run}


def test_the_owner_and_the_host_see_and_steer_a_run(workspace: Workspace) -> None:
    for who in (visitor_with(ANN), visitor_with(BOB, KEY), HOST):
        with acting_as(who):
            assert names(workspace) == {"ann", "private"}
            assert models(workspace) == {"yours-ann", "yours-private"}
            assert api.steer(workspace, "ann", "pause") == "done"
    with acting_as(visitor_with(ANN)):
        assert api.steer(workspace, "private", "discard") == "discarded"
        assert names(workspace) == {"ann"}


def test_others_see_what_is_shared_and_steer_nothing(workspace: Workspace, profile: str) -> None:
    shared = profile == "classroom"
    for secret in (BOB, "", "short", ANN + "?", "x" * 10_000):
        with acting_as(visitor_with(secret, "not " + KEY)):
            assert names(workspace) == ({"ann"} if shared else set())
            assert models(workspace) == ({"yours-ann"} if shared else set())
            for command in api.COMMANDS:
                with pytest.raises(BadValue, match="somebody else" if shared else "is not a run"):
                    api.steer(workspace, "ann", command)
                with pytest.raises(BadValue, match="is not a run"):
                    api.steer(workspace, "private", command)
            for act, *arguments in (
                (callbacks.download,),
                (callbacks.discard, "ann"),
                (callbacks.ask_to_discard, None),
            ):
                with pytest.raises(BadValue):
                    act(workspace, "ann", *arguments)
            with pytest.raises(BadValue, match="model: "):
                workspace.studio.info("yours-private")
    assert names(workspace) == {"ann", "private"}  # the host's view


def test_a_page_for_ones_own_machine_belongs_to_whoever_opens_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIGC_PROFILE", "own")
    with acting_as(visitor_with(BOB)):
        assert names(workspace) == {"ann", "private"}
        assert api.steer(workspace, "private", "discard") == "discarded"


def test_the_disk_does_not_hold_the_secret(workspace: Workspace) -> None:
    run = workspace.root / "ann"
    assert all(ANN.encode() not in file.read_bytes() for file in run.glob("*.json"))
    assert run.stat().st_mode & 0o077 == 0


def test_a_visitor_needs_a_secret_and_has_so_many_runs(
    tmp_path: Path, tiny_data: TinyData, profile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIGC_MAX_RUNS_EACH", "2")
    plan = factories.plan("vae", tiny_data.zip)
    with acting_as(visitor_with("")), pytest.raises(BadValue, match="^run: .* x-aigc-key"):
        admission.submit(tmp_path, plan)
    with acting_as(visitor_with(ANN)):
        first, _ = (admission.submit(tmp_path, plan) for _ in "ab")
        with pytest.raises(BadValue, match="^runs: you have 2 already; discard one"):
            admission.submit(tmp_path, plan)
        with pytest.raises(BadValue, match="^download: .* is for the host"):
            admission.submit(tmp_path, plan, download=True)
        runs.discard(first)
        admission.submit(tmp_path, plan)
    with acting_as(visitor_with(BOB)):
        admission.submit(tmp_path, plan)
