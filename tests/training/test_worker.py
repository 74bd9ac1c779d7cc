"""Runs are trained by a process of their own: queued, one at a time, whatever is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aigc_demo.errors import BadValue
from aigc_demo.methods import checkpoint
from aigc_demo.training import admission, run_control, runs, worker
from aigc_demo.training.events import Paused, Started
from tests import factories
from tests.app_server import ROOT
from tests.conftest import TinyData


def until(condition: Callable[[], Any], seconds: float = 240) -> Any:
    """Wait for `condition` to be true and return its value."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
    return value


def last(directory: Path) -> Any:
    return (runs.events(directory) or [Paused(0)])[-1]


def steps(directory: Path) -> int:
    return last(directory).step


def reason(directory: Path) -> str | None:
    return getattr(last(directory), "reason", None)


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[worker.Workers]:
    """Return the workers of an app whose runs are in `tmp_path`; all are killed afterwards."""
    found = worker.Workers(tmp_path)
    yield found
    for directory in runs.directories(tmp_path):
        runs.stop(directory)
    for process in found._processes:
        process.kill()
        process.wait()


def endless(data: TinyData, **fields: Any) -> Any:
    return factories.plan("dcgan", data.zip, **{"steps": 1_000_000, "save_every": 0.2} | fields)


def test_queued_runs_are_trained_in_order_whatever_becomes_of_those_before(
    tmp_path: Path, tiny_data: TinyData, workers: worker.Workers
) -> None:
    first = admission.submit(tmp_path, endless(tiny_data))
    failing = admission.submit(tmp_path, factories.plan("dcgan", tmp_path / "removed.zip"))
    third, fourth = (admission.submit(tmp_path, endless(tiny_data, steps=n)) for n in (4, 10**6))
    workers.ensure()
    until(lambda: steps(first) > 3)
    assert runs.waiting(tmp_path) == [failing, third, fourth]
    assert runs.status(first, last(first)) == "training"
    assert runs.status(failing, None) == "waiting"
    runs.stop(first)
    until(lambda: steps(fourth) > 2)
    assert [reason(d) for d in (first, failing, third)] == ["stopped", "failed", "done"]
    assert last(failing).message.startswith("data: there is no data set or folder")
    checkpoint.load(third / "model")
    runs.discard(fourth)
    assert fourth not in runs.directories(tmp_path)
    until(lambda: not fourth.exists())


def test_a_killed_worker_interrupts_its_run_which_then_goes_on(
    tmp_path: Path, tiny_data: TinyData, workers: worker.Workers
) -> None:
    directory = admission.submit(tmp_path, endless(tiny_data))
    workers.ensure()
    until(lambda: (directory / "model").is_dir() and steps(directory) > 3)
    workers._processes[0].kill()
    workers._processes[0].wait()
    assert runs.status(directory, last(directory)) == "interrupted"
    assert not runs.is_alive(directory)
    _, card = checkpoint.load(directory / "model")
    admission.resume(directory)
    workers.ensure()
    started = until(
        lambda: [e for e in runs.events(directory) if isinstance(e, Started) and e.step]
    )
    assert started[0].step >= card.steps > 0


APP = """
import sys, time
from pathlib import Path
from aigc_demo.training import worker
workers = worker.Workers(Path(sys.argv[1]))
workers.ensure()
print(workers._processes[0].pid, flush=True)
time.sleep(600)
"""


def test_a_run_survives_the_app_and_the_worker_ends_after_it(
    tmp_path: Path, tiny_data: TinyData
) -> None:
    directory = admission.submit(tmp_path, endless(tiny_data))
    app = subprocess.Popen(
        [sys.executable, "-c", APP, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    pid = int(app.stdout.readline())
    until(lambda: steps(directory) > 2)
    app.send_signal(signal.SIGKILL)
    app.wait()
    before = steps(directory)
    until(lambda: steps(directory) > before)
    run_control.set_pace(directory, "pause")
    until(lambda: isinstance(last(directory), Paused))
    runs.stop(directory)
    assert until(lambda: reason(directory)) == "stopped"

    def gone() -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        # Nobody may be there to collect an orphan in a container.
        return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"

    until(gone)


def test_a_run_of_the_command_line_takes_a_place(tmp_path: Path, tiny_data: TinyData) -> None:
    queued = admission.submit(tmp_path, factories.plan("vae", tiny_data.zip))
    by_hand = runs.create(tmp_path, factories.plan("vae", tiny_data.zip))
    held = runs.lock(by_hand)
    assert worker.claim(tmp_path) is None
    held.close()
    directory, lock = worker.claim(tmp_path)
    assert directory == queued and worker.claim(tmp_path) is None
    lock.close()


def test_a_run_is_trained_by_one_process_only(
    tmp_path: Path, tiny_data: TinyData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "LOCK_TIMEOUT", 0.05)
    directory = runs.create(tmp_path, factories.plan("vae", tiny_data.zip))
    with runs.lock(directory), pytest.raises(BadValue, match="is being trained already"):
        list(factories.follow(directory))


def test_a_run_that_waits_can_be_stopped_and_discarded(
    tmp_path: Path, tiny_data: TinyData
) -> None:
    stopped, discarded = (
        admission.submit(tmp_path, factories.plan("vae", tiny_data.zip)) for _ in "ab"
    )
    runs.stop(stopped)
    assert runs.waiting(tmp_path) == [discarded]
    runs.discard(discarded)
    assert not discarded.exists()
    assert runs.directories(tmp_path) == [stopped]


def test_the_queue_has_an_end(
    tmp_path: Path, tiny_data: TinyData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIGC_MAX_WAITING", "2")
    for _ in range(2):
        admission.submit(tmp_path, factories.plan("vae", tiny_data.zip))
    with pytest.raises(BadValue, match="2 runs wait already; stop one"):
        admission.submit(tmp_path, factories.plan("vae", tiny_data.zip))
    monkeypatch.setenv("AIGC_MAX_RUNS", "0")
    with pytest.raises(BadValue, match="switched training off"):
        admission.submit(tmp_path, factories.plan("vae", tiny_data.zip))
    with pytest.raises(BadValue, match="switched training off"):
        admission.resume(runs.create(tmp_path, factories.plan("vae", tiny_data.zip), "a"))


def test_a_worker_trains_with_the_priority_that_the_host_sets(
    workers: worker.Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIGC_NICE", "7")
    workers.ensure()
    (process,) = workers._processes
    until(lambda: os.getpriority(os.PRIO_PROCESS, process.pid) == 7)
