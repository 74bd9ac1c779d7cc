"""A queue in which nobody takes the others' places.

Gradio's queue has one limit for all events together, and answers whoever asks. Here each session
and each address has a share, each group of handlers its own limit, and a job whose listener has
gone, or never came, gives its place up.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

from gradio.block_function import BlockFunction
from gradio.data_classes import PredictBodyInternal
from gradio.queueing import Event, Queue
from gradio.server_messages import ProcessCompletedMessage
from starlette.types import Scope

from aigc_demo import settings
from aigc_demo.ui.server import visitors

GROUP_SIZE = 64  # events of one group of handlers that may wait
ADDRESS_SHARE = 4  # sessions' shares that an address has: several people may be behind it
LISTENER_AFTER = 30.0  # seconds within which somebody must listen for the result of a job

_listeners: Counter[str] = Counter()  # by session, or by event where a program asks for one


@contextlib.contextmanager
def listening(scope: Scope) -> Iterator[None]:
    """Note, while a request is answered, that somebody listens for results, if it is that."""
    key = _listener_of(scope["path"], scope["query_string"])
    if not key:
        yield
        return
    _listeners[key] += 1
    try:
        yield
    finally:
        _listeners[key] -= 1
        if not _listeners[key]:
            del _listeners[key]


def _listener_of(path: str, query: bytes) -> str:
    parts = path.strip("/").split("/")[1:]
    if parts[:2] == ["queue", "data"]:
        return parse_qs(query.decode("latin-1")).get("session_hash", [""])[0]
    return parts[-1] if parts[:1] == ["call"] and len(parts) > 2 else ""


def _lacks_selection(function: BlockFunction, data: Any) -> bool:
    """Tell whether a function that is called when something is selected is not told what."""
    selects = any(event == "select" for _, event in function.targets)
    return selects and not (isinstance(data, dict) and "index" in data)


class FairQueue(Queue):
    """The queue of the page."""

    async def push(
        self, body: PredictBodyInternal, request: Any, username: str | None
    ) -> tuple[Any, ...]:
        """Queue an event; returns whether it was, its number or why not, and the state."""
        if body.fn_index not in self.blocks.fns:
            return False, "There is no such function here; load the page again.", "error"
        if _lacks_selection(self.blocks.fns[body.fn_index], body.event_data):
            return False, "event_data: it does not say what was selected.", "error"
        share, address = settings.whole("AIGC_MAX_REQUESTS"), visitors.address_of(request)
        pending = self._pending()
        mine = sum(e.session_hash == body.session_hash for e in pending)
        theirs = sum(visitors.address_of(e.request) == address for e in pending)
        if mine >= share or theirs >= ADDRESS_SHARE * share:
            told = "You have too many requests under way; wait until one has been answered."
            return False, told, "queue_full"
        group = self.event_queue_per_concurrency_id.get(
            self.blocks.fns[body.fn_index].concurrency_id
        )
        if group and len(group.queue) >= GROUP_SIZE:
            return False, "The studio is busy; try again in a moment.", "queue_full"
        return await super().push(body, request, username)

    def _pending(self) -> list[Event]:
        """Return the events that wait or are being answered."""
        waiting = [e for q in self.event_queue_per_concurrency_id.values() for e in q.queue]
        return waiting + [e for job in self.active_jobs if job for e in job]

    def get_events(self) -> tuple[list[Event], bool, str] | None:
        """Return what is to be done next, without what nobody listens for."""
        now = time.monotonic()
        for group in self.event_queue_per_concurrency_id.values():
            for event in [e for e in group.queue if now - e.enqueue_time > LISTENER_AFTER]:
                if event.session_hash not in _listeners and event._id not in _listeners:
                    group.queue.remove(event)
                    self.event_ids_to_events.pop(event._id, None)
                    told = {"error": "Nobody listened for the result; ask again."}
                    self.send_message(
                        event, ProcessCompletedMessage(output=told, title="Error", success=False)
                    )
        return super().get_events()

    def compute_analytics_summary(self, records: Any) -> dict[str, Any]:
        """Return nothing: Gradio's summary of all events, made after each, has no reader here."""
        return {}
