"""Label maps of façades: class probabilities of a network, refined by a CRF on the photograph.

The network works at the size that it was trained at and knows roughly what is where; where exactly
it ends is to be seen in the photograph, so the CRF works on that, at most `SIDE` pixels large.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from aigc_demo import device as devices
from aigc_demo.imaging import images

if TYPE_CHECKING:  # a model is loaded with its method when it is asked for
    from aigc_demo.methods.segment import Segment

SIDE = 256  # pixels of the longer side


@torch.no_grad()
def probabilities(image: Image.Image, model: Segment) -> Tensor:
    """Return the class probabilities (1, K, h, w) of an RGB image, at the network's resolution."""
    device = next(model.parameters()).device
    pixels = np.asarray(_scaled(image, model.config.size / min(image.size)), np.float32) / 255
    x = images.to_batch(pixels, model.multiple, device, least=model.multiple)
    with devices.autocast(device):
        p = model.probabilities(x)
    return p[..., : pixels.shape[0], : pixels.shape[1]].float()


@torch.no_grad()
def refine(p: Tensor, image: Image.Image, model: Segment, weight: float = 1.0) -> Tensor:
    """Return the class numbers (H, W) of an RGB image, or of a smaller copy of it, from its class
    probabilities p (1, K, h, w); `weight` is that of the pairwise potentials, 0: no CRF.
    """
    small = _scaled(image, min(1.0, SIDE / max(image.size)))
    x = images.from_pixels(images.to_pixels(small))[None].to(p.device)
    if p.shape[2:] != x.shape[2:]:
        p = F.interpolate(p, x.shape[2:], mode="bilinear", align_corners=False)
    if weight:
        p = model.refine_with_crf(p, x, weight)
    return p[0].argmax(0)


def _scaled(image: Image.Image, factor: float) -> Image.Image:
    size = tuple(max(1, round(side * factor)) for side in image.size)
    return image if size == image.size else image.resize(size, Image.Resampling.LANCZOS)


def label_map(image: Image.Image, model: Segment, weight: float) -> Image.Image:
    """Return the label map of an RGB image, of its size, in the exact colours of the classes."""
    classes = refine(probabilities(image, model), image, model, weight)
    drawn = images.to_pil(model.to_label_map(classes[None]))[0]
    return drawn.resize(image.size, Image.Resampling.NEAREST)
