"""JPEG artefacts and low resolution (CBSD68): PSNR of RGB rounded to 8 bits, the mean over the
pictures, before and after.

Low resolution: reduced with anti-aliased bicubic interpolation and rounded, then enlarged.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image
from tqdm import tqdm

from aigc_demo.errors import UserError
from aigc_demo.imaging import degradations, images
from aigc_demo.metrics.image_quality import psnr
from aigc_demo.requests import RestoreRequest
from aigc_demo.studio import Studio
from benchmarks.photographs import floats, photographs
from benchmarks.report import table, write_metrics, write_section

TITLE = "JPEG and resolution, CBSD68"


def squeeze(quality: int) -> Callable[[Image.Image], tuple[Image.Image, Image.Image]]:
    """Return a function that returns a picture after JPEG, and the truth."""

    def harm(image: Image.Image) -> tuple[Image.Image, Image.Image]:
        x = images.from_pixels(images.to_pixels(image))[None]
        return images.to_pil(degradations.compress(x, torch.tensor([quality])))[0], image

    return harm


def shrink(factor: int) -> Callable[[Image.Image], tuple[Image.Image, Image.Image]]:
    """Return a function that returns a picture made smaller, and the truth, cut to fit."""

    def harm(image: Image.Image) -> tuple[Image.Image, Image.Image]:
        size = (image.width // factor * factor, image.height // factor * factor)
        truth = image.crop((0, 0, *size))
        x = images.from_pixels(images.to_pixels(truth))[None]
        return images.to_pil(degradations.downsample(x, factor))[0], truth

    return harm


# What is measured: the damage, what there is without learning, the model, its factor.
CASES = {
    "JPEG, quality 10": (squeeze(10), "", "dejpeg", 2),
    "JPEG, quality 20": (squeeze(20), "", "dejpeg", 2),
    "JPEG, quality 40": (squeeze(40), "", "dejpeg", 2),
    "2 times smaller": (shrink(2), "bicubic", "upscale", 2),
    "4 times smaller": (shrink(4), "bicubic", "upscale", 4),
}


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, help="pictures; all unless given")
    given = parser.parse_args(arguments)
    rows: list[list[str]] = []
    found: dict[str, dict[str, float]] = {"dejpeg": {}, "upscale": {}}
    try:
        studio, pictures = Studio("checkpoints"), photographs()[: given.count]
        for name, (harm, plain, method, factor) in CASES.items():
            before, after = [], []
            for image in tqdm(pictures, desc=name, leave=False):
                damaged, truth = harm(image)
                start = damaged
                if plain:
                    request = RestoreRequest(image=damaged, method=plain, factor=factor)
                    start = studio.restore(request).image
                request = RestoreRequest(image=damaged, method=method, factor=factor)
                restored = studio.restore(request).image
                before.append(psnr(floats(start), floats(truth)))
                after.append(psnr(floats(restored), floats(truth)))
            values = statistics.fmean(before), statistics.fmean(after)
            key = name.lower().replace(",", "").replace(" ", "_")
            found[method][f"psnr_cbsd68_{key}"] = values[1]
            rows.append([name, plain or "as it is", f"{values[0]:.2f}", f"{values[1]:.2f}"])
            print(rows[-1], flush=True)
    except UserError as error:
        print(f"repairing: {error}", file=sys.stderr)
        return 2
    text = table(["PSNR, dB", "without learning", "", "learned"], rows)
    if given.count is None:
        for method, values in found.items():
            write_metrics(Path("checkpoints") / method, values)
        write_section(TITLE, "python -m benchmarks.repairing", f"{__doc__.strip()}\n\n{text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
