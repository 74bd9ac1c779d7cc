"""Plans of photographs: what a network says of each pixel, settled by a random field on the photo.

The network works at the size that it was trained at and knows roughly what is where; where exactly
it ends is to be seen in the photograph. So the field (`crf`) is settled on that, at most `SIDE`
pixels large: like pixels agree on a class.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from aigc_demo import device as devices
from aigc_demo.imaging import images
from aigc_demo.methods.segment import Segment

SIDE = 256  # pixels of the longer side


@torch.no_grad()
def chances(image: Image.Image, model: Segment) -> Tensor:
    """Return the chances of the classes (1, K, h, w) of an RGB picture, as large as the network
    sees it.
    """
    device = next(model.parameters()).device
    factor = model.config.size / min(image.size)
    size = tuple(max(1, round(side * factor)) for side in image.size)
    small = image if size == image.size else image.resize(size, Image.Resampling.LANCZOS)
    piece = np.asarray(small, np.float32) / 255
    x = images.to_batch(piece, model.multiple, device, least=model.multiple)
    with devices.autocast(device):
        p = model.probabilities(x)
    return p[..., : piece.shape[0], : piece.shape[1]].float()


@torch.no_grad()
def settle(p: Tensor, image: Image.Image, model: Segment, field: float = 1.0) -> Tensor:
    """Return the class numbers (H, W) of an RGB picture, or of a smaller copy of it, from its
    chances p (1, K, h, w); `field` is how much the field counts, 0: not at all.
    """
    factor = min(1.0, SIDE / max(image.size))
    size = tuple(max(1, round(side * factor)) for side in image.size)
    seen = image if factor == 1 else image.resize(size, Image.Resampling.LANCZOS)
    x = images.from_pixels(images.to_pixels(seen))[None].to(p.device)
    if p.shape[2:] != x.shape[2:]:
        p = F.interpolate(p, x.shape[2:], mode="bilinear", align_corners=False)
    if field:
        p = model.settled(p, x, field)
    return p[0].argmax(0)


def draw(image: Image.Image, model: Segment, field: float) -> Image.Image:
    """Return the plan of an RGB picture, of its size, in the exact colours of the classes."""
    numbers = settle(chances(image, model), image, model, field)
    plan = images.to_pil(model.plan(numbers[None]))[0]
    return plan if plan.size == image.size else plan.resize(image.size, Image.Resampling.NEAREST)
