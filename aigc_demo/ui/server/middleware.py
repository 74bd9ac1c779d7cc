"""A limit on the size of requests, also of those that carry a picture as a ``data:`` address; a
higher one for files that are sent to `UPLOAD`, which are written to disk as they come, and a quota
for all of them together.
"""

from __future__ import annotations

from typing import Any

from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aigc_demo.ui.server import visitors
from aigc_demo.ui.server.storage import UploadQuota

UPLOAD = "/gradio_api/upload"


class BodyLimit:
    """ASGI middleware that answers 413 to a request whose body is larger than `limit` bytes or, to
    `UPLOAD`, than `upload` bytes, and 507 to uploads beyond the quota.
    """

    def __init__(self, app: ASGIApp, limit: int, upload: int | None = None) -> None:
        self.app, self.limit, self.upload = app, limit, upload or limit
        self.quota = UploadQuota()

    @classmethod
    def middleware(cls, limit: int, upload: int | None = None) -> Middleware:
        """Return an entry for an application's list of middleware."""
        return Middleware(cls, limit=limit, upload=upload)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self.upload if scope["path"] == UPLOAD else self.limit
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length) > limit:
            await self._refuse_large(send, limit)
            return
        address = visitors.address_of(HTTPConnection(scope))
        if scope["path"] == UPLOAD and (told := self.quota.refusal(address)):
            await self._refuse(send, 507, told)
            return
        received, answered = 0, False

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise _TooLarge
            return message

        async def watched(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            await self.app(scope, counted, watched)
        except _TooLarge:
            if not answered:
                await self._refuse_large(send, limit)
        finally:
            if scope["path"] == UPLOAD:
                self.quota.note(address, received)

    async def _refuse_large(self, send: Send, limit: int) -> None:
        megabytes = limit // 1_000_000
        await self._refuse(
            send, 413, f"The request is larger than {megabytes} MB; send a smaller file."
        )

    async def _refuse(self, send: Send, status: int, told: str) -> None:
        text = told.encode()
        headers: list[Any] = [
            (b"content-type", b"text/plain"),
            (b"content-length", str(len(text)).encode()),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": text})


class _TooLarge(Exception):
    """More bytes have come than are allowed."""
