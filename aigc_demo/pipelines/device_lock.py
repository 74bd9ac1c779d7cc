"""One computation at a time on the device."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import TracebackType
from typing import TypeVar

from aigc_demo import device as devices
from aigc_demo.errors import OutOfMemory

Item = TypeVar("Item")


class DeviceLock:
    """A reentrant lock; a lack of memory while it is held is an `OutOfMemory`."""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._lock.release()
        if isinstance(error, Exception) and devices.ran_out_of_memory(error):
            sentence = "The device has no room for this; ask for fewer or smaller images."
            raise OutOfMemory(sentence) from None

    def steps(self, items: Iterator[Item]) -> Iterator[Item]:
        """Yield `items`, holding the lock only while one is computed: a consumer that goes away
        between two of them must not keep it.
        """
        while True:
            with self:
                try:
                    item = next(items)
                except StopIteration:
                    return
            yield item
