"""Start the real app in a process of its own, as a person would."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


def free_port() -> int:
    """Return a port that nobody uses."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def serve(
    log: Path,
    *,
    port: int | None = None,
    started: list[int] | None = None,
    **environment: str,
) -> Iterator[str]:
    """Run ``python app.py`` and yield its address once it answers; its output goes to `log`, the
    number of its process to `started`.
    """
    port = port or free_port()
    variables = {**os.environ, "AIGC_PORT": str(port), "AIGC_HOST": "127.0.0.1", **environment}
    with open(log, "w") as output:
        process = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env=variables,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    if started is not None:
        started.append(process.pid)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(address, process, log)
        yield address
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def wait_for(
    address: str, process: subprocess.Popen[bytes], log: Path, seconds: float = 120
) -> None:
    """Return once `address` answers; fail with the log where it ends or takes too long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise AssertionError(f"the app ended with {process.returncode}:\n{log.read_text()}")
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"the app did not answer in {seconds} s:\n{log.read_text()}")


def call(address: str, name: str, *data: object) -> tuple[str, Any]:
    """Call an endpoint as curl does; return its last event and what came with it."""
    where = f"{address}/gradio_api/call/{name}"
    asked = json.dumps({"data": data}).encode()
    request = urllib.request.Request(where, asked, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        event = json.load(answer)["event_id"]
    with urllib.request.urlopen(f"{where}/{event}", timeout=120) as answer:
        *_, kind, content = answer.read().decode().strip().splitlines()
    return kind.removeprefix("event: "), json.loads(content.removeprefix("data: "))
