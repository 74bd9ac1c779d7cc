"""One computation at a time on the device."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import TypeVar

from aigc_demo import device as devices
from aigc_demo.errors import OutOfMemory

Item = TypeVar("Item")


class DeviceLock:
    """A reentrant lock; a lack of memory while it is held is an `OutOfMemory`."""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock."""
        with self._lock:
            try:
                yield
            except Exception as error:
                if not devices.ran_out_of_memory(error):
                    raise
                sentence = "The device has no room for this; ask for fewer or smaller images."
                raise OutOfMemory(sentence) from None

    def steps(self, items: Iterator[Item]) -> Iterator[Item]:
        """Yield `items`, holding the lock only while one is computed: a consumer that goes away
        between two of them must not keep it.
        """
        end = object()
        while True:
            with self.held():
                item = next(items, end)
            if item is end:
                return
            yield item
