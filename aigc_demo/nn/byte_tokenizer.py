"""The only text boundary: strings ⇄ bytes (B, L), uint8, padded with 0 at the end.

Bytes, so that any string in any script is an input and nothing is out of vocabulary. Case, width,
runs of spaces and control characters are normalised, for captions and prompts alike.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import torch
from torch import Tensor

MAX_BYTES = 200  # of UTF-8, after which a text is cut, between two characters


def clean(text: str) -> str:
    """Normalise `text`: NFKC, case folded, control characters and runs of spaces as one space."""
    text = unicodedata.normalize("NFKC", text).casefold()
    return " ".join("".join(" " if unicodedata.category(c) == "Cc" else c for c in text).split())


def encode(texts: Sequence[str], length: int = MAX_BYTES) -> Tensor:
    """Return the bytes of `texts`, uint8 (B, length), truncated between characters."""
    rows = torch.zeros(len(texts), length, dtype=torch.uint8)
    for row, text in zip(rows, texts, strict=True):
        # A lone surrogate has no bytes of its own: it becomes a question mark.
        data = clean(text[: 4 * length]).encode("utf-8", "replace")[:length]
        data = data.decode("utf-8", "ignore").strip().encode()
        if data:
            row[: len(data)] = torch.frombuffer(bytearray(data), dtype=torch.uint8)
    return rows


def decode(codes: Tensor) -> list[str]:
    """Return the texts whose bytes are `codes` (B, L)."""
    return [bytes(row).rstrip(b"\0").decode("utf-8", "replace") for row in codes.cpu().tolist()]
