"""The denoising network of `text2image`: a transformer over patches between a few convolutions.

Hoogeboom et al., "Simple Diffusion", 2023, https://arxiv.org/abs/2301.11093; modulated as in
Peebles & Xie, "Scalable Diffusion Models with Transformers", 2022,
https://arxiv.org/abs/2212.09748, by vectors that all blocks share, as in Chen et al., "PixArt-α",
2023, https://arxiv.org/abs/2310.00426.

Before any noise is seen, the text encoding is turned into a *layout*, a vector for each token, and
that into a *sketch*, a small image of what the text means. Layers are called as in the shipped
weights. It sees tensors only, and knows no method.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aigc_demo.nn.layers import frequencies

PATCH, TOKEN = 4, 8  # side in pixels of a patch of the convolutions, and of a token
SKETCH_REDUCTION = 2  # how many times smaller than the image the sketch is
SKETCH = TOKEN // SKETCH_REDUCTION  # side of a token in the sketch


class ConvBlock(nn.Module):
    """Two 3×3 convolutions, added to their input; the second is modulated by the condition."""

    def __init__(self, channels: int, condition: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = (nn.GroupNorm(channels // 16, channels) for _ in range(2))
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.modulation = nn.Linear(condition, 2 * channels)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """Map x (B, C, H, W), with the condition c (B, E), to the same shape."""
        h = self.norm2(self.conv1(F.silu(self.norm1(x))))
        scale, shift = self.modulation(c)[:, :, None, None].chunk(2, dim=1)
        return x + self.conv2(F.silu(h * (1 + scale) + shift))


class TransformerBlock(nn.Module):
    """A transformer layer modulated by the sum of six shared vectors and six of its own."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = max(1, width // 32)
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.own = nn.Parameter(torch.zeros(6, width))
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.widen = nn.Linear(width, 3 * width)
        self.narrow = nn.Linear(3 * width, width)

    def forward(self, x: Tensor, shared: Tensor) -> Tensor:
        """Map x (B, N, W), modulated by shared (B, 6, W), to the same shape."""
        b, n, w = x.shape
        shift1, scale1, gate1, shift2, scale2, gate2 = (shared + self.own)[:, :, None].unbind(1)
        h = torch.addcmul(shift1, self.norm(x), 1 + scale1)
        qkv = self.qkv(h).view(b, n, 3, self.heads, w // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # (B, heads, N, W / heads)
        h = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, n, w)
        x = torch.addcmul(x, self.out(h), gate1)
        h = torch.addcmul(shift2, self.norm(x), 1 + scale2)
        return torch.addcmul(x, self.narrow(F.gelu(self.widen(h))), gate2)


class Denoiser(nn.Module):
    """Predicts the clean image from a noisy one, the time and a text encoding of `slots` vectors.

    `encoding` is the length of a text encoding, `width` and `depth` are the transformer's, `outer`
    is the width of the convolutions, `layout` that of the layout and `plan` of its hidden layer.
    """

    def __init__(
        self,
        size: int,
        channels: int,
        *,
        encoding: int,
        slots: int,
        width: int,
        depth: int,
        outer: int,
        plan: int,
        layout: int,
    ) -> None:
        super().__init__()
        w, self.side, self.slots = width, size // TOKEN, slots
        pixels, inner = channels * PATCH**2, outer * (TOKEN // PATCH) ** 2
        self.register_buffer("frequencies", frequencies(w), persistent=False)
        self.time = nn.Sequential(nn.Linear(w, w), nn.SiLU(), nn.Linear(w, w))
        self.words = nn.Linear(encoding, w)
        self.modulation = nn.Linear(w, 6 * w)
        self.plan = nn.Sequential(
            nn.Linear(encoding, plan), nn.SiLU(), nn.Linear(plan, self.side**2 * layout)
        )
        self.spread = nn.Conv2d(layout, w, 3, padding=1)
        self.draw = nn.Conv2d(w, channels * SKETCH**2, 3, padding=1)
        self.lay = nn.Linear(w, w)
        self.say = nn.Linear(encoding // slots, w)
        self.places = nn.Parameter(torch.randn(self.side**2 + slots, w) * 0.1)
        self.enter = nn.Conv2d(pixels, outer, 3, padding=1)
        self.before = ConvBlock(outer, w)
        self.shrink = nn.Linear(inner, w)
        self.blocks = nn.ModuleList([TransformerBlock(w) for _ in range(depth)])
        self.norm = nn.LayerNorm(w)
        self.grow = nn.Linear(w, inner)
        self.join = nn.Conv2d(2 * outer, outer, 1)
        self.after = ConvBlock(outer, w)
        last = nn.Conv2d(outer, pixels, 3, padding=1)
        self.leave = nn.Sequential(nn.GroupNorm(outer // 16, outer), nn.SiLU(), last)
        nn.init.zeros_(last.weight)

    def layout_and_sketch(self, encoding: Tensor) -> tuple[Tensor, Tensor]:
        """Map text encodings (B, E) to the layout (B, width, H / 8, W / 8) and the sketch
        (B, C, H / 2, W / 2).
        """
        s = self.side
        layout = F.silu(self.spread(self.plan(encoding).view(len(encoding), -1, s, s)))
        return layout, F.pixel_shuffle(self.draw(layout), SKETCH)

    def forward(self, x: Tensor, t: Tensor, encoding: Tensor, layout: Tensor) -> Tensor:
        """Predict the clean image from x (B, C, H, W) at times t (B,) and encodings (B, E)."""
        b, s = len(x), self.side
        angles = t[:, None] * self.frequencies  # (B, width / 2)
        time = self.time(torch.cat([angles.cos(), angles.sin()], dim=1))
        c = F.silu(time + self.words(encoding))
        shared = self.modulation(c).view(b, 6, -1)

        # Convolve patches, then let image tokens and text slots attend to each other.
        h = skip = self.before(self.enter(F.pixel_unshuffle(x, PATCH)), c)
        h = F.pixel_unshuffle(h, TOKEN // PATCH).flatten(2).transpose(1, 2)  # (B, N, inner)
        text = self.say(encoding.view(b, self.slots, -1))
        h = self.shrink(h) + self.lay(layout.flatten(2).transpose(1, 2))
        h = torch.cat([h, text], dim=1) + self.places
        for block in self.blocks:
            h = block(h, shared)

        # Convolve again, with what the first convolutions found.
        h = self.grow(self.norm(h[:, : s * s])).transpose(1, 2).unflatten(2, (s, s))
        h = F.pixel_shuffle(h, TOKEN // PATCH).contiguous(memory_format=torch.channels_last)
        h = self.after(self.join(torch.cat([h, skip], dim=1)), c)
        return F.pixel_shuffle(self.leave(h), PATCH).float()
