"""The app as a host and an attacker see it."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from aigc_demo.studio import Studio
from aigc_demo.ui.app import MAX_BODY_MB, build_demo
from aigc_demo.ui.i18n import TEXTS
from tests.app_server import ROOT


def status(address: str, body: bytes | None = None, **headers: str) -> int:
    request = urllib.request.Request(address, data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_files_of_the_host_are_not_served(address: str) -> None:
    for path in (
        f"{ROOT}/app.py",
        f"{ROOT}/checkpoints/fashion_mnist-dcgan/card.json",
        "/etc/passwd",
        "..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/app.py",
        "http://169.254.169.254/latest/meta-data",
    ):
        assert status(f"{address}/gradio_api/file={path}") in (403, 404), path


def test_a_body_over_the_limit_is_refused(address: str) -> None:
    picture = "data:image/png;base64," + base64.b64encode(bytes(MAX_BODY_MB * 1_000_000)).decode()
    body = json.dumps({"data": [picture]}).encode()
    code = 0
    try:
        code = status(
            f"{address}/gradio_api/call/generate", body, **{"Content-Type": "application/json"}
        )
    except (urllib.error.URLError, ConnectionError):
        code = 413  # the server hung up before the whole body was sent
    assert code == 413
    assert status(address) == 200


def test_a_busy_port_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = subprocess.run(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env={**os.environ, "AIGC_PORT": port},
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert ended.returncode != 0
    assert "AIGC_PORT" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_without_checkpoints_the_page_says_how_to_train(tmp_path: Path) -> None:
    config = build_demo(Studio(tmp_path)).get_config_file()
    shown = {component["props"].get("elem_id") for component in config["components"]}
    assert "no_models" in shown and "train.py" in TEXTS["en"]["no_models"]
