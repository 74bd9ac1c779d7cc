"""The queue: a share for each session and address, and no place for jobs that nobody waits for."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from gradio.data_classes import PredictBodyInternal

from aigc_demo.ui.server import fair_queue
from aigc_demo.ui.server.fair_queue import FairQueue, listening
from aigc_demo.ui.server.page import Page

SHARE = 3


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Page:
    """Return a page with a heavy function (0) and a cheap one (1), whose queue does not run."""
    import gradio as gr

    monkeypatch.setenv("AIGC_MAX_REQUESTS", str(SHARE))
    with Page() as page:
        heavy = {"concurrency_id": "heavy", "concurrency_limit": 2}
        gr.Button().click(lambda: None, **heavy, api_name="heavy")
        gr.Button().click(lambda: None, api_name="cheap")
    page.queue()
    assert isinstance(page._queue, FairQueue) and not page.api_open
    return page


def push(page: Page, session: str, address: str, function: int = 0, **headers: str) -> Any:
    """Queue an event; return whether it was, and the state or its number."""
    request: Any = SimpleNamespace(
        client=SimpleNamespace(host=address),
        headers={k.replace("_", "-"): v for k, v in headers.items()},
    )
    body = PredictBodyInternal(session_hash=session, data=[], fn_index=function, request=None)
    done, told, state = asyncio.run(page._queue.push(body, request, None))
    return (done, told) if done else (done, state)


def test_a_session_and_an_address_have_a_share(page: Page) -> None:
    assert all(push(page, "a", "1.1.1.1")[0] for _ in range(SHARE))
    assert push(page, "a", "1.1.1.1") == (False, "queue_full")
    others = [push(page, f"b{i}", "1.1.1.1")[0] for i in range(20)]
    assert sum(others) == (fair_queue.ADDRESS_SHARE - 1) * SHARE
    assert push(page, "c", "2.2.2.2")[0]


def test_a_cheap_function_does_not_wait_behind_a_heavy_one(page: Page) -> None:
    full = [push(page, f"s{i}", f"1.1.1.{i}")[0] for i in range(fair_queue.GROUP_SIZE + 5)]
    assert sum(full) == fair_queue.GROUP_SIZE
    assert push(page, "new", "2.2.2.2", function=1)[0]


def test_only_a_trusted_proxy_says_where_a_request_is_from(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    def admitted(said: str) -> int:
        sent = (
            push(page, f"{said}{i}", "1.1.1.1", x_forwarded_for=said.format(i))[0]
            for i in range(30)
        )
        return sum(sent)

    assert admitted("{}.0.0.1") == fair_queue.ADDRESS_SHARE * SHARE
    monkeypatch.setenv("AIGC_PROXIES", "1")
    page.queue()
    assert admitted("{}.0.0.1, 9.9.9.9") == fair_queue.ADDRESS_SHARE * SHARE
    assert admitted("8.8.8.8, {}.0.0.1") == 30


def test_a_function_that_is_not_there_is_refused(page: Page) -> None:
    assert push(page, "a", "1.1.1.1", function=99) == (False, "error")


@contextlib.contextmanager
def heard(*sessions: str) -> Iterator[None]:
    """Listen for the results of sessions, as a browser does."""
    with contextlib.ExitStack() as stack:
        for session in sessions:
            query = f"session_hash={session}".encode()
            scope: Any = {"path": "/gradio_api/queue/data", "query_string": query}
            stack.enter_context(listening(scope))
        yield


def next_of(page: Page) -> str | None:
    """Return the session whose job is begun next."""
    queue = page._queue
    if (found := queue.get_events()) is None:
        return None
    events, _, group = found
    queue.active_jobs.append(events)
    queue.event_queue_per_concurrency_id[group].current_concurrency += 1
    return events[0].session_hash


def end(page: Page, session: str) -> None:
    """Let a job that was begun come to its end."""
    queue = page._queue
    (job,) = (j for j in queue.active_jobs if j and j[0].session_hash == session)
    queue.active_jobs.remove(job)
    queue.event_queue_per_concurrency_id["heavy"].current_concurrency -= 1


def test_a_job_begins_once_somebody_listens_and_gives_its_place_up_if_nobody_does(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = [push(page, session, "1.1.1.1")[1] for session in ("gone", "heard", "program")]
    assert next_of(page) is None
    program: Any = {"path": f"/gradio_api/call/x/{numbers[2]}", "query_string": b""}
    with listening(program), heard("heard"):
        assert [next_of(page), next_of(page)] == ["heard", "program"]
    assert not fair_queue._listeners
    monkeypatch.setattr(fair_queue, "LISTENER_AFTER", -1.0)
    end(page, "heard")
    assert next_of(page) is None
    with heard("gone"):
        assert next_of(page) is None


def test_who_asks_for_much_waits_behind_others(page: Page) -> None:
    for session in ("a", "b", "c"):
        push(page, session, "1.1.1.1")
    push(page, "first", "2.2.2.2")
    page._queue._use["3.3.3.3"] = (3.0, time.monotonic())
    push(page, "again", "3.3.3.3")
    page._queue.event_queue_per_concurrency_id["heavy"].concurrency_limit = 9
    with heard("a", "b", "c", "first", "again"):
        order = [next_of(page) for _ in range(5)]
    assert order == ["a", "first", "again", "b", "c"]


def test_who_had_much_leaves_the_last_place_to_others(page: Page) -> None:
    page._queue._use["1.1.1.1"] = (2 * fair_queue.MUCH, time.monotonic())
    for session in ("a", "b"):
        push(page, session, "1.1.1.1")
    with heard("a", "b", "c"):
        assert [next_of(page), next_of(page)] == ["a", None]
        push(page, "c", "2.2.2.2")
        assert next_of(page) == "c"


def test_a_session_that_has_gone_does_not_stop_the_queue(page: Page) -> None:
    push(page, "gone", "1.1.1.1")
    del page._queue.pending_messages_per_session["gone"]
    with heard("gone"):
        page._queue.broadcast_estimations("heavy")
        assert next_of(page) == "gone"


def test_an_event_that_breaks_the_queue_ends_it_for_nobody_else(
    page: Page, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    queue, looks = page._queue, []

    def look() -> None:
        looks.append(queue.stopped)
        if len(looks) == 1:
            raise KeyError("this one")
        if len(looks) == 3:
            queue.stopped = True

    monkeypatch.setattr(queue, "get_events", look)
    push(page, "a", "1.1.1.1")
    queue.active_jobs = [None]
    asyncio.run(queue.start_processing())
    assert looks == [False] * 3 and "KeyError: 'this one'" in capsys.readouterr().err
