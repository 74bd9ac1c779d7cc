"""A small text encoder, trained from scratch: bytes of a text to a few vectors.

Bytes are pooled into words before any layer, as in Pagnoni et al., "Byte Latent Transformer",
2024, https://arxiv.org/abs/2412.09871. A word is the sum of the embeddings of its bytes, of its
byte trigrams and of its prefixes, the last of which is the whole word; trigrams and prefixes are
hashed into one table. So a known word costs a look-up and no layer has to learn spelling, while a
word with a typo still shares its letters and its prefix. A few transformer layers then let learned
*slots* attend to the words; the slots are the encoding.

It sees tensors only, and knows no method.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PRIME = 1_000_003  # of the rolling hash
MIXER = -7046029254386353131  # an odd factor that mixes all 64 bits of a hash


class TransformerLayer(nn.Module):
    """A pre-norm transformer layer."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.widen = nn.Linear(width, 4 * width)
        self.narrow = nn.Linear(4 * width, width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Map x (B, N, W) to the same shape; mask (B, 1, 1, N) is true where to attend."""
        b, n, w = x.shape
        qkv = self.qkv(self.norm1(x)).view(b, n, 3, self.heads, w // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # (B, heads, N, W / heads)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x + self.out(y.transpose(1, 2).reshape(b, n, w))
        return x + self.narrow(F.gelu(self.widen(self.norm2(x))))


class TextEncoder(nn.Module):
    """Encodes bytes (B, L) as slots, concatenated: (B, slots · width)."""

    def __init__(self, *, width: int, depth: int, slots: int, table: int) -> None:
        super().__init__()
        self.width = width
        self.letters = nn.Embedding(256, width)
        self.table = nn.Embedding(table, width)
        self.slots = nn.Parameter(torch.randn(slots, width))
        heads = max(1, width // 32)
        self.layers = nn.ModuleList([TransformerLayer(width, heads) for _ in range(depth)])
        self.norm0, self.norm = nn.LayerNorm(width), nn.LayerNorm(width)
        nn.init.normal_(self.letters.weight, std=0.3)
        nn.init.normal_(self.table.weight, std=0.3)

    @property
    def outputs(self) -> int:
        """Length of an encoding."""
        return self.slots.numel()

    def forward(self, codes: Tensor) -> Tensor:
        """Encode codes (B, L), uint8, padded with 0; the amount of padding makes no difference."""
        starts, inside = word_boundaries(codes)
        x = self.letters(codes.long())
        for hashed in (trigram_hashes(codes), prefix_hashes(codes, starts)):
            x = x + self.table(((hashed * MIXER) >> 20) % self.table.num_embeddings)
        x, present = _pool_words(x, starts, inside, fixed=not self.training)
        x = self.norm0(x) + _sinusoids(x.shape[1], self.width, x.device)
        x = torch.cat([self.slots.expand(len(x), -1, -1), x], dim=1)
        mask = F.pad(present, (len(self.slots), 0), value=True)[:, None, None]
        for layer in self.layers:
            x = layer(x, mask)
        return self.norm(x[:, : len(self.slots)]).flatten(1)


def word_boundaries(codes: Tensor) -> tuple[Tensor, Tensor]:
    """Return where words begin in codes (B, L), and which bytes belong to one, bool (B, L).

    Spaces separate words; an ASCII byte that is neither letter nor digit is a word of its own.
    """
    x = codes.long()
    inside = (x != 0) & (x != 32)
    letter = (x >= 128) | ((x >= 97) & (x <= 122)) | ((x >= 65) & (x <= 90))
    letter = letter | ((x >= 48) & (x <= 57))
    before = F.pad(letter, (1, 0))[:, :-1]
    return inside & ~(before & letter), inside


def trigram_hashes(codes: Tensor) -> Tensor:
    """Return a hash of each byte of codes (B, L) and the two before it, int64 (B, L)."""
    x = F.pad(codes.long(), (2, 0))
    return (x[:, 2:] * PRIME + x[:, 1:-1]) * PRIME + x[:, :-2]


def prefix_hashes(codes: Tensor, starts: Tensor) -> Tensor:
    """Return a hash of each byte of codes (B, L) and all before it in its word, int64 (B, L)."""
    hashed, columns = torch.zeros_like(codes[:, 0], dtype=torch.int64), []
    for byte, first in zip(codes.long().unbind(1), starts.unbind(1), strict=True):
        hashed = torch.where(first, 7, hashed) * PRIME + byte
        columns.append(hashed)
    return torch.stack(columns, dim=1)


def _pool_words(
    x: Tensor, starts: Tensor, inside: Tensor, *, fixed: bool
) -> tuple[Tensor, Tensor]:
    """Sum the vectors x (B, L, W) of each word's bytes; return the sums (B, N, W) and which of the
    N words exist (B, N).

    N is that of the text with most words or, where `fixed`, of the most that L can hold, so that
    how the encoding of a text is rounded does not depend on other texts in the batch.
    """
    word = starts.long().cumsum(1)  # (B, L), the first word is 1
    n = x.shape[1] if fixed else max(1, int(word.max()))
    sums = x.new_zeros(len(x), n + 1, x.shape[2])
    sums.scatter_add_(1, (word * inside)[:, :, None].expand_as(x), x)
    present = torch.arange(n, device=x.device) < word[:, -1:]
    return sums[:, 1:], present


def _sinusoids(length: int, width: int, device: torch.device) -> Tensor:
    """Return sinusoidal position embeddings (length, width)."""
    rates = torch.exp(-torch.arange(width // 2, device=device) * (math.log(100) * 2 / width))
    angles = torch.arange(length, device=device)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)
