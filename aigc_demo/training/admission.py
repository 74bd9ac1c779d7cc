"""The one place that admits runs to the queue: whose they are, how long, how large, how many.

The limits are the host's (docs/HOSTING.md); a run that is admitted keeps to them, since its plan
has a time limit and the loop counts its pauses.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

from aigc_demo import access, settings
from aigc_demo.data.uploads.user_dataset import UserDataset
from aigc_demo.errors import BadValue
from aigc_demo.methods import checkpoint
from aigc_demo.requests import TrainPlan
from aigc_demo.training import memory, runs
from aigc_demo.training.session import check_plan

MIN_FREE = 300_000_000  # bytes of the disk that no run may use
DAY = 86_400  # seconds
ADDRESS_SHARE = 4  # of the runs that may wait, an address may have a quarter, and one at least

_addresses: dict[Path, str] = {}  # where runs that wait were asked for; the disk does not hold it


def max_runs() -> int:
    """Return how many runs may be trained at a time (``AIGC_MAX_RUNS``; 0: none)."""
    return settings.whole("AIGC_MAX_RUNS")


def max_minutes() -> int:
    """Return the longest budget of a run that the page starts (``AIGC_MAX_MINUTES``)."""
    return settings.whole("AIGC_MAX_MINUTES")


def max_steps() -> int:
    """Return the most steps of a run that the page starts (``AIGC_MAX_STEPS``)."""
    return settings.whole("AIGC_MAX_STEPS")


def max_waiting() -> int:
    """Return how many runs may wait (``AIGC_MAX_WAITING``)."""
    return settings.whole("AIGC_MAX_WAITING")


def max_pause() -> float:
    """Return how many seconds a run may be paused or in slow motion (``AIGC_MAX_PAUSE``)."""
    return 60.0 * settings.whole("AIGC_MAX_PAUSE")


def submit(
    root: Path,
    plan: TrainPlan,
    *,
    download: bool = False,
    name: str | None = None,
    pictures: UserDataset | None = None,
) -> Path:
    """Create a run for `plan`, on the user's own `pictures` if given, and queue it; it belongs to
    who asks. A plan without a time limit gets the host's.

    Raises BadValue where the plan cannot be run or exceeds the host's limits, or there are too
    many runs.
    """
    plan = check(plan, pictures=pictures)
    if download and not settings.whole("AIGC_DOWNLOADS"):
        access.check_host("download: fetching data sets")
    remove_old(root)
    _check_place(root)
    _check_number(root)
    directory = runs.create(root, plan, name, pictures=pictures)
    _queue(directory, download=download)
    return directory


def check(plan: TrainPlan, *, pictures: UserDataset | None = None) -> TrainPlan:
    """Return `plan` with a time limit; raises BadValue where it cannot be run here."""
    _check_on()
    method = check_plan(plan)
    for what, asked, most in (
        ("minutes", (plan.seconds or 0) / 60, max_minutes()),
        ("steps", plan.steps or 0, max_steps()),
    ):
        if asked > most:
            raise BadValue(f"{what}: {asked:,.10g} is over this host's limit; ask for {most:,}.")
    memory.check(plan, method, classes=len(pictures.classes) if pictures else None)
    return plan.model_copy(update={"seconds": plan.seconds or 60.0 * max_minutes()})


def resume(directory: Path) -> None:
    """Queue a run for a worker, which continues it from its last checkpoint, unless it is trained.

    Raises BadValue where nothing is trained or too many runs wait.
    """
    if runs.is_alive(directory) or (directory / runs.QUEUED).exists():
        return
    _check_on()
    _check_place(directory.parent)
    _queue(directory)


def remove_old(root: Path) -> None:
    """Delete the runs of visitors that ended more than ``AIGC_KEEP_DAYS`` ago (0: none)."""
    days = settings.whole("AIGC_KEEP_DAYS")
    for directory in runs.directories(root) if days else ():
        last = max((file.stat().st_mtime for file in directory.glob("*")), default=0.0)
        if access.owner_of(directory) and time.time() - last > days * DAY:
            runs.discard(directory)


def size_of(folder: Path) -> int:
    """Return how many bytes the files below `folder` have."""
    total = 0
    for parent, _, files in os.walk(folder):
        for file in files:
            try:
                total += os.lstat(os.path.join(parent, file)).st_size
            except OSError:
                continue  # deleted meanwhile
    return total


def _queue(directory: Path, *, download: bool = False) -> None:
    _addresses[directory] = access.visitor().address
    checkpoint.write_text(directory / runs.QUEUED, json.dumps({"download": download}))


def _check_on() -> None:
    if not max_runs():
        raise BadValue("queue: the host of this studio has switched training off; ask for it.")


def _check_place(root: Path) -> None:
    """Raise BadValue where too many runs wait or there is no room on the disk for one more."""
    waiting, who = runs.waiting(root), access.visitor()
    theirs = sum(bool(who.address) and _addresses.get(r) == who.address for r in waiting)
    if len(waiting) >= max_waiting():
        raise BadValue(
            f"queue: {max_waiting()} runs wait already; stop one of them or try again later."
        )
    if theirs >= max(1, max_waiting() // ADDRESS_SHARE) and not who.host:
        raise BadValue(
            f"queue: {theirs} of the runs that wait are from your network; stop one of them or "
            "try again later."
        )
    for run in _addresses.keys() - set(waiting):
        _addresses.pop(run, None)
    used, most = size_of(root), 1_000_000 * settings.whole("AIGC_MAX_RUNS_MB")
    free = shutil.disk_usage(root).free if root.exists() else MIN_FREE
    if used > most or free < MIN_FREE:
        raise BadValue(
            "disk: there is no room for another run; discard some that are not needed, or ask the "
            "host of this studio for more."
        )


def _check_number(root: Path) -> None:
    """Raise BadValue where who asks has as many runs as a visitor may have."""
    who, most = access.visitor(), settings.whole("AIGC_MAX_RUNS_EACH")
    if who.host:
        return
    if not who.owner:
        raise BadValue(
            "run: whose it is to be is not known; send a secret of your own as the header "
            f"x-aigc-key, of {access.MIN_SECRET} characters or more."
        )
    if sum(access.owner_of(run) == who.owner for run in runs.directories(root)) >= most:
        raise BadValue(f"runs: you have {most} already; discard one that is not needed.")
