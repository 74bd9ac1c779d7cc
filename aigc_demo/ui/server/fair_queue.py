"""A queue in which nobody takes the others' places.

Gradio's queue has one limit for all events together, and answers whoever came first. Here each
session and each address has a share, each group of handlers its own limit, and a job begins only
once somebody listens for its result. Whoever has had more of the machine in the last minutes waits
behind those who had less, by as many seconds, and never takes a group's last place.
"""

from __future__ import annotations

import contextlib
import math
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

from gradio.block_function import BlockFunction
from gradio.data_classes import PredictBodyInternal
from gradio.queueing import Event, Queue
from gradio.server_messages import EventMessage, ProcessCompletedMessage
from starlette.types import Scope

from aigc_demo import settings
from aigc_demo.ui.server import sessions, visitors

GROUP_SIZE = 256  # events of one group of handlers that may wait: more than several addresses may
ADDRESS_SHARE = 4  # sessions' shares that an address has: several people may be behind it
LISTENER_AFTER = 30.0  # seconds within which somebody must listen for the result of a job
HALF_LIFE = 60.0  # seconds after which half of what somebody has used is forgotten
EACH = 5.0  # seconds by which each further job of an address waits behind those of others
MUCH = 20.0  # seconds of use that keep an address from the last place of a group

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


def _address(event: Event) -> str:
    return visitors.address_of(event.request)


class FairQueue(Queue):
    """The queue of the page."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._use: dict[str, tuple[float, float]] = {}  # by address: seconds, and as of when

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
        theirs = sum(_address(e) == address for e in pending)
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
        """Return what is to be done next, of what somebody listens for."""
        later = {}
        for name, group in self.event_queue_per_concurrency_id.items():
            heard = [event for event in group.queue if self._is_heard(event)]
            heard = self._in_turn(heard)
            if (
                group.concurrency_limit
                and group.concurrency_limit - group.current_concurrency == 1
            ):
                heard = [e for e in heard if group.concurrency_limit == 1 or self._used(e) < MUCH]
            later[name] = [event for event in group.queue if event not in heard]
            group.queue[:] = heard
        try:
            return super().get_events()
        finally:
            for name, events in later.items():
                group = self.event_queue_per_concurrency_id[name]
                group.queue += [event for event in events if not self._is_given_up(event)]

    def _in_turn(self, events: list[Event]) -> list[Event]:
        """Return events in the order in which they are to be done."""
        earlier = Counter(_address(e) for job in self.active_jobs if job for e in job)
        turns = {}
        for event in sorted(events, key=lambda e: e.enqueue_time):
            behind = EACH * earlier[_address(event)] + self._used(event)
            turns[event._id] = event.enqueue_time + behind
            earlier[_address(event)] += 1
        return sorted(events, key=lambda e: turns[e._id])

    def _is_heard(self, event: Event) -> bool:
        return event.session_hash in _listeners or event._id in _listeners

    def _is_given_up(self, event: Event) -> bool:
        """Tell whether nobody has listened for an event in time, and tell its client."""
        waited = time.monotonic() - event.enqueue_time
        if self._is_heard(event) or waited <= LISTENER_AFTER:
            return False
        self.event_ids_to_events.pop(event._id, None)
        told = {"error": "Nobody listened for the result; ask again."}
        done = ProcessCompletedMessage(output=told, title="Error", success=False)
        self.send_message(event, done)
        return True

    def _used(self, event: Event) -> float:
        """Return how many seconds of work the address of an event has had of late."""
        seconds, when = self._use.get(_address(event), (0.0, 0.0))
        return seconds * math.exp2((when - time.monotonic()) / HALF_LIFE)

    async def process_events(self, events: list[Event], *given: Any, **settings: Any) -> None:
        """Do what is asked, and note how long it took."""
        start = time.monotonic()
        try:
            await super().process_events(events, *given, **settings)
        finally:
            now = time.monotonic()
            self._use = {a: u for a, u in self._use.items() if now - u[1] < 10 * HALF_LIFE}
            for event in events:
                self._use[_address(event)] = (self._used(event) + now - start, now)
                if event.data is not None and event.data.simple_format:  # a session of its own
                    sessions.forget(self.server_app, event.session_hash)

    def send_message(self, event: Event, event_message: EventMessage) -> None:
        """Tell a session how its event does, if it is still there."""
        if event.session_hash in self.pending_messages_per_session:
            super().send_message(event, event_message)

    async def start_processing(self) -> None:
        """Do what is asked, event by event; one that breaks the loop does not end it for all."""
        while True:
            try:
                return await super().start_processing()
            except Exception:
                traceback.print_exc()
                self.stopped = False

    def compute_analytics_summary(self, records: Any) -> dict[str, Any]:
        """Return nothing: Gradio's summary of all events, made after each, has no reader here."""
        return {}
