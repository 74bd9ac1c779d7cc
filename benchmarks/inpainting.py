"""Holes in photographs (CBSD68, the middle square, reduced), brush strokes over 10–20, 30–40 and
50–60 % of the picture, one mask a picture and bucket from a fixed seed.

PSNR is of the pixels in the hole, the mean over the pictures; the compact distance is the mean
distance of the features of `compact` over the 32×32 tiles that the hole touches. Lower is better
there: it sees blur that PSNR forgives. The last row is the smooth surface that the learned network
is given to begin with.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from aigc_demo.errors import UserError
from aigc_demo.imaging import degradations, images
from aigc_demo.metrics.image_quality import compare_images
from aigc_demo.nn.layers import fill_smoothly
from aigc_demo.pipelines.restoration import TOOLS, RestoreResult
from aigc_demo.requests import RestoreRequest
from aigc_demo.studio import Studio
from benchmarks.photographs import floats, photographs, square
from benchmarks.report import table, write_metrics, write_section

TITLE = "Inpainting, CBSD68"
SIDES = (128, 256)
BUCKETS = ((10, 20), (30, 40), (50, 60))
SHOWN = 3  # results a bucket on the sheet
START = "smooth start of inpaint"
NEEDED = {128: 1.0, 256: 0.5}  # dB more than the best classical method


def masks(side: int, bucket: tuple[int, int], count: int) -> list[Image.Image]:
    """Return masks whose shares lie in the bucket."""
    low, high = bucket
    found = []
    for i in range(count):
        generator = torch.Generator().manual_seed(1000 * low + i)
        share = (low + (high - low) * (0.1 + 0.8 * i / count)) / 100
        lost = degradations.brush_mask(side, side, share, generator).numpy()
        found.append(Image.fromarray(lost.astype(np.uint8) * 255))
    return found


def smooth(broken: Image.Image, mask: Image.Image, truth: Image.Image) -> RestoreResult:
    """Return what the learned network begins with."""
    x = images.from_pixels(images.to_pixels(broken))[None]
    hole = (images.to_pixels(mask)[None] > 0).float()
    image = images.to_pil(fill_smoothly(x, hole))[0]
    where = np.asarray(mask) > 0
    scores = compare_images(floats(image), floats(truth), where)
    return RestoreResult(image, 0.0, scores)


def measure(
    studio: Studio,
    method: str,
    pictures: list[Image.Image],
    holes: list[Image.Image],
    shown: list[Image.Image],
) -> tuple[float, float]:
    """Return mean PSNR in the hole and mean compact distance; add the first results to `shown`."""
    psnrs, distances = [], []
    before = len(shown)
    pairs = list(zip(pictures, holes, strict=True))
    for truth, mask in tqdm(pairs, desc=method, leave=False):
        grey = Image.new("RGB", truth.size, (127, 127, 127))
        broken = Image.composite(grey, truth, mask)
        if method == START:
            result = smooth(broken, mask, truth)
        else:
            request = RestoreRequest(image=broken, mask=mask, method=method, truth=truth)
            result = studio.restore(request)
        psnrs.append(result.scores["psnr_hole"])
        distances.append(result.scores["compact_distance"])
        if len(shown) < before + SHOWN:
            shown.append(result.image)
    return statistics.fmean(psnrs), statistics.fmean(distances)


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoints", default="checkpoints")
    parser.add_argument("--methods", nargs="*", help="all that fill unless given")
    parser.add_argument("--count", type=int, help="pictures; all unless given")
    parser.add_argument("--sheet", type=Path, help="write a sheet of the first results here")
    given = parser.parse_args(arguments)
    try:
        originals = photographs()[: given.count]
        studio = Studio(given.checkpoints)
        there = {m.name for m in studio.models("restore") if not m.problem}
        methods = [t.name for t in TOOLS.values() if t.fills and (not t.model or t.model in there)]
        methods = given.methods or [*methods, START]
        rows = []
        measured: dict[str, dict[str, float]] = {m: {} for m in methods}
        for side in SIDES:
            pictures = [square(p, side) for p in originals]
            holes = {b: masks(side, b, len(pictures)) for b in BUCKETS}
            shown: list[Image.Image] = []
            for method in methods:
                found = [measure(studio, method, pictures, holes[b], shown) for b in BUCKETS]
                cells = [f"{psnr:.2f} / {distance:.2f}" for psnr, distance in found]
                rows.append([f"{method}, {side} px", *cells])
                print(rows[-1], flush=True)
                for (low, high), (psnr, distance) in zip(BUCKETS, found, strict=True):
                    name = f"cbsd68_{side}px_{low}_{high}"
                    measured[method][f"psnr_hole_{name}"] = psnr
                    measured[method][f"compact_distance_{name}"] = distance
            if given.sheet:
                images.grid(shown, len(BUCKETS) * SHOWN).save(
                    given.sheet.with_stem(f"{given.sheet.stem}-{side}")
                )
    except UserError as error:
        print(f"inpainting: {error}", file=sys.stderr)
        return 2
    columns = [f"{low}–{high} %" for low, high in BUCKETS]
    text = table(["PSNR in the hole, dB / compact distance", *columns], rows)
    print(text)
    if given.count is None and given.methods is None and given.checkpoints == "checkpoints":
        goal = "; ".join(f"{dB} dB at {side} px" for side, dB in NEEDED.items())
        note = f"{__doc__.strip()}\n\nThe goal: above the best classical method by {goal}."
        for method in methods:
            if method in TOOLS and TOOLS[method].model:
                write_metrics(Path(given.checkpoints) / TOOLS[method].model, measured[method])
        write_section(TITLE, "python -m benchmarks.inpainting", f"{note}\n\n{text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
