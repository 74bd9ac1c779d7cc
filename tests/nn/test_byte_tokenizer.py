"""Any string becomes bytes that a network can read, and the same words the same bytes."""

from __future__ import annotations

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


def test_any_string_has_bytes_of_one_length() -> None:
    codes = byte_tokenizer.encode(ANY)
    assert codes.shape == (len(ANY), byte_tokenizer.MAX_BYTES) and codes.dtype == torch.uint8
    for row in codes:
        assert not row[int((row != 0).sum()) :].any(), "zeros stand at the end only"
    assert torch.equal(codes, byte_tokenizer.encode(byte_tokenizer.decode(codes)))


def test_a_text_is_cut_between_characters() -> None:
    text = "aé海🐬" * 3
    for length in range(1, 12):
        (cut,) = byte_tokenizer.decode(byte_tokenizer.encode([text], length))
        assert text.startswith(cut) and length - 3 <= len(cut.encode()) <= length


def test_what_reads_the_same_is_the_same() -> None:
    forms = ["red fox", " Red  FOX ", "red\nfox", "ＲＥＤ fox", "red\0fox", "red\u3000fox"]
    codes = byte_tokenizer.encode(forms)
    assert (codes == codes[0]).all()


def test_what_reads_differently_differs() -> None:
    codes = byte_tokenizer.encode(["red fox", "redfox", "fox red", "red fix", "red fox 2"])
    assert len({tuple(row) for row in codes.tolist()}) == 5
