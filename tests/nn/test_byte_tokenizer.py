"""Any string becomes bytes that a network can read, and the same words the same bytes."""

from __future__ import annotations

import pytest
import torch

from aigc_demo.nn import byte_tokenizer

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
    codes = byte_tokenizer.encode([given])
    assert codes.shape == (1, byte_tokenizer.MAX_BYTES) and codes.dtype == torch.uint8
    length = int((codes != 0).sum())
    assert not codes[0, length:].any(), "zeros stand at the end only"
    again = byte_tokenizer.encode(byte_tokenizer.decode(codes))
    assert torch.equal(codes, again)


@pytest.mark.parametrize("length", range(1, 12))
def test_a_text_is_cut_between_characters(length: int) -> None:
    said = "aé海🐬" * 3
    (cut,) = byte_tokenizer.decode(byte_tokenizer.encode([said], length))
    assert said.startswith(cut) and length - 3 <= len(cut.encode()) <= length


def test_what_reads_the_same_is_the_same() -> None:
    forms = ["red fox", " Red  FOX ", "red\nfox", "ＲＥＤ fox", "red\0fox", "red\u3000fox"]
    codes = byte_tokenizer.encode(forms)
    assert (codes == codes[0]).all()


def test_what_reads_differently_differs() -> None:
    codes = byte_tokenizer.encode(["red fox", "redfox", "fox red", "red fix", "red fox 2"])
    assert len({tuple(row) for row in codes.tolist()}) == 5
