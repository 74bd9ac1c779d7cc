"""Many people at once: nobody gets another's pictures, the queue has an end, nothing grows."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from aigc_demo.requests import GenerateRequest
from aigc_demo.studio import GenerateResult, Studio
from aigc_demo.ui.app import build_demo, launch_settings
from tests.app_server import call, free_port, serve

MODEL = "fashion_mnist-dcgan"


def generate(client: Client, seed: int) -> list[str]:
    pictures, *_ = client.predict(
        model=MODEL, label="Bag", count=2, seed=seed, embed=False, api_name="/generate"
    )
    return [p["png"] for p in pictures]


def test_many_requests_at_once_are_answered_as_one_after_the_other(
    address: str, client: Client
) -> None:
    seeds = list(range(12))
    alone = [generate(client, seed) for seed in seeds]
    people = [Client(address, verbose=False) for _ in range(4)]
    with ThreadPoolExecutor(12) as pool:
        together = list(pool.map(lambda i: generate(people[i % 4], i), seeds * 4))
    assert together == alone * 4


@pytest.fixture(scope="module")
def studio() -> Studio:
    return Studio("checkpoints")


@pytest.fixture(scope="module")
def own_address(studio: Studio) -> Iterator[str]:
    """Return the address of an app within this process, so that a test can reach into it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIGC_PORT", str(free_port()))
        settings = launch_settings()
    demo = build_demo(studio)
    _, address, _ = demo.launch(prevent_thread_lock=True, quiet=True, **settings)
    yield address.rstrip("/")
    demo.close()


def join(address: str, index: int) -> int:
    """Queue a request for a picture without waiting for it; return the status."""
    data = [MODEL, "*", 1, 0, False, None, None, None, None, True, None]
    body = json.dumps({"data": data, "fn_index": index, "session_hash": "crowd"}).encode()
    request = urllib.request.Request(
        f"{address}/gradio_api/queue/join", body, {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_a_full_queue_says_so_and_recovers(
    studio: Studio, own_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, sample = threading.Event(), studio.generate

    def wait(request: GenerateRequest) -> GenerateResult:
        assert go.wait(60)
        return sample(request)

    monkeypatch.setattr(studio, "generate", wait)
    config = json.loads(urllib.request.urlopen(f"{own_address}/config").read())
    index = next(d["id"] for d in config["dependencies"] if d["api_name"] == "generate")
    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda _: join(own_address, index), range(100)))
    assert set(statuses) == {200, 503} and statuses.count(200) >= 64
    go.set()
    assert len(generate(Client(own_address, verbose=False), 1)) == 2


def usage(pid: int) -> dict[str, int]:
    """Return the threads, open files and resident megabytes of a process."""
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    return {
        "threads": int(status["Threads"]),
        "files": len(list(Path(f"/proc/{pid}/fd").iterdir())),
        "megabytes": int(status["VmRSS"].split()[0]) // 1024,
    }


OFFLINE = """
import socket
real = socket.socket.connect
def connect(self, address):
    host = address[0] if isinstance(address, tuple) else ""
    internet = self.family in (socket.AF_INET, socket.AF_INET6)
    if internet and host not in ("127.0.0.1", "::1", "localhost"):
        print("REACHED OUT TO", address, flush=True)
        raise OSError("no network")
    return real(self, address)
socket.socket.connect = connect
"""


def test_the_server_needs_no_network_and_does_not_grow_with_requests(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(OFFLINE)
    started: list[int] = []
    places = {"AIGC_RUNS": str(tmp_path / "runs"), "GRADIO_TEMP_DIR": str(tmp_path / "cache")}
    log = tmp_path / "log.txt"
    with serve(log, started=started, PYTHONPATH=str(tmp_path), **places) as address:
        client = Client(address, verbose=False)

        def measure() -> dict[str, int]:
            for seed in range(15):
                generate(client, seed)
                client.predict(api_name="/runs")
            for seed in range(40):  # each is a session of its own
                assert call(address, "generate", MODEL, "Bag", 1, seed)[0] == "complete"
            return usage(started[0])

        measure()
        before, after = measure(), measure()
        assert after["threads"] <= before["threads"] + 2
        assert after["files"] <= before["files"] + 4
        assert after["megabytes"] <= before["megabytes"] + 20
        assert not list((tmp_path / "cache").rglob("*.png"))
    assert "REACHED OUT" not in log.read_text()


def test_an_error_inside_tells_a_visitor_nothing(
    studio: Studio, own_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(request: GenerateRequest) -> None:
        raise RuntimeError("secret: /home/host/studio.py")

    monkeypatch.setattr(studio, "generate", broken)
    with pytest.raises(AppError) as problem:
        generate(Client(own_address, verbose=False), 0)
    assert "secret" not in str(problem.value) and "studio.py" not in str(problem.value)
