"""The app as a host and an attacker see it."""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from aigc_demo.studio import Studio
from aigc_demo.ui.app import MAX_BODY_MB, build_demo
from aigc_demo.ui.i18n import TEXTS
from tests.app_server import ROOT, call


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


def test_an_error_comes_in_words_to_a_program_that_knows_no_gradio(address: str) -> None:
    model = "fashion_mnist-dcgan"
    file = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
    elsewhere = file | {"path": "https://example.com/cat.png"}
    for name, data, problem in (
        ("generate", (model, "Spaceship"), "label: fashion_mnist-dcgan has no class"),
        ("generate", (model, "Bag", 0), "count: 0 cannot be used"),
        ("generate", (model, "Bag", "2"), "count: '2' cannot be used"),
        ("generate", (model, "Bag", 2, 1, None), "random_seed: None cannot be used"),
        ("generate", (model, *[None] * 11), "data: there are 12 values; leave out all but model"),
        ("train", ("dcgan",), "data: a value is missing; give method, data, minutes"),
        ("train", ("dcgan", "mnist", "x"), "minutes: 'x' cannot be used"),
        ("augment", (), "image: a value is missing; give image, pipeline"),
        ("augment", (None,), "image: no file has arrived"),
        ("augment", ("cat.png",), "image: 'cat.png' is no file; send it to /gradio_api/upload"),
        ("augment", ({"path": "cat.png"},), "image: .* is no file"),
        ("augment", (file,), "file: it cannot be used from there; send it to"),
        ("augment", (elsewhere,), "file: an address cannot be used; send it to"),
    ):
        kind, answer = call(address, name, *data)
        assert kind == "error" and re.match(problem, answer["error"]), (name, data, answer)


def test_values_at_the_end_may_be_left_out(address: str) -> None:
    kind, (pictures, *_) = call(address, "generate", "fashion_mnist-dcgan", "Bag", 2)
    assert kind == "complete" and [p["seed"] for p in pictures] == [0, 1]


def test_an_endpoint_that_is_not_there_is_not_found(address: str) -> None:
    kind = {"Content-Type": "application/json"}
    assert status(f"{address}/gradio_api/call/nothing", b'{"data": []}', **kind) == 404


def test_the_page_has_its_name_before_it_is_translated(address: str) -> None:
    with urllib.request.urlopen(address, timeout=30) as answer:
        page = answer.read().decode()
    assert re.search(r'property="og:title" content="AIGC Studio"', page)


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


def test_without_checkpoints_the_page_says_how_to_train(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shown() -> dict[str, str]:
        config = build_demo(Studio(tmp_path, runs_root=tmp_path / "runs")).get_config_file()
        texts = {c["props"].get("elem_id"): c["props"].get("value") for c in config["components"]}
        return {name: "".join(re.findall(r'"key": "(\w+)"', str(t))) for name, t in texts.items()}

    assert shown()["no_models"] == "no_models" and shown()["status"] == "no_runs"
    assert "--download" in TEXTS["en"]["no_models"]
    monkeypatch.setenv("AIGC_MAX_RUNS", "0")
    assert shown()["no_models"] == "no_models_off" and shown()["status"] == "no_runs_off"
    assert shown()["training_off"] == "training_off"
    assert "train.py" not in TEXTS["en"]["no_models_off"]
