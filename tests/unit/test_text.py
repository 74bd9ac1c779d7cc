"""Any string becomes bytes that a network can read, and the same words the same bytes."""

from __future__ import annotations

import pytest
import torch

from aigc_demo import text

ANY = [
    "",
    " ",
    "dolphin",
    "Ünïcödé",
    "海豚",
    "🐬" * 300,
    "\0",
    "a\0b",
    "\ud800",
    "דולפין",
    "x" * 10_000,
]


@pytest.mark.parametrize("given", ANY, ids=[ascii(t)[:20] for t in ANY])
def test_any_string_has_bytes_of_one_length(given: str) -> None:
    codes = text.encode([given])
    assert codes.shape == (1, text.MAX_BYTES) and codes.dtype == torch.uint8
    length = int((codes != 0).sum())
    assert not codes[0, length:].any(), "zeros stand at the end only"
    again = text.encode(text.decode(codes))
    assert torch.equal(codes, again)


@pytest.mark.parametrize("length", range(1, 12))
def test_a_text_is_cut_between_characters(length: int) -> None:
    said = "aé海🐬" * 3
    (cut,) = text.decode(text.encode([said], length))
    assert said.startswith(cut) and length - 3 <= len(cut.encode()) <= length


def test_what_reads_the_same_is_the_same() -> None:
    forms = ["red fox", " Red  FOX ", "red\nfox", "ＲＥＤ fox", "red\0fox", "red\u3000fox"]
    codes = text.encode(forms)
    assert (codes == codes[0]).all()


def test_what_reads_differently_differs() -> None:
    codes = text.encode(["red fox", "redfox", "fox red", "red fix", "red fox 2"])
    assert len({tuple(row) for row in codes.tolist()}) == 5
