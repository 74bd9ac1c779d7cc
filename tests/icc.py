"""Small colour profiles, since none may be counted on to be on a machine."""

from __future__ import annotations

import struct

import numpy as np

# The primaries of Display P3, as columns X, Y, Z under D50 (SMPTE EG 432-1).
P3 = {"r": (0.5151, 0.2412, -0.0011), "g": (0.2920, 0.6922, 0.0419), "b": (0.1571, 0.0666, 0.7841)}
WHITE = (0.9642, 1.0, 0.8249)


def display_p3(padding: int = 0) -> bytes:
    """Return a profile of wide-gamut RGB, gamma 2.2, as much longer as `padding` says."""
    tags = {b"wtpt": _xyz(WHITE)}
    for channel, colour in P3.items():
        tags[f"{channel}XYZ".encode()] = _xyz(colour)
        tags[f"{channel}TRC".encode()] = _gamma(2.2)
    if padding:
        noise = np.random.default_rng(0).integers(0, 256, padding, np.uint8).tobytes()
        tags[b"wxyz"] = b"data" + bytes(8) + noise
    return _profile(b"RGB ", b"XYZ ", b"mntr", tags)


def dark_grey() -> bytes:
    """Return a profile of grey whose middle is darker than that of sRGB."""
    return _profile(b"GRAY", b"XYZ ", b"mntr", {b"wtpt": _xyz(WHITE), b"kTRC": _gamma(3.5)})


def ink() -> bytes:
    """Return a profile of CMYK whose inks are duller than those of a screen."""
    corners = []
    for number in range(16):
        c, m, y, k = ((number >> bit) & 1 for bit in (3, 2, 1, 0))
        light = (95 - 35 * c - 45 * m - 8 * y) * (1 - 0.9 * k)
        a, b = (-30 * c + 60 * m - 5 * y) * (1 - k), (-40 * c - 5 * m + 70 * y) * (1 - k)
        corners += [max(0, light) * 2.55, a + 128, b + 128]
    ramp = bytes(range(256))
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0])
    table += struct.pack(">9i", *(65536 * int(i in (0, 4, 8)) for i in range(9)))
    table += ramp * 4 + bytes(round(v) for v in corners) + ramp * 3
    return _profile(b"CMYK", b"Lab ", b"prtr", {b"wtpt": _xyz(WHITE), b"A2B0": table})


def _profile(space: bytes, pcs: bytes, kind: bytes, tags: dict[bytes, bytes]) -> bytes:
    tags = {b"desc": b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\0" + bytes(78), **tags}
    at, table, body = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += name + struct.pack(">II", at + len(body), len(data))
        body += data
    header = struct.pack(">I", at + len(body)) + b"lcms" + struct.pack(">I", 0x02400000)
    header += kind + space + pcs + struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp"
    header = header.ljust(68, b"\0") + struct.pack(">3i", *(round(v * 65536) for v in WHITE))
    return header.ljust(128, b"\0") + table + body


def _xyz(values: tuple[float, float, float]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(v * 65536) for v in values))


def _gamma(value: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(value * 256))
