"""What the server answers to: its own names, the routes that it needs, requests that end."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from aigc_demo.ui.server import gate
from aigc_demo.ui.server.gate import Gate, is_open
from tests.app_server import free_port


async def answer(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"{len(await request.body())}")


def client() -> TestClient:
    routes = [Route("/{path:path}", answer, methods=["GET", "POST"])]
    return TestClient(Starlette(routes=routes, middleware=[Gate.middleware()]))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:7860", "[::1]:7860", "[::1]"])
def test_a_page_for_this_computer_answers_to_local_names(host: str) -> None:
    assert client().get("/", headers={"host": host}).status_code == 200


def test_it_does_not_answer_to_names_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    for host in ("evil.example", "localhost.evil.example:7860", "192.168.1.7", ""):
        assert client().get("/", headers={"host": host}).status_code == 400
    monkeypatch.setenv("AIGC_HOSTS", "studio.example, other.example")
    for host, status in (("Studio.Example:8080", 200), ("localhost", 200), ("evil.example", 400)):
        assert client().get("/", headers={"host": host}).status_code == status
    monkeypatch.delenv("AIGC_HOSTS")
    monkeypatch.setenv("AIGC_PROFILE", "classroom")  # known by the addresses of its network
    assert client().get("/", headers={"host": "192.168.1.7"}).status_code == 200


def test_a_browser_is_told_to_load_nothing_from_elsewhere() -> None:
    for path in ("/", "/gradio_api/nothing"):
        headers = client().get(path, headers={"host": "localhost"}).headers
        assert "img-src 'self' data: blob:;" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"


def test_routes_without_a_use_here_are_closed() -> None:
    for path in (
        "component_server", "dev/reload", "run/generate", "api/generate",
        "proxy=https://x.hf.space/", "process_recording", "vibe-edit", "run-history/records",
        "stream/a", "deep_link", "", "profiling/traces",
    ):  # fmt: skip
        assert not is_open(f"/gradio_api/{path}"), path
    assert not is_open("/monitoring/summary") and not is_open("/runs") and not is_open("/login")
    for path in ("queue/join", "queue/data", "call/generate", "file=/tmp/a.png", "upload", "info"):
        assert is_open(f"/gradio_api/{path}"), path
    assert is_open("/") and is_open("/assets/index.js") and is_open("/theme.css")


def test_what_an_editor_sends_twice_is_not_read() -> None:
    for path in ("component_server", "component_server/"):
        body = {"index": "30000000", "type": "layer", "id": "a"}
        answer = client().post(f"/gradio_api/{path}", json=body, headers={"host": "localhost"})
        assert answer.status_code == 200 and answer.json() is None


@pytest.fixture
def port() -> Iterator[int]:
    """Return the port of a server behind the gate."""
    port = free_port()
    routes = [Route("/", answer, methods=["POST"])]
    app = Starlette(routes=routes, middleware=[Gate.middleware()])
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield port
    server.should_exit = True
    thread.join()


def test_a_body_that_does_not_come_is_given_up(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "STALLED_AFTER", 0.3)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        head = b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nabc"
        connection.sendall(head)
        assert connection.recv(100).startswith(b"HTTP/1.1 408")


def test_a_slow_answer_is_waited_for(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "STALLED_AFTER", 0.3)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\nabc")
        time.sleep(0.2)
        connection.sendall(b"defghi")
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
