"""What has harmed pages before, done by a program: see docs/SECURITY-TESTS.md, and `soak`."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import os
import random
import struct
import zipfile
import zlib
from collections import Counter
from typing import Any

import httpx

API = "/gradio_api"
TIMEOUT = 180.0  # seconds


class Refused(Exception):
    """The server answered with an error; the message is its sentence."""


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

    async def attack(self, dice: random.Random, done: Counter[str]) -> None:
        """Attack without a pause, in any order."""
        ways = [self.spaces, self.pixels, self.postscript, self.blobs, self.steer, self.endless,
                self.places, self.samples, self.joins, self.markup, self.crowd, self.fill,
                self.rebinding, self.stalled]  # fmt: skip
        while True:
            for way in dice.sample(ways, len(ways)):
                try:
                    await way()
                    done[f"{way.__name__}: answered"] += 1
                except (Refused, httpx.HTTPError, OSError) as problem:
                    told = str(problem).splitlines()[:1] or [type(problem).__name__]
                    done[f"{way.__name__}: {told[0][:90]}"] += 1
                await asyncio.sleep(0.2)
