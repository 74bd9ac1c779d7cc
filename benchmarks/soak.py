"""Fifty visitors on a public page, for half an hour of it with two who want to harm it:

    python -m benchmarks.soak                # 40 minutes, nothing else running; needs Linux
    python -m benchmarks.soak --alone 1 --attack 2 --visitors 5

Each visitor has an address of their own and asks for one thing after another, as people do who
look at what they get; one trains runs all the time. What is told: how long they wait, by kind of
work, and which errors they are shown; and what the server holds in memory, threads and files.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import random
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from aigc_demo.imaging import photographs
from benchmarks.attacks import Attacker, Client, Refused
from benchmarks.report import table, write_section
from tests.app_server import serve

TITLE = "Fifty visitors and two attackers"
WARM_UP, AFTERWARDS = 60.0, 90.0  # seconds
THINKING = 45.0  # seconds, the mean
SAMPLE_EVERY, WINDOW = 5.0, 36  # seconds; samples of three minutes
SIZE = (1224, 816)  # pixels of the photograph that is restored
API = "/gradio_api"
PIPELINE = json.dumps([{"name": "rotate", "degrees": 15}, {"name": "resized_crop"}])


@dataclass
class Measured:
    """What visitors wait for, what they are told instead, and what the server holds."""

    phase: str = "warm-up"
    seconds: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    attacks: Counter[str] = field(default_factory=Counter)
    held: list[tuple[str, float, float, int, int]] = field(default_factory=list)


# --- The visitors --------------------------------------------------------------------------------


def photograph(size: tuple[int, int]) -> bytes:
    """Return a photograph as a JPEG file."""
    file = io.BytesIO()
    photographs.photograph("Coffee").resize(size).save(file, "JPEG", quality=90)
    return file.getvalue()


LARGE, SMALL = photograph(SIZE), photograph((256, 256))


async def gan(client: Client, dice: random.Random) -> None:
    await client.call("generate", "fashion_mnist-dcgan", None, 16, dice.randrange(10**6))


async def flow(client: Client, dice: random.Random) -> None:
    await client.call("generate", "fashion_mnist-flow", "Bag", 4, dice.randrange(10**6))


async def restore(client: Client, dice: random.Random) -> None:
    file = await client.upload("holiday.jpg", LARGE)
    await client.call("restore", file, None, "denoise", 15)


async def translate(client: Client, dice: random.Random) -> None:
    file = await client.upload("holiday.jpg", SMALL)
    await client.call("translate", file, "monet2photo-cyclegan", "BtoA")


async def augment(client: Client, dice: random.Random) -> None:
    file = await client.upload("holiday.jpg", SMALL)
    await client.call("augment", file, PIPELINE, 4, dice.randrange(10**6))


async def look(client: Client, dice: random.Random) -> None:
    """Load the page and see which runs there are."""
    (await client.http.get("/")).raise_for_status()
    await client.call("runs")


WORK: dict[str, tuple[Callable[[Client, random.Random], Awaitable[None]], int]] = {
    "16 pictures by the GAN": (gan, 5),
    "4 pictures by the flow": (flow, 4),
    "denoising 1 MP": (restore, 2),
    "translation 256 px": (translate, 3),
    "augmentation 256 px": (augment, 4),
    "the page and its runs": (look, 2),
}


async def visit(client: Client, dice: random.Random, measured: Measured) -> None:
    """Ask for one thing after another, and look at each for a while."""
    kinds = list(WORK)
    weights = [WORK[kind][1] for kind in kinds]
    await asyncio.sleep(dice.uniform(0, THINKING))
    while True:
        kind = dice.choices(kinds, weights)[0]
        phase, start = measured.phase, time.monotonic()
        try:
            await WORK[kind][0](client, dice)
            measured.seconds[phase, kind].append(time.monotonic() - start)
        except (Refused, httpx.HTTPError) as problem:
            measured.errors[phase][f"{kind}: {type(problem).__name__} {problem}"] += 1
        await asyncio.sleep(dice.expovariate(1 / THINKING))


async def learn(client: Client, measured: Measured, names: list[str]) -> None:
    """Train one run after another."""
    while True:
        try:
            names.append((await client.call("train", "dcgan", "shapes", 3, 0, 16, 1e-3, 32))[0])
            while True:
                await asyncio.sleep(5)
                runs = (await client.call("runs"))[0]
                status = next(r["status"] for r in runs if r["name"] == names[-1])
                if status not in ("waiting", "preparing", "training"):
                    break
            await client.call("steer", names[-1], "discard")
        except (Refused, httpx.HTTPError, StopIteration) as problem:
            measured.errors[measured.phase][f"training: {problem!r}"] += 1
            await asyncio.sleep(5)


# --- The server ----------------------------------------------------------------------------------


def held(pid: int) -> tuple[float, int, int]:
    """Return the resident memory (MB), threads and open files of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    fields = dict(line.split(":", 1) for line in status.splitlines())
    files = len(os.listdir(f"/proc/{pid}/fd"))
    return int(fields["VmRSS"].split()[0]) / 1000, int(fields["Threads"]), files


async def watch(pid: int, measured: Measured) -> None:
    start = time.monotonic()
    while True:
        measured.held.append((measured.phase, time.monotonic() - start, *held(pid)))
        await asyncio.sleep(SAMPLE_EVERY)


async def soak(
    address: str, pid: int, visitors: int, minutes: dict[str, float], seed: int
) -> Measured:
    """Let visitors come, then attackers."""
    measured, runs = Measured(), []
    tasks: list[asyncio.Task[None]] = []

    def begin(work: Awaitable[None]) -> None:
        tasks.append(asyncio.ensure_future(work))

    begin(watch(pid, measured))
    begin(learn(Client(address, "10.1.0.1"), measured, runs))
    for i in range(visitors):
        begin(visit(Client(address, f"10.0.0.{i + 1}"), random.Random(f"{seed} {i}"), measured))
    await asyncio.sleep(WARM_UP)
    measured.phase = "alone"
    await asyncio.sleep(60 * minutes["alone"])
    measured.phase = "attacked"
    config = (await Client(address, "10.0.0.1").http.get("/config")).json()
    for i in range(2):
        attacker = Attacker(Client(address, f"10.66.0.{i}"), config, runs)
        begin(attacker.attack(random.Random(f"{seed} attacker {i}"), measured.attacks))
    await asyncio.sleep(60 * minutes["attacked"])
    for task in tasks:
        if task.done() and (problem := task.exception()):
            raise problem
        task.cancel()
    await asyncio.sleep(AFTERWARDS)
    measured.phase = "afterwards"
    measured.held.append((measured.phase, time.monotonic(), *held(pid)))
    return measured


# --- The report ----------------------------------------------------------------------------------


def percentile(values: list[float], share: float) -> float:
    """Return the value that `share` of `values` do not exceed."""
    return (
        sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else float("nan")
    )


def report(measured: Measured) -> str:
    """Return the tables as Markdown."""
    rows = []
    for kind in [*WORK, "all"]:
        row = [kind]
        for phase in ("alone", "attacked"):
            found = [
                s
                for (p, k), seconds in measured.seconds.items()
                if p == phase and kind in (k, "all")
                for s in seconds
            ]
            row += [str(len(found))]
            row += [f"{percentile(found, share):.2f}" for share in (0.5, 0.95)]
        rows.append(row)
    waits = table(
        (
            "work",
            *(f"{v}, {p}" for p in ("alone", "attacked") for v in ("N", "median s", "p95 s")),
        ),
        rows,
    )
    told = [
        f"{phase}: {count} × {sentence}"
        for phase, errors in measured.errors.items()
        for sentence, count in errors.items()
    ]
    of = {
        phase: [h for h in measured.held if h[0] == phase]
        for phase in ("alone", "attacked", "afterwards")
    }
    windows = {
        "alone, last 3 minutes": of["alone"][-WINDOW:],
        "attacked, first 3 minutes": of["attacked"][:WINDOW],
        "attacked, last 3 minutes": of["attacked"][-WINDOW:],
        "afterwards": of["afterwards"],
    }
    holds = table(
        ("the server", "MB resident", "most MB", "threads", "open files"),
        [
            [
                name,
                f"{statistics.median(h[2] for h in found):.0f}",
                f"{max(h[2] for h in found):.0f}",
                *(str(int(statistics.median(h[i] for h in found))) for i in (3, 4)),
            ]
            for name, found in windows.items()
            if found
        ],
    )
    tried = Counter[str]()
    for attack, count in measured.attacks.items():
        tried[attack.partition(":")[0]] += count
    attacks = ", ".join(f"{name} {count}" for name, count in sorted(tried.items()))
    errors = "Errors of visitors: " + ("; ".join(told) if told else "none") + "."
    return f"{waits}\n\n{errors}\n\n{holds}\n\nAttacks: {attacks}."


def main(arguments: list[str] | None = None) -> None:
    """Soak a page, print what was found and write it down."""
    parser = argparse.ArgumentParser(description="Fifty visitors and two attackers.")
    parser.add_argument("--visitors", type=int, default=50)
    parser.add_argument("--alone", type=float, default=6, help="minutes without attackers")
    parser.add_argument("--attack", type=float, default=30, help="minutes with them")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-write", action="store_true", help="leave RESULTS.md as it is")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        base, started = Path(folder), []
        places = {n: str(base / n.lower()) for n in ("AIGC_RUNS", "AIGC_CACHE", "GRADIO_TEMP_DIR")}
        log = base / "log.txt"
        hosts = {"AIGC_PROFILE": "public", "AIGC_PROXIES": "1", "AIGC_HOSTS": "localhost"}
        with serve(log, started=started, **places, **hosts) as address:
            minutes = {"alone": options.alone, "attacked": options.attack}
            work = soak(address, started[0], options.visitors, minutes, options.seed)
            measured = asyncio.run(work)
        print(json.dumps(measured.attacks, indent=1), log.read_text()[-2000:], sep="\n")
        files = [p for p in base.rglob("*") if p.is_file()]
        left = (
            f"On disk: {sum(p.stat().st_size for p in files) / 1e6:.0f} MB in {len(files)} files."
        )
    found = f"{report(measured)} {left}"
    print(found)
    if not options.no_write:
        write_section(TITLE, "python -m benchmarks.soak", found)


if __name__ == "__main__":
    main()
