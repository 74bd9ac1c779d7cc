"""A pipeline as source code: for torchvision and for Albumentations."""

from __future__ import annotations

from aigc_demo.augment.pipeline import Pipeline, Step
from aigc_demo.augment.transform import Size

TORCHVISION = """\
import torch
from torchvision.transforms import v2

# For pictures of {width}×{height} pixels.
pipeline = v2.Compose(
    [
        v2.ToImage(),
{steps}    ]
)
{mixing}
torch.manual_seed({seed})  # this decides the draw
image = pipeline(image)
"""

MIX = """\
# With `partner`, another picture; in training, with a whole batch.
size = list(image.shape[-2:])
partner = v2.functional.resize(v2.functional.to_image(partner), size)
both = torch.stack([image, partner]).float()
image = mix{i}(both, torch.tensor([0, 1]))[0][0].round().clamp(0, 255).to(torch.uint8)
"""

ALBUMENTATIONS = """\
import albumentations as A

# For pictures of {width}×{height} pixels, as arrays (height, width, 3) of uint8.
pipeline = A.Compose(
    [
{steps}    ],
    seed={seed},
)
image = pipeline(image=image)["image"]
"""


def torchvision_code(pipeline: Pipeline, size: Size, seed: int = 0) -> str:
    """Return source that makes, of a picture `image` of `size` (height, width), the very pixels
    that `apply` makes with `seed`.
    """
    height, width = size
    steps, mixing = [], []
    for step in pipeline:
        if step.mixes:
            mixing.append(_torchvision_step(step, size))
        else:
            steps.append(_torchvision_step(step, size))
            if step.p == 1:
                size = step.transform.output_size(size, **step.values)
    return TORCHVISION.format(
        width=width,
        height=height,
        seed=seed,
        steps="".join(f"        {source},\n" for source in steps),
        mixing="".join(f"mix{i} = {source}\n" for i, source in enumerate(mixing, 1)),
    ) + "".join(MIX.format(i=i) for i, _ in enumerate(mixing, 1))


def _torchvision_step(step: Step, size: Size) -> str:
    call = step.call(size)
    if step.transform.takes_p:
        return call.source("v2", p=step.p)
    source = call.source("v2")
    return f"v2.RandomApply([{source}], p={step.p!r})" if step.gated else source


def albumentations_code(pipeline: Pipeline, size: Size, seed: int = 0) -> str:
    """Return the same steps for Albumentations 2.0.8 (MIT), as near as it has them: its random
    numbers and its pixels are its own. What has no counterpart is a comment.
    """
    height, width = size
    steps = ""
    for step in pipeline:
        call = step.transform.albumentations(size, **step.values)
        source = f"{call.source('A', p=step.p)}," if call else f"# {step.name}: no counterpart"
        steps += f"        {source}\n"
    return ALBUMENTATIONS.format(width=width, height=height, seed=seed, steps=steps)
