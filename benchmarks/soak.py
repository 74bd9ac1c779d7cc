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
import itertools
import json
import os
import random
import statistics
import struct
import tempfile
import time
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from skimage import data as photographs

from benchmarks.report import table, write_section
from tests.app_server import serve

TITLE = "Fifty visitors and two attackers"
WARM_UP, AFTERWARDS = 60.0, 90.0  # seconds
THINKING, TIMEOUT = 45.0, 180.0  # seconds; thinking: the mean
SAMPLE_EVERY, WINDOW = 5.0, 36  # seconds; samples of three minutes
SIZE = (1224, 816)  # pixels of the photograph that is restored
API = "/gradio_api"
PIPELINE = json.dumps([{"name": "rotate", "degrees": 15}, {"name": "resized_crop"}])


class Refused(Exception):
    """The server answered with an error; the message is its sentence."""


@dataclass
class Measured:
    """What visitors wait for, what they are told instead, and what the server holds."""

    phase: str = "warm-up"
    seconds: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    attacks: Counter[str] = field(default_factory=Counter)
    held: list[tuple[str, float, float, int, int]] = field(default_factory=list)


class Client:
    """Somebody who asks, from an address of their own."""

    def __init__(self, address: str, number: str) -> None:
        headers = {"x-forwarded-for": number, "x-aigc-key": f"the secret of {number}"}
        self.http = httpx.AsyncClient(base_url=address, headers=headers, timeout=TIMEOUT)

    async def call(self, name: str, *values: Any, **headers: str) -> list[Any]:
        """Return what an endpoint answers; raises Refused."""
        where, body = f"{API}/call/{name}", {"data": values}
        asked = await self.http.post(where, json=body, headers=headers)
        if asked.status_code != 200:
            raise Refused(asked.text[:200])
        event = asked.json()["event_id"]
        async with self.http.stream("GET", f"{API}/call/{name}/{event}") as stream:
            kind = ""
            async for line in stream.aiter_lines():
                if line.startswith("event: "):
                    kind = line.removeprefix("event: ")
                elif line.startswith("data: ") and kind == "error":
                    raise Refused(line.removeprefix("data: ")[:200])
                elif line.startswith("data: ") and kind == "complete":
                    return json.loads(line.removeprefix("data: "))
        raise Refused("the stream ended without a result")

    async def upload(self, name: str, content: bytes) -> dict[str, Any]:
        """Return a file as an endpoint takes it."""
        sent = await self.http.post(f"{API}/upload", files={"files": (name, content)})
        if sent.status_code != 200:
            raise Refused(sent.text[:200])
        return {"path": sent.json()[0], "meta": {"_type": "gradio.FileData"}}


# --- The visitors --------------------------------------------------------------------------------


def photograph(size: tuple[int, int]) -> bytes:
    """Return a photograph as a JPEG file."""
    file = io.BytesIO()
    Image.fromarray(photographs.coffee()).resize(size).save(file, "JPEG", quality=90)
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


# --- Those who want to harm ----------------------------------------------------------------------


def huge_png(side: int = 13_000) -> bytes:
    """Return a small file of very many pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        end = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + end

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes((side + 1) * side), 9)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", rows), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def crowded_zip(entries: int = 60_000) -> bytes:
    """Return an archive of very many files."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for i in range(entries):
            archive.writestr(f"{i}.png", b"x")
    return file.getvalue()


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n{} loop\n"
HUGE, CROWDED = huge_png(), crowded_zip()
MARKUP = "![](//evil.example/a.png)?[Session over: log in](//evil.example)"


class Attacker:
    """Does what has harmed pages before, over and over."""

    def __init__(self, client: Client, config: dict[str, Any], runs: list[str]) -> None:
        self.client, self.runs, self.numbers = client, runs, itertools.count()
        functions = [d for d in config["dependencies"] if d["backend_fn"]]
        self.functions = {d["api_name"]: d["id"] for d in functions}
        self.archive_inputs = next(d for d in functions if d["api_name"] == "augment_all")[
            "inputs"
        ]
        self.sockets: set[asyncio.Task[None]] = set()

    async def spaces(self) -> None:
        await self.client.call("generate", "emoji-text2image", None, 1, 0, False, None, None,
                               None, None, True, " " * 24_000 + "x")  # fmt: skip

    async def pixels(self) -> None:
        file = await self.client.upload("holiday.png", HUGE)
        await self.client.call("restore", file, None, "denoise")

    async def postscript(self) -> None:
        file = await self.client.upload("holiday.png", EPS)
        await self.client.call("restore", file, None, "denoise")

    async def blobs(self) -> None:
        body = {"component_id": "1", "session_hash": "s", "fn_name": "accept_blobs"}
        body |= {"type": "layer", "index": "30000000", "id": str(next(self.numbers))}
        await self.client.http.post(
            f"{API}/component_server", data=body, files={"file": ("blob", b"x" * 100_000)}
        )

    async def steer(self) -> None:
        for name in self.runs[-1:]:
            for command in ("pause", "discard"):
                await self.client.call("steer", name, command)

    async def endless(self) -> None:
        await self.client.call("train", "dcgan", "shapes", 0, 5e4, 4096, 1e-3, 256)

    async def places(self) -> None:
        """Fill the places of runs, each for somebody who has not been here before."""
        headers = {"x-aigc-key": f"another secret, number {next(self.numbers)}"}
        await self.client.call("train", "dcgan", "shapes", 0, 5e4, 16, 1e-3, 32, **headers)

    async def samples(self) -> None:
        data = f"generated:fashion_mnist-dcgan?n=2000&seed={next(self.numbers)}"
        await self.client.call("train", "dcgan", data, 1)

    async def joins(self) -> None:
        body = {"data": ["fashion_mnist-flow", None, 64], "event_data": None}
        body |= {"fn_index": self.functions["generate"], "session_hash": "nobody listens"}
        posts = (self.client.http.post(f"{API}/queue/join", json=body) for _ in range(90))
        await asyncio.gather(*posts)

    async def markup(self) -> None:
        await self.client.call("train", "dcgan", MARKUP, 1)

    async def crowd(self) -> None:
        file = await self.client.upload("pictures.zip", CROWDED)
        data: list[Any] = [[file]] + [None] * (len(self.archive_inputs) - 1)
        body = {"data": data, "fn_index": self.functions["augment_all"], "event_data": None}
        body["session_hash"] = f"crowd{next(self.numbers)}"
        await self.client.http.post(f"{API}/queue/join", json=body)

    async def fill(self) -> None:
        for _ in range(5):
            await self.client.upload("noise.png", os.urandom(8_000_000))

    async def rebinding(self) -> None:
        await self.client.http.get("/config", headers={"host": "evil.example"})

    async def stalled(self) -> None:
        """Begin a few uploads that do not come to an end."""
        url = self.client.http.base_url
        for _ in range(5):
            task = asyncio.create_task(self._stall(url.host, url.port or 80))
            self.sockets.add(task)
            task.add_done_callback(self.sockets.discard)

    async def _stall(self, host: str, port: int) -> None:
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(
            f"POST {API}/upload HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9999\r\n"
            "content-type: multipart/form-data; boundary=b\r\n\r\n--b".encode()
        )
        await reader.read()
        writer.close()

    async def attack(self, dice: random.Random, measured: Measured) -> None:
        """Attack without a pause, in any order."""
        ways = [self.spaces, self.pixels, self.postscript, self.blobs, self.steer, self.endless,
                self.places, self.samples, self.joins, self.markup, self.crowd, self.fill,
                self.rebinding, self.stalled]  # fmt: skip
        while True:
            for way in dice.sample(ways, len(ways)):
                try:
                    await way()
                    measured.attacks[f"{way.__name__}: answered"] += 1
                except (Refused, httpx.HTTPError, OSError) as problem:
                    told = str(problem).splitlines()[:1] or [type(problem).__name__]
                    measured.attacks[f"{way.__name__}: {told[0][:90]}"] += 1
                await asyncio.sleep(0.2)


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
        begin(attacker.attack(random.Random(f"{seed} attacker {i}"), measured))
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
