"""Wait until a page has nothing to do, instead of for a while."""

from __future__ import annotations

import time
from weakref import WeakKeyDictionary

from playwright.sync_api import Page, Request

QUIET = 300  # milliseconds without a request, counted by the page itself
PATIENCE = 30  # seconds
# Gradio now and then leaves a stream of answers open that has nothing more to say.
STREAM, STREAM_PATIENCE = "/queue/data", 10

_unanswered: WeakKeyDictionary[Page, set[Request]] = WeakKeyDictionary()


def watch(page: Page) -> None:
    """Keep count of the requests of a page that have not been answered."""
    waiting = _unanswered.setdefault(page, set())

    def sent(request: Request) -> None:
        if "/heartbeat/" not in request.url:  # stays open as long as the page
            waiting.add(request)

    def answered(request: Request) -> None:
        waiting.discard(request)

    page.on("request", sent)
    page.on("requestfinished", answered)
    page.on("requestfailed", answered)


def settle(page: Page) -> None:
    """Return once a page has asked for nothing for a moment and has all that it asked for.

    The answers to an event come through a stream that stays open until the last has come, so that
    this waits for whatever a click has set off. It does not wait for ever: what is missing then is
    told best by the line that looks for it.
    """
    waiting, start = _unanswered[page], time.monotonic()
    quiet = 0
    while quiet < 2:
        streams_alone = all(STREAM in request.url for request in waiting)
        if time.monotonic() - start > (STREAM_PATIENCE if streams_alone else PATIENCE):
            return
        # A page that is busy comes to this late, so a slow machine is given longer.
        page.evaluate(
            "ms => new Promise(done => requestAnimationFrame(() => setTimeout(done, ms)))",
            QUIET / 2,
        )
        quiet = 0 if waiting else quiet + 1
