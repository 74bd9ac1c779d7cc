"""Which runs are admitted: none is endless, too large for the machine, or one too many."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aigc_demo.access import HOST, acting_as, visitor_with
from aigc_demo.errors import BadValue
from aigc_demo.training import admission, run_control, runs
from aigc_demo.training.events import Finished
from tests import factories
from tests.conftest import TinyData


@pytest.fixture(autouse=True)
def visited(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Act as a visitor of a public page."""
    monkeypatch.setenv("AIGC_PROFILE", "public")
    with acting_as(visitor_with("the secret of ann's browser")):
        yield


def test_every_run_has_a_time_limit(tmp_path: Path, tiny_data: TinyData) -> None:
    for seconds, admitted in ((None, 600), (60, 60)):
        plan = factories.plan("dcgan", tiny_data.zip, steps=50_000, seconds=seconds)
        directory = admission.submit(tmp_path, plan)
        assert runs.read_plan(directory).seconds == admitted
    for fields, named in (({"seconds": 601}, "minutes: "), ({"steps": 50_001}, "steps: ")):
        with pytest.raises(BadValue, match=named):
            admission.submit(tmp_path, factories.plan("dcgan", tiny_data.zip, **fields))


@pytest.mark.usefixtures("one_thread")
def test_a_pause_ends(tmp_path: Path, tiny_data: TinyData) -> None:
    directory = runs.create(tmp_path, factories.plan("dcgan", tiny_data.zip, steps=10_000))
    run_control.set_pace(directory, "pause")
    events = list(factories.follow(directory, max_pause=0.3))
    assert isinstance(events[-1], Finished)
    assert events[-1].reason == "stopped" and "paused" in events[-1].message


def test_a_run_that_the_machine_has_no_room_for_is_refused(
    tmp_path: Path, tiny_data: TinyData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIGC_MAX_MEMORY", "4000")
    for width, batch in ((64, 4096), (256, 512)):
        fields = {"config": {"width": width}, "batch": batch}
        with pytest.raises(BadValue, match="batch: this run would need about"):
            admission.submit(tmp_path, factories.plan("dcgan", tiny_data.zip, **fields))
    assert not runs.directories(tmp_path)


def test_who_resumes_keeps_to_the_limits_too(
    tmp_path: Path, tiny_data: TinyData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIGC_MAX_WAITING", "1")
    stopped = runs.create(tmp_path, factories.plan("dcgan", tiny_data.zip), "stopped")
    admission.submit(tmp_path, factories.plan("dcgan", tiny_data.zip))
    with pytest.raises(BadValue, match="1 runs wait already"):
        admission.resume(stopped)


def test_an_address_has_a_share_of_the_places_whatever_secrets_it_sends(
    tmp_path: Path, tiny_data: TinyData
) -> None:
    plan, admitted = factories.plan("dcgan", tiny_data.zip), []
    for i, address in enumerate(("1.1.1.1", "1.1.1.1", "2.2.2.2", "1.1.1.1")):
        with acting_as(visitor_with(f"a new secret each time {i}", address=address)):
            try:
                admission.submit(tmp_path, plan)
                admitted.append(i)
            except BadValue as problem:
                assert "1 of the runs that wait are from your network" in str(problem)
    assert admitted == [0, 2]


def test_runs_have_a_share_of_the_disk(
    tmp_path: Path, tiny_data: TinyData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIGC_MAX_RUNS_MB", "10")
    (runs.create(tmp_path, factories.plan("dcgan", tiny_data.zip), "a") / "b").write_bytes(
        bytes(10_000_001)
    )
    with pytest.raises(BadValue, match="no room for another run"):
        admission.submit(tmp_path, factories.plan("dcgan", tiny_data.zip))


def test_what_a_visitor_left_is_deleted_and_the_hosts_own_runs_stay(
    tmp_path: Path, tiny_data: TinyData
) -> None:
    with acting_as(HOST):
        own = runs.create(tmp_path, factories.plan("dcgan", tiny_data.zip), "own")
    old, new = (
        runs.create(tmp_path, factories.plan("dcgan", tiny_data.zip), n) for n in ("old", "new")
    )
    before = time.time() - 2 * 86_400
    for directory in (own, old):
        for file in directory.glob("*"):
            os.utime(file, (before, before))
    admission.remove_old(tmp_path)
    assert runs.directories(tmp_path) == sorted([own, new])


def test_visitors_do_not_have_data_sets_downloaded(tmp_path: Path, tiny_data: TinyData) -> None:
    plan = factories.plan("dcgan", tiny_data.zip)
    with pytest.raises(BadValue, match="download: "):
        admission.submit(tmp_path, plan, download=True)
