"""Is the app quick while it trains? Pictures and pages, asked for during a run.

The preset “GAN on fashion, 3 minutes” is started as the Train tab starts it; meanwhile a client
asks for 16 pictures and for the first page, a hundred times each.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from gradio_client import Client

from aigc_demo.training import runs
from aigc_demo.training.events import Step
from aigc_demo.training.presets import PRESETS
from benchmarks import report
from benchmarks.latency import COUNT, app, seconds

TITLE = "Latency during training"
MODEL, CALLS, LIMITS_MS = "fashion_mnist-dcgan", 100, {"pictures": 1000, "page": 200}


def measure(call: Callable[[int], object], calls: int) -> list[float]:
    """Return the milliseconds of each call."""
    taken = []
    for i in range(calls):
        start = time.perf_counter()
        call(i)
        taken.append(1000 * (time.perf_counter() - start))
    return taken


def speed(directory: Path, since: int) -> float:
    """Return the median pictures per second of the steps logged after `since` events."""
    steps = [e for e in runs.events(directory)[since:] if isinstance(e, Step)]
    return statistics.median(e.images_per_second for e in steps) if steps else float("nan")


def row(what: str, taken: list[float], limit: int) -> list[str]:
    """Return median, 95th percentile and slowest, with the target."""
    p95 = statistics.quantiles(taken, n=20)[-1]
    return [
        what,
        *(f"{v:.0f} ms" for v in (statistics.median(taken), p95, max(taken))),
        f"≤ {limit} ms",
    ]


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write the section."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--calls", type=int, default=CALLS)
    given = p.parse_args(arguments)
    plan = PRESETS["gan_fashion"]

    def page(address: str) -> bytes:
        with urllib.request.urlopen(address, timeout=60) as answer:
            return answer.read()

    with (
        tempfile.TemporaryDirectory() as folder,
        app("checkpoints", AIGC_RUNS=f"{folder}/runs") as (address, _),
    ):
        client = Client(address, download_files=folder, verbose=False)
        seconds(client, MODEL, count=COUNT, seed=0)
        client.predict(method=plan.method, data=plan.data, minutes=20, api_name="/train")
        root = Path(folder) / "runs"
        while not runs.alive(root) or not speed(runs.alive(root)[0], 0) > 0:
            time.sleep(0.5)
        directory = runs.alive(root)[0]
        time.sleep(15)
        alone = speed(directory, 5)
        logged = len(runs.events(directory))
        pictures = measure(lambda i: seconds(client, MODEL, count=COUNT, seed=i), given.calls)
        pages = measure(lambda i: page(address), given.calls)
        loaded = speed(directory, logged)
        runs.discard(directory)
        time.sleep(3)
    rows = [
        row(f"{COUNT} pictures of {MODEL}", pictures, LIMITS_MS["pictures"]),
        row("`GET /`", pages, LIMITS_MS["page"]),
    ]
    table = report.table(("while a run trains", "median", "p95", "slowest", "target p95"), rows)
    text = (
        f"{given.calls} requests each, one after the other, over `gradio_client` and HTTP, "
        "while the preset “GAN on fashion, 3 minutes” trains in its worker.\n\n"
        f"{table}\n\nThe run saw {alone:.0f} pictures a second before and {loaded:.0f} during "
        "the requests."
    )
    print(text)
    if given.calls == CALLS:
        report.write_section(TITLE, "python -m benchmarks.latency_training", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
