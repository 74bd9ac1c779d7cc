"""The device is one thread's at a time, and free between two steps."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from aigc_demo.errors import OutOfMemory
from aigc_demo.pipelines.device_lock import DeviceLock


def is_free(lock: DeviceLock) -> bool:
    """Tell whether another thread can take the lock."""
    taken = threading.Event()

    def take() -> None:
        with lock.held():
            taken.set()

    threading.Thread(target=take, daemon=True).start()
    return taken.wait(0.5)


def test_a_lock_is_held_within_a_step_and_not_between() -> None:
    lock, free = DeviceLock(), []

    def items() -> Iterator[int]:
        for i in range(2):
            free.append(is_free(lock))
            yield i

    for _ in lock.steps(items()):
        free.append(is_free(lock))
    assert free == [False, True, False, True]


def test_a_full_device_is_a_sentence_and_leaves_the_lock_free() -> None:
    lock = DeviceLock()

    def items() -> Iterator[int]:
        yield 0
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(OutOfMemory, match="no room for this; ask for fewer or smaller"):
        list(lock.steps(items()))
    with pytest.raises(ZeroDivisionError), lock.held():
        1 / 0  # noqa: B018
    assert is_free(lock)
