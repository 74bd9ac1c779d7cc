"""A pipeline in words and as code: what was drawn, torchvision, Albumentations."""

from __future__ import annotations

from collections.abc import Callable

from aigc_demo.augment.pipeline import Drawn, Pipeline, Step, gated
from aigc_demo.augment.transform_spec import Size, Values

JITTERED = (
    ("brightness", "brightness_factor"), ("contrast", "contrast_factor"),
    ("saturation", "saturation_factor"), ("hue", "hue_factor"),
)  # fmt: skip


def told(drawn: Drawn) -> str:
    """Return what a step drew for one picture, such as ``rotate +12°``; “–” where it was left
    out.
    """
    if drawn.values is None:
        return f"{drawn.name} –"
    words = WORDS.get(drawn.name, lambda values: "")(drawn.values)
    return f"{drawn.name} {words}".strip()


def _jitter(v: Values) -> str:
    said = []
    for name, key in JITTERED:
        if v.get(key) is not None:
            said.append(
                f"{name[:3]} {v[key]:+.2f}" if name == "hue" else f"{name[:3]} ×{v[key]:.2f}"
            )
    return ", ".join(said)


def _policy(v: Values) -> str:
    done = [f"{name}" + (f" {by:.2g}" if by else "") for name, by in v.get("done", [])]
    return ": " + (", ".join(done) or "nothing")


def _erased(v: Values) -> str:
    return f"{v['w']}×{v['h']} at {v['j']}, {v['i']}" if v["v"] is not None else "nothing"


WORDS: dict[str, Callable[[Values], str]] = {
    "rotate": lambda v: f"{v['angle']:+.1f}°",
    "translate": lambda v: "{:+d}, {:+d} px".format(*v["translate"]),
    "scale": lambda v: f"×{v['scale']:.2f}",
    "shear": lambda v: "{:+.0f}°, {:+.0f}°".format(*v["shear"]),
    "crop": lambda v: f"{v['width']}×{v['height']} at {v['left']}, {v['top']}",
    "resized_crop": lambda v: f"{v['width']}×{v['height']} at {v['left']}, {v['top']}",
    "colour_jitter": _jitter,
    "blur": lambda v: f"σ {v['sigma'][0]:.1f} px",
    "jpeg": lambda v: f"quality {v['quality']}",
    "erase": _erased,
    "cutout": _erased,
    "auto_augment": _policy,
    "rand_augment": _policy,
    "trivial_augment": _policy,
    "aug_mix": _policy,
    "mixup": lambda v: f"{v['share']:.2f}",
    "cutmix": lambda v: f"{v['share']:.2f}",
}


def torchvision_code(pipeline: Pipeline, size: Size, seed: int = 0) -> str:
    """Return source that makes, of a picture `image` of `size` (height, width), the very pixels of
    this pipeline's draw of `seed`.
    """
    height, width = size
    steps, mixing, now = [], [], size
    for step in pipeline:
        line = _one(step, step.call(now).printed("v2"))
        if step.kind.group == "mixing":
            mixing.append(line)
        else:
            steps.append(line)
            now = _after(step, now)
    body = "".join(f"        {line},\n" for line in steps)
    source = (
        "import torch\nfrom torchvision.transforms import v2\n\n"
        f"# For pictures of {width}×{height} pixels.\n"
        f"pipeline = v2.Compose(\n    [\n        v2.ToImage(),\n{body}    ]\n)\n"
    )
    for i, line in enumerate(mixing, 1):
        source += f"mix{i} = {line}\n"
    source += f"\ntorch.manual_seed({seed})  # this decides the draw\nimage = pipeline(image)\n"
    for i, _ in enumerate(mixing, 1):
        source += (
            "# With `partner`, another picture; in training, with a whole batch.\n"
            "size = list(image.shape[-2:])\n"
            "partner = v2.functional.resize(v2.functional.to_image(partner), size)\n"
            "both = torch.stack([image, partner]).float()\n"
            f"image = mix{i}(both, torch.tensor([0, 1]))[0][0].round().clamp(0, 255)"
            ".to(torch.uint8)\n"
        )
    return source


def _one(step: Step, printed: str) -> str:
    """Return the line of a step with its probability."""
    if not gated(step):
        return printed
    if step.kind.own_p:
        return _with(printed, f"p={step.p!r}")
    return f"v2.RandomApply([{printed}], p={step.p!r})"


def _with(printed: str, argument: str) -> str:
    head = printed.removesuffix(")")
    return f"{head}{'' if head.endswith('(') else ', '}{argument})"


def _after(step: Step, size: Size) -> Size:
    """Return the size of a picture after a step, for what comes behind it in the code."""
    if step.name == "crop" and step.p == 1:
        return step.call(size).arguments["size"]
    return size


def albumentations_code(pipeline: Pipeline, size: Size, seed: int = 0) -> str:
    """Return the same steps for Albumentations 2.0.8 (MIT), as near as it has them: its draws and
    its pixels are its own. What has no counterpart is a comment.
    """
    height, width = size
    body = ""
    for step in pipeline:
        if step.kind.albumentations is None:
            body += f"        # {step.name}: no counterpart\n"
        else:
            printed = step.kind.albumentations(step.values, size).printed("A")
            body += f"        {_with(printed, f'p={step.p!r}')},\n"
    return (
        "import albumentations as A\n\n"
        f"# For pictures of {width}×{height} pixels, as arrays (height, width, 3) of uint8.\n"
        f"pipeline = A.Compose(\n    [\n{body}    ],\n    seed={seed},\n)\n"
        'image = pipeline(image=image)["image"]\n'
    )
