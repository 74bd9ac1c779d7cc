"""How long a user waits: ``python -m benchmarks.latency`` starts the app and asks it for pictures.

It measures the seconds from the start of ``python app.py`` to the first page, from there to the
first picture, and then, for a model of each family, the median time of a call for 16 pictures
through ``gradio_client``, with the encoding and the transfer of the PNG files.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

from gradio_client import Client

from aigc_demo.errors import UserError
from aigc_demo.studio import ModelInfo, Studio
from benchmarks import report

SIDE, COUNT = 32, 16
LIMIT_MS = {"dcgan": 150, "vae": 150, "flow": 1500}  # targets for COUNT pictures of SIDE
WARM_UP = 2
START_LIMIT_SECONDS = 120


@contextlib.contextmanager
def app(checkpoints: str, **variables: str) -> Iterator[tuple[str, float]]:
    """Run ``python app.py`` on a free port; give its address and the seconds to its first page."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}/"
    environment = os.environ | {
        "AIGC_HOST": "127.0.0.1",
        "AIGC_PORT": str(port),
        "AIGC_CHECKPOINTS": checkpoints,
        **variables,
    }
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "app.py"],
        env=environment,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while not answers(address):
            if process.poll() is not None:
                raise RuntimeError(f"app.py ended with status {process.returncode}")
            if time.perf_counter() - start > START_LIMIT_SECONDS:
                raise TimeoutError(f"app.py has no page after {START_LIMIT_SECONDS} s")
            time.sleep(0.05)
        yield address, time.perf_counter() - start
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def answers(address: str) -> bool:
    """Tell whether the page is there."""
    try:
        with urllib.request.urlopen(address, timeout=10) as page:
            return page.status == 200
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def seconds(client: Client, model: str, *, count: int, seed: int) -> float:
    """Ask for pictures of every class in turn, with default options; return how long it took."""
    start = time.perf_counter()
    gallery, *_ = client.predict(model=model, count=count, seed=seed, api_name="/generate")
    if len(gallery) != count:
        raise RuntimeError(f"{model} gave {len(gallery)} pictures instead of {count}")
    return time.perf_counter() - start


def one_a_family(models: list[ModelInfo]) -> list[ModelInfo]:
    """Return the first model of each family that makes pictures of SIDE."""
    usable = [m for m in models if not m.problem and m.size == SIDE]
    found = [next((m for m in usable if m.method == family), None) for family in LIMIT_MS]
    return [m for m in found if m]


def measure(models: list[ModelInfo], checkpoints: str, calls: int) -> list[list[str]]:
    """Start the app, ask it for pictures, and return the rows of the table."""
    rows = []
    with app(checkpoints) as (address, page), tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        client = Client(address, download_files=folder, verbose=False)
        opened = models[-1].name  # the slowest family
        seconds(client, opened, count=1, seed=0)
        first = time.perf_counter() - start
        rows.append(["start of the app to its first page", f"{page:.1f} s", "", "≤ 15 s"])
        rows.append([f"from there to a first picture, {opened}", f"{first:.1f} s", "", "≤ 3 s"])
        for m in models:
            taken = [seconds(client, m.name, count=COUNT, seed=s) for s in range(WARM_UP + calls)]
            taken = [1000 * t for t in taken[WARM_UP:]]
            limit = f"≤ {LIMIT_MS[m.method]} ms" if m.method in LIMIT_MS and m.size == SIDE else ""
            rows.append(
                [
                    f"{COUNT} pictures of {m.name}, {m.size}×{m.size}",
                    f"{statistics.median(taken):.0f} ms",
                    f"{min(taken):.0f}–{max(taken):.0f} ms",
                    limit,
                ]
            )
            print(*rows[-1], flush=True)
    return rows


def main(arguments: list[str] | None = None) -> int:
    """Measure, print the table and, where the models are the shipped ones, write it."""
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("models", nargs="*", help=f"default: one a family, {SIDE}×{SIDE}")
    p.add_argument("--calls", type=int, default=21, help="calls a model (21)")
    p.add_argument("--checkpoints", default="checkpoints", help="folder of models")
    given = p.parse_args(arguments)
    studio = Studio(given.checkpoints)
    try:
        models = [studio.info(name) for name in given.models]
    except UserError as error:
        print(f"latency: {error}", file=sys.stderr)
        return 2
    models = models or one_a_family(studio.models("generate"))
    if not models:
        print("latency: there are no models; train one first.", file=sys.stderr)
        return 2
    rows = measure(models, given.checkpoints, given.calls)
    text = (
        "Through `gradio_client` on the same machine, with the page's default options, every "
        "class in turn: sampling, encoding and transfer. "
        f"Median of {given.calls} calls after {WARM_UP}; nothing else may run meanwhile."
    )
    table = report.table(("what", "median", "range", "target"), rows)
    print(table)
    if given.checkpoints == "checkpoints":
        report.write_section("Latency", "python -m benchmarks.latency", f"{text}\n\n{table}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
