"""The limit on the size of a request, announced or not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from aigc_demo.ui.server.middleware import UPLOAD, BodyLimit


async def length(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture
def client() -> TestClient:
    route = Route("/", length, methods=["POST"])
    return TestClient(Starlette(routes=[route], middleware=[BodyLimit.middleware(1000)]))


def test_a_body_at_the_limit_passes(client: TestClient) -> None:
    assert client.post("/", content=bytes(1000)).text == "1000"


def test_an_announced_body_over_the_limit_is_refused(client: TestClient) -> None:
    assert client.post("/", content=bytes(1001)).status_code == 413


def test_only_uploads_may_be_larger() -> None:
    routes = [Route(path, length, methods=["POST"]) for path in ("/", UPLOAD)]
    limits = BodyLimit.middleware(1000, upload=5000)
    client = TestClient(Starlette(routes=routes, middleware=[limits]))
    assert client.post(UPLOAD, content=bytes(5000)).text == "5000"
    for path, most in (("/", 1000), (UPLOAD, 5000)):
        assert client.post(path, content=bytes(most + 1)).status_code == 413
        assert client.post(path, content=iter([bytes(100)] * 51)).status_code == 413


def test_a_body_that_hides_its_length_is_refused_when_it_passes_the_limit(
    client: TestClient,
) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(11):
            yield bytes(100)

    assert client.post("/", content=pieces()).status_code == 413
