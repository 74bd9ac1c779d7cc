"""The process that trains the runs of the page, one after the other, apart from the page.

``python -m aigc_demo.training.worker RUNS`` trains the queued runs in the folder RUNS, the oldest
first, as long as no more than ``AIGC_MAX_RUNS`` (1) runs are trained at a time by any process. It
imports everything before there is anything to do, so that a run starts at once. It outlives the
app that started it until its work is done: a restart or a crash of the app does not end a run, and
a crash of the worker does not end the app.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import IO

import torch

from aigc_demo import device as devices, settings
from aigc_demo.errors import UserError
from aigc_demo.training import admission, runs

POLL_SECONDS = 0.2  # between two looks at the queue
QUEUE_LOCK, LOG = ".queue.lock", "worker.log"
# Threads that wait for each other sleep soon: spinning, they would take the app's time.
LITTLE_SPINNING = {"GOMP_SPINCOUNT": "1000", "KMP_BLOCKTIME": "0"}


class Workers:
    """The app's side: keeps a worker ready for each run that may be trained."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._processes: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()

    def ensure(self) -> None:
        """Start workers where there are fewer than runs may be trained: at first, or when one has
        died.
        """
        with self._lock:
            self._processes = [p for p in self._processes if p.poll() is None]
            for _ in range(admission.max_runs() - len(self._processes)):
                self._processes.append(self._start())

    def _start(self) -> subprocess.Popen[bytes]:
        package = Path(__file__).resolve().parents[2]
        paths = [str(package), *filter(None, [os.environ.get("PYTHONPATH")])]
        self.root.mkdir(parents=True, exist_ok=True)
        with open(self.root / LOG, "ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "aigc_demo.training.worker", str(self.root)],
                env=os.environ | {"PYTHONPATH": os.pathsep.join(paths), **LITTLE_SPINNING},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


# --- The worker's side ---------------------------------------------------------------------------


def main() -> None:
    """Train queued runs until the queue is empty and the app that started this process is gone."""
    root, parent = Path(sys.argv[1]), os.getppid()
    _lower_priority()
    devices.set_threads(settings.whole("AIGC_THREADS") or None)
    _warm_up()
    while True:
        claimed = claim(root)
        if claimed:
            _train(*claimed)
        elif os.getppid() != parent:
            return
        else:
            time.sleep(POLL_SECONDS)


def claim(root: Path) -> tuple[Path, IO[str]] | None:
    """Return the run to train now and its lock, or None; no two workers get the same."""
    if not runs.waiting(root):
        return None
    with open(root / QUEUE_LOCK, "w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        queue = runs.waiting(root)
        if not queue or len(runs.alive(root)) >= admission.max_runs():
            return None
        return queue[0], runs.lock(queue[0])


def _train(directory: Path, lock: IO[str]) -> None:
    """Train a run to its end; a failure is in its log and does not end the worker."""
    try:
        queued = json.loads((directory / runs.QUEUED).read_text(encoding="utf-8"))
        may = {"download": queued.get("download") is True, "max_pause": admission.max_pause()}
        for _ in runs.run(directory, held=lock, **may):
            pass
    except UserError:
        pass  # the run's last event says why
    except Exception:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            (directory / runs.QUEUED).unlink(missing_ok=True)
        lock.close()


def _lower_priority() -> None:
    """Let every other process go first, or as ``AIGC_NICE`` says (0: like any other, 19: last)."""
    nice = settings.whole("AIGC_NICE")
    with contextlib.suppress(OSError):
        os.nice(nice)
    # A session of its own is a group of its own for Linux, which shares the time among groups.
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(nice))


def _warm_up() -> None:
    """Make torch do once what it does lazily the first time."""
    layer = torch.nn.Conv2d(8, 8, 3)
    layer(torch.zeros(1, 8, 8, 8)).sum().backward()


if __name__ == "__main__":
    main()
