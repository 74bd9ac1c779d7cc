"""The gate of the server: it lets through what the page and its endpoints need, asked for under
the studio's own names, and tells browsers to load nothing from elsewhere.
"""

from __future__ import annotations

import asyncio
import os

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aigc_demo import settings
from aigc_demo.ui.server import fair_queue

API = "gradio_api"
LOCAL = ("localhost", "127.0.0.1", "[::1]")
STALLED_AFTER = 30.0  # seconds without a byte of a request's body
TOO_SLOW_AFTER = 900.0  # seconds for all of it

# The first part of a path, and the first one behind the API's.
PAGES = {
    *("", "config", "assets", "static", "svelte", "favicon.ico", "robots.txt", "manifest.json"),
    *("pwa_icon", "theme.css", "login_check", API),
}
ENDPOINTS = {
    *("info", "openapi.json", "call", "queue", "cancel", "reset", "heartbeat", "upload"),
    *("upload_progress", "startup-events", "file", "app_id", "login_check", "theme.css"),
    *("token", "user"),
}
# Gradio's editor sends its strokes here too, to be kept for ever; each event brings them anyway.
UNREAD = "component_server"
# Gradio's page evaluates its own scripts, and Vega's charts their expressions.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self' data: blob:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
HUB = " https://huggingface.co https://*.huggingface.co https://*.hf.space"  # frames its Spaces


def served_hosts() -> set[str] | None:
    """Return the names that the page is served under, in lower case; None: under any.

    A page for this computer alone has local names, so that no web site that resolves its own name
    to this computer can read it (DNS rebinding).
    """
    names = set(settings.hosts())
    if space := os.environ.get("SPACE_HOST"):
        names.add(space.lower())
    if not names and settings.profile() != "own":
        return None
    own = (os.environ.get("AIGC_HOST") or "").lower()
    return {*LOCAL, *names, *([own] if own and own != "0.0.0.0" else [])}


class Gate:
    """ASGI middleware that answers 400 to a request for another host, 404 to one for a route that
    the studio has no use for, nothing to what it does not read, and 408 to one whose body does not
    come.
    """

    def __init__(self, app: ASGIApp, hosts: set[str] | None) -> None:
        self.app, self.hosts = app, hosts
        framed = HUB if os.environ.get("SPACE_ID") else ""
        self.headers = {
            "content-security-policy": POLICY + framed,
            "x-content-type-options": "nosniff",
            "referrer-policy": "same-origin",
        }

    @classmethod
    def middleware(cls) -> Middleware:
        """Return an entry for an application's list of middleware."""
        return Middleware(cls, hosts=served_hosts())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return  # no page here opens a web socket

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self.headers)
            await send(message)

        host = Headers(scope=scope).get("host", "").lower()
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if self.hosts is not None and name not in self.hosts:
            told = "This studio has another name; its host sets the names with AIGC_HOSTS."
            await PlainTextResponse(told, 400)(scope, receive, with_headers)
        elif scope["path"].strip("/") == f"{API}/{UNREAD}":
            await JSONResponse(None)(scope, receive, with_headers)
        elif not is_open(scope["path"]):
            await PlainTextResponse("There is nothing here.", 404)(scope, receive, with_headers)
        else:
            with fair_queue.listening(scope):
                await self._answer(scope, receive, with_headers)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        end, complete, answered = asyncio.get_running_loop().time() + TOO_SLOW_AFTER, False, False

        async def patient() -> Message:
            nonlocal complete
            if complete:  # what comes next is that the client has gone
                return await receive()
            left = end - asyncio.get_running_loop().time()
            try:
                message = await asyncio.wait_for(receive(), max(0.0, min(STALLED_AFTER, left)))
            except TimeoutError:
                raise _Stalled from None
            complete = not message.get("more_body", False)
            return message

        async def watched(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            await self.app(scope, patient, watched)
        except _Stalled:
            if not answered:
                told = "The request did not come to an end; send it again."
                await PlainTextResponse(told, 408)(scope, receive, send)


class _Stalled(Exception):
    """The body of a request does not come."""


def is_open(path: str) -> bool:
    """Tell whether the studio has a use for the route of `path`."""
    first, *rest = path.strip("/").split("/")
    if first != API:
        return first in PAGES
    return bool(rest) and rest[0].partition("=")[0] in ENDPOINTS
