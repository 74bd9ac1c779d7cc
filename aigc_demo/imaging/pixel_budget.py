"""How many decoded pixels a process may hold at once, in all its pictures together.

A server to strangers sets a limit, so that many who bring large pictures at once wait for each
other; elsewhere there is none, and nobody waits.
"""

from __future__ import annotations

import math
import threading
import time
import weakref
from dataclasses import dataclass

from aigc_demo.errors import Busy

STEP = 0.05  # seconds between two looks at what has become free


@dataclass(eq=False)
class Hold:
    """Pixels that are taken from a budget for as long as this object lives."""

    pixels: int


class PixelBudget:
    """Pixels to share: who wants more than are left waits for up to `patience` seconds."""

    def __init__(self, limit: float = math.inf, patience: float = 4.0) -> None:
        self.limit, self.patience = limit, patience
        self._lock = threading.Lock()
        # What lives is counted anew each time: a callback could come at any moment, even while
        # this thread holds the lock.
        self._holds: weakref.WeakSet[Hold] = weakref.WeakSet()

    @property
    def held(self) -> int:
        """The pixels that are taken now."""
        return sum(hold.pixels for hold in self._holds)

    def take(self, pixels: int) -> Hold:
        """Return a hold on `pixels`; raises Busy where so many do not become free in time."""
        end = time.monotonic() + self.patience
        while True:
            with self._lock:
                if self.held + pixels <= self.limit:
                    hold = Hold(pixels)
                    self._holds.add(hold)
                    return hold
            if time.monotonic() >= end:
                raise Busy(
                    "The studio is busy with other large pictures; try again in a minute, or with "
                    "a smaller one."
                )
            time.sleep(STEP)


BUDGET = PixelBudget()  # of the process
