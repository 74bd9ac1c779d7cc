"""Check that a change of the code leaves what every shipped checkpoint makes alone, to the byte.

    python -m benchmarks.fingerprints > before.txt   # and after the change
    python -m benchmarks.fingerprints | diff before.txt -

Prints a hash a checkpoint of its samples, translations, restorations or features for fixed seeds.
The hashes belong to one machine and one version of torch: compare them on the same one.
"""

from __future__ import annotations

import hashlib
import sys

import skimage.data
import torch
from PIL import Image, ImageDraw

from aigc_demo.methods import checkpoint
from aigc_demo.requests import GenerateRequest, MorphRequest, RestoreRequest, TranslateRequest
from aigc_demo.studio import ModelInfo, Studio


def main() -> None:
    """Print a line a checkpoint: its name and the hash of what it makes."""
    torch.set_num_threads(1)
    studio = Studio("checkpoints", device="cpu")
    photo = Image.fromarray(skimage.data.astronaut()).resize((150, 130))
    mask = Image.new("L", photo.size)
    ImageDraw.Draw(mask).ellipse((40, 30, 80, 60), fill=255)
    for info in studio.models():
        assert not info.problem, info.problem
        digest = hashlib.sha256()
        for made in outputs(studio, info, photo, mask):
            digest.update(made)
        print(f"{info.name:24} {digest.hexdigest()[:32]}", flush=True)


def outputs(studio: Studio, info: ModelInfo, photo: Image.Image, mask: Image.Image) -> list[bytes]:
    """Return the bytes of all that a model makes of fixed seeds and one photograph."""
    if info.task == "generate":
        prompt = "a red heart" if info.condition == "text" else None
        ends = {"to_prompt": "a dog"} if prompt else {}
        made = studio.generate(GenerateRequest(model=info.name, count=9, seed=3, prompt=prompt))
        way = studio.morph(
            MorphRequest(model=info.name, seed=1, to_seed=2, frames=4, prompt=prompt, **ends)
        )
        return [image.tobytes() for image in [*made.images, *way.images]]
    if info.task == "restore":
        asked = RestoreRequest(
            image=photo, method=info.name, mask=mask if info.name == "inpaint" else None
        )
        return [studio.restore(asked).image.tobytes()]
    if info.task == "translate":
        return [
            studio.translate(
                TranslateRequest(image=photo, model=info.name, direction=d, style=style)
            ).image.tobytes()
            for d in info.directions
            for style in info.styles or (None,)
        ]
    model, _ = checkpoint.load(studio.checkpoints / info.name)
    size = info.size
    pixels = torch.linspace(-1, 1, 3 * size * size).reshape(1, 3, size, size)
    with torch.no_grad():
        return [model(pixels.expand(2, info.channels, size, size)).numpy().tobytes()]


if __name__ == "__main__":
    sys.exit(main())
