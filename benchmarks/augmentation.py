"""Throughput of augmentation, against the same transforms of torchvision on PIL pictures one by
one, and the latency of a grid of previews in the running app.
"""

from __future__ import annotations

import argparse
import io
import json
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import cv2
import httpx
import torch
from PIL import Image
from skimage import data as photographs

from aigc_demo import augment
from aigc_demo.imaging import images
from aigc_demo.ui.augment.presets import preset
from benchmarks import report
from benchmarks.latency import app

TITLE = "Augmentation"
SIDE, COUNT, ROUNDS, TARGET = 128, 1000, 5, 2.0  # the target is a ratio
STEPS = ("resized_crop", "flip_horizontal", "rotate", "colour_jitter", "grey")
GRID, GRID_SIDE, CALLS, LIMIT_MS = 16, 512, 30, 500


def pictures() -> torch.Tensor:
    """Return COUNT crops of photographs, uint8 (N, 3, 128, 128)."""
    generator = torch.Generator().manual_seed(0)
    sources = [torch.from_numpy(p()) for p in (photographs.astronaut, photographs.coffee)]
    crops = []
    for i in range(COUNT):
        source = sources[i % 2]
        top, left = (
            int(torch.randint(0, n - 2 * SIDE, (), generator=generator)) for n in source.shape[:2]
        )
        crops.append(source[top : top + SIDE, left : left + SIDE])
    return torch.stack(crops).permute(0, 3, 1, 2)


def seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def throughput(threads: int) -> tuple[float, float]:
    """Return pictures a second, PIL one by one and as a batch: medians of alternating rounds."""
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    x = pictures()
    pipeline = augment.parse([{"name": name} for name in STEPS])
    code = augment.torchvision_code(pipeline, (SIDE, SIDE)).replace("        v2.ToImage(),\n", "")
    space: dict[str, Any] = {"image": Image.new("RGB", (SIDE, SIDE))}
    exec(code, space)
    singles = images.to_pil(x)
    took: dict[str, list[float]] = {"pil": [], "batch": []}
    for _ in range(ROUNDS):
        took["pil"].append(seconds(lambda: [space["pipeline"](p) for p in singles]))
        took["batch"].append(seconds(lambda: augment.apply_batch(pipeline, x, range(COUNT))))
    return tuple(COUNT / statistics.median(t) for t in took.values())


def grid() -> list[float]:
    """Return the milliseconds of each new grid of GRID previews at 512×512, from the request of
    *Draw* until the last picture has arrived.
    """
    picture = io.BytesIO()
    Image.fromarray(photographs.astronaut()).save(picture, "PNG")
    with (
        tempfile.TemporaryDirectory() as folder,
        app("checkpoints", AIGC_RUNS=f"{folder}/runs") as (address, _),
        httpx.Client(base_url=f"{address}gradio_api/", timeout=60) as client,
    ):
        files = {"files": ("astronaut.png", picture.getvalue(), "image/png")}
        path = client.post("upload", files=files).json()[0]
        held = {"path": path, "meta": {"_type": "gradio.FileData"}}
        editor = {"background": held, "layers": [], "composite": None}
        config, session = client.get("../config").json(), secrets.token_hex(6)
        upload = _event(config, "augment_picture", "upload")
        button = _event(config, "augment_go", "click")
        form = [None, preset("photos"), GRID, 0, "mask", None]  # None: the server's own
        _ask(client, session, upload, [*form, editor])
        taken = []
        for seed in range(CALLS + 3):
            start = time.perf_counter()
            form[3] = seed
            gallery = _ask(client, session, button, form)[0]
            assert len(gallery) == GRID
            for shown in gallery:
                size = Image.open(io.BytesIO(client.get(shown["image"]["url"]).content)).size
                assert size == (GRID_SIDE, GRID_SIDE)
            taken.append(1000 * (time.perf_counter() - start))
    return taken[3:]


def _event(config: dict[str, Any], elem_id: str, event: str) -> int:
    """Return the index of the handler of a component's event."""
    ids = [c["id"] for c in config["components"] if c["props"].get("elem_id") == elem_id]
    found = [d["id"] for d in config["dependencies"] if [ids[0], event] in d["targets"]]
    return found[0]


def _ask(client: httpx.Client, session: str, function: int, values: list[Any]) -> list[Any]:
    """Call a handler as the page does; return the new values."""
    request = {"data": values, "fn_index": function, "session_hash": session}
    client.post("queue/join", json=request).raise_for_status()
    with client.stream("GET", "queue/data", params={"session_hash": session}) as lines:
        for line in lines.iter_lines():
            event = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}
            if event.get("msg") == "process_completed":
                assert event["success"], event
                return event["output"]["data"]
    raise RuntimeError("The app has closed the connection.")


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write the section."""
    argparse.ArgumentParser(description=__doc__).parse_args(arguments)
    rows = []
    for threads in (1, 2):
        single, batch = throughput(threads)
        ratio = f"{batch / single:.2f}×"
        rows.append([threads, f"{single:,.0f}", f"{batch:,.0f}", ratio, f"{TARGET}×"])
    taken = grid()
    text = (
        f"{COUNT:,} pictures of {SIDE}×{SIDE} through {', '.join(STEPS)}; pictures a second, "
        f"medians of {ROUNDS} alternating rounds: torchvision's transforms on PIL pictures one by "
        "one, and the batches of training (`augment.apply_batch`), which sample the same "
        "parameters from the same seeds.\n\n"
        + report.table(("threads", "PIL, one by one", "batch", "ratio", "target"), rows)
        + f"\n\nA new grid of {GRID} previews at {GRID_SIDE}×{GRID_SIDE} with the preset "
        "“Photographs”, from the request until the last picture has arrived: median "
        f"**{statistics.median(taken):.0f} ms**, slowest {max(taken):.0f} ms of {CALLS} "
        f"(target ≤ {LIMIT_MS} ms)."
    )
    print(text)
    report.write_section(TITLE, "python -m benchmarks.augmentation", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
