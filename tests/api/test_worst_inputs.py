"""Every function of the page can be called by a program, with any values: none of them takes long,
leaves a traceback or lets anything out.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx

from tests.app_server import serve

SECONDS = 60.0  # for one function: some paint a picture, on a machine that is busy
LONG = " " * 300_000 + "x"
OUTSIDE = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
# Of every kind of component: what no browser would send.
WORST: dict[str, list[Any]] = {
    "textbox": [LONG, 7, ["a"] * 100],
    "number": [1e308, -1, "NaN"],
    "slider": [1e308, -1, "1"],
    "dropdown": [["a"] * 1000, "../../etc/passwd"],
    "radio": ["../../etc/passwd", {}],
    "checkbox": ["yes", 2],
    "checkboxgroup": [["a"] * 1000, "x"],
    "image": [OUTSIDE, "data:image/png;base64,AAAA"],
    "imageeditor": [{"background": OUTSIDE, "layers": [OUTSIDE] * 100, "composite": OUTSIDE}],
    "file": [[OUTSIDE] * 50, OUTSIDE],
    "uploadbutton": [OUTSIDE],
    "gallery": [[{"image": OUTSIDE, "caption": LONG}]],
    "html": [LONG, json.dumps([{"name": "rotate", "degrees": 1e308}] * 5000)],
    "json": [{"a": [[[[]]]] * 1000}],
}
PLAIN = [None, LONG]


def worst(kind: str, attempt: int) -> Any:
    values = WORST.get(kind, PLAIN)
    return values[min(attempt, len(values) - 1)]


def ask(client: httpx.Client, function: int, data: list[Any], session: str) -> str:
    """Call a function as the page does and return what comes back."""
    body = {"data": data, "fn_index": function, "session_hash": session, "event_data": None}
    joined = client.post("/gradio_api/queue/join", json=body)
    if joined.status_code != 200:
        return joined.text
    with client.stream("GET", f"/gradio_api/queue/data?session_hash={session}") as stream:
        for line in stream.iter_lines():
            if '"process_completed"' in line or '"close_stream"' in line:
                return line
    return ""


def test_no_function_is_without_limits(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    places = {"AIGC_RUNS": str(tmp_path / "runs"), "AIGC_PROFILE": "public", "AIGC_MAX_RUNS": "0"}
    with serve(log, **places) as address, httpx.Client(base_url=address, timeout=60) as client:
        config = client.get("/config").json()
        kinds = {c["id"]: c["type"] for c in config["components"]}
        assert len(config["dependencies"]) > 100
        slow, told = {}, []
        for function in (d for d in config["dependencies"] if d["backend_fn"]):
            for attempt in range(3):
                data = [worst(kinds[i], attempt) for i in function["inputs"]]
                session = f"worst{function['id']}-{attempt}"
                start = time.monotonic()
                told.append(ask(client, function["id"], data, session))
                if (seconds := time.monotonic() - start) > SECONDS:
                    slow[function["id"], function["api_name"], attempt] = round(seconds, 1)
        assert slow == {}
    assert not [line for line in told if "root:x:0" in line or "site-packages" in line]
    assert "Traceback" not in log.read_text()
