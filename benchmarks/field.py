"""Random fields measured: time and error of the filter, smart masks, plans of façades.

``python -m benchmarks.field`` needs the data sets; ``--only masks`` (or speed, tune, plans)
measures one part, ``--sheets FOLDER`` writes pictures to look at.
"""

from __future__ import annotations

import argparse
import statistics
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from aigc_demo import checkpoint, crf, data, facades, images, outline, plans as plans_
from aigc_demo.data import Domains
from aigc_demo.data.files import read
from aigc_demo.methods import METHODS
from aigc_demo.methods.segment import Segment
from aigc_demo.requests import MaskRequest
from aigc_demo.studio import Studio
from benchmarks.report import table, write_metrics, write_section

COMMAND = "python -m benchmarks.field"
MODEL = "facades-segment"
STYLES, EMOJI = ("noto", "fluentui"), 50  # pictures a style
PHOTO, THICK, DEEP = 128, 3, 4  # pixels: a scene's side, a stroke, its distance from the edge
ROUNDS = 9
SHOWN = 12
Flags = NDArray[np.bool_]
GRID = {  # what is tried for plans, one after the other
    "appearance": (1.0, 2.0, 8.0, 16.0),
    "colour": (5.0, 8.0, 12.0, 20.0, 30.0),
    "radius": (5.0, 10.0, 40.0),
    "smooth": (0.0, 1.0, 4.0, 8.0),
    "smooth_radius": (1.0, 3.0, 5.0),
}


def main() -> int:
    """Measure, print and write the sections."""
    p = argparse.ArgumentParser(description=__doc__)
    parts = {"speed": speed, "masks": masks, "tune": tune, "plans": plans}
    p.add_argument("--only", choices=list(parts))
    p.add_argument("--sheets", type=Path)
    given = p.parse_args()
    for name, measure in parts.items():
        if given.only in (None, name):
            title, markdown = measure(given.sheets)
            print(f"{title}\n\n{markdown}\n", flush=True)
            write_section(title, COMMAND, markdown)
    return 0


# --- Smart masks ---------------------------------------------------------------------------------


def masks(sheets: Path | None) -> tuple[str, str]:
    """Return the section on masks from two strokes: intersection over union with the truth."""
    studio = Studio("checkpoints")
    ways = ("nearest stroke", "colours of the strokes", "all but the field", "with the field")
    scores: dict[str, list[float]] = {way: [] for way in ways}
    seconds, shown = [], []
    for i, (image, truth) in enumerate(scenes()):
        rng = np.random.default_rng(1000 + i)
        thing, rest = stroke(truth, rng), stroke(~truth, rng)
        marked = [Image.fromarray(m.astype(np.uint8) * 255) for m in (thing, rest)]
        asked = MaskRequest(image=image, thing=marked[0], background=marked[1])
        alone = asked.model_copy(update={"smooth": 0.0, "appearance": 0.0})
        result = studio.outline(asked)
        seconds.append(result.seconds)
        found = {
            ways[0]: outline.nearness(thing, rest) > 0,
            ways[1]: likelier(image, thing, rest),
            ways[2]: np.asarray(studio.outline(alone).mask) > 127,
            ways[3]: np.asarray(result.mask) > 127,
        }
        for way, mask in found.items():
            scores[way].append(iou(mask, truth))
        if len(shown) < 2 * SHOWN and sheets is not None:
            shown.append(strip(image, thing, rest, [*found.values(), truth]))
    if sheets is not None:
        images.grid(shown, 2).save(sheets / "masks.png")
    rows = [
        (way, f"{np.mean(s):.3f}", f"{np.median(s):.3f}", f"{np.mean(np.array(s) > 0.9):.0%}")
        for way, s in scores.items()
    ]
    gains = [f"{np.mean(scores[ways[3]]) - np.mean(scores[way]):+.3f}" for way in ways[:3]]
    text = table(("mask", "mean IoU", "median IoU", "above 0.9"), rows)
    return "Smart mask", (
        f"{text}\n\n{len(seconds)} emoji (72 px, {' and '.join(STYLES)}) on photographs of "
        f"{PHOTO} px (BSDS500), one seeded stroke of three points on each side. Gain of the "
        f"field: **{gains[0]}** IoU over the mask that grows from the strokes (each pixel to the "
        f"nearer one), {gains[1]} over the colours of the strokes (the likelier mixture of "
        "Gaussians); target: +0.10. “All but the field” is our method without pairs: the colours "
        "of strokes and rim, nearness, and only what hangs together with the stroke; the pairs "
        f"add {gains[2]} to that. Median time {statistics.median(seconds):.2f} s."
    )


def likelier(image: Image.Image, thing: Flags, rest: Flags) -> Flags:
    """Return where the colours of the one stroke are likelier than those of the other."""
    rgb = torch.from_numpy(np.asarray(image, np.float32) / 255)
    on, off = (outline.learn(rgb[torch.from_numpy(m)]) for m in (thing, rest))
    flat = rgb.flatten(0, 1)
    return (on.cost(flat) < off.cost(flat)).view(rgb.shape[:2]).numpy()


def scenes() -> list[tuple[Image.Image, Flags]]:
    """Return emoji on photographs, and where they are."""
    rng = np.random.default_rng(0)
    root, found = data.data_root(), []
    with (
        zipfile.ZipFile(root / "bsds500.zip") as photos,
        zipfile.ZipFile(root / "emoji.zip") as emoji,
    ):
        names = sorted(n for n in photos.namelist() if n.startswith("test/") and n[-4:] == ".jpg")
        for style in STYLES:
            there = sorted(n for n in emoji.namelist() if n.startswith(f"{style}/"))
            while sum(s == style for s, *_ in found) < EMOJI:
                top = images.open_image(emoji.read(there[rng.integers(len(there))]))
                photo = images.open_image(photos.read(names[rng.integers(len(names))]))
                left, upper = (int(rng.integers(n - PHOTO)) for n in photo.size)
                under = photo.convert("RGBA").crop((left, upper, left + PHOTO, upper + PHOTO))
                at = tuple(int(rng.integers(8, PHOTO - n - 8)) for n in top.size)
                under.alpha_composite(top.convert("RGBA"), at)
                truth = np.zeros((PHOTO, PHOTO), bool)
                alpha = np.asarray(top.convert("RGBA"))[..., 3] >= 128
                truth[at[1] : at[1] + alpha.shape[0], at[0] : at[0] + alpha.shape[1]] = alpha
                if inner(truth).sum() > 100:  # room for a stroke
                    found.append((style, under.convert("RGB"), truth))
    return [(image, truth) for _, image, truth in found]


def inner(flags: Flags) -> Flags:
    """Return what is `DEEP` pixels from the edge."""
    kernel = torch.ones(1, 1, 2 * DEEP + 1, 2 * DEEP + 1)
    outside = torch.from_numpy(~flags).float()[None, None]
    return F.conv2d(outside, kernel, padding=DEEP)[0, 0].numpy() == 0


def stroke(flags: Flags, rng: np.random.Generator) -> Flags:
    """Return a rough stroke within `flags`: two lines through three of its inner places."""
    inside = inner(flags)
    places = np.argwhere(inside)
    picture = Image.new("L", flags.shape[::-1])
    points = [tuple(int(v) for v in places[rng.integers(len(places))][::-1]) for _ in range(3)]
    ImageDraw.Draw(picture).line(points, fill=255, width=THICK)
    return (np.asarray(picture) > 0) & inside


def iou(mask: Flags, truth: Flags) -> float:
    """Return the intersection over the union."""
    return float((mask & truth).sum() / max(1, (mask | truth).sum()))


def strip(image: Image.Image, thing: Flags, rest: Flags, found: list[Flags]) -> Image.Image:
    """Return the picture with its strokes, and what each mask takes out of it, side by side."""
    rgb = np.asarray(image)
    drawn = rgb.copy()
    drawn[thing], drawn[rest] = (225, 29, 72), (37, 99, 235)
    cut = [np.where(mask[..., None], rgb, 255) for mask in found]
    return Image.fromarray(np.concatenate([drawn, *cut], axis=1).astype(np.uint8))


# --- Time and error ------------------------------------------------------------------------------


def speed(sheets: Path | None) -> tuple[str, str]:
    """Return the section on the time of inference, and on the error of the fast kernel."""
    photos = facades_of("test")[0]
    large = images.from_pixels(photos[:1])
    large = F.interpolate(large, (256, 256), mode="bicubic", align_corners=False).clamp(-1, 1)
    unary = torch.randn(1, 12, 256, 256, generator=torch.Generator().manual_seed(0))
    times = []
    for _ in range(ROUNDS + 1):
        start = time.perf_counter()
        with torch.no_grad():
            crf.mean_field(unary, crf.kernels(large, crf.Weights()), iterations=5)
        times.append(1000 * (time.perf_counter() - start))
    times = times[1:]
    timed = table(
        ("256×256, 12 labels, 5 updates", "median", "range", "target"),
        [("kernels and updates", f"{statistics.median(times):.0f} ms",
          f"{min(times):.0f}–{max(times):.0f} ms", "≤ 500 ms")],
    )  # fmt: skip
    rows = []
    plans_, small = facades_of("test")[1], images.from_pixels(photos)
    for radius, colour in ((8.0, 10.0), (20.0, 10.0), (40.0, 15.0), (60.0, 20.0)):
        errors, corners = [], []
        for i in range(8):
            x = F.avg_pool2d(small[i : i + 1], 2).double()
            numbers = plans_[i : i + 1, ::2, ::2]
            q = F.one_hot(numbers, 12).permute(0, 3, 1, 2).double()
            f = crf.features(x, radius, colour)
            fast, direct = crf.Bilateral(f), crf.Direct(crf.matrix(f), (64, 64))
            a, b = (crf.Normalised(k, 1.0, x)(q) for k in (fast, direct))
            errors.append(float((a - b).norm() / b.norm()))
            corners.append(len(fast.lattice.starts))
        named = f"radius {radius:g} px, colour {colour:g} levels"
        found = (f"{np.mean(errors):.1%}", f"{max(errors):.1%}", f"{np.mean(corners):.0f}")
        rows.append((named, *found))
    error = table(("fast against direct kernel", "mean error", "largest", "corners"), rows)
    return "Random field", (
        f"{timed}\n\nMedian of {ROUNDS} runs, {torch.get_num_threads()} threads. The error is "
        "that of what 12 labels hear, relative (L2), normalised kernels, 8 test façades at 64×64 "
        f"with their true plans.\n\n{error}"
    )


# --- Plans of façades ----------------------------------------------------------------------------


def plans(sheets: Path | None) -> tuple[str, str]:
    """Return the section on plans of photographs: pixel accuracy and mean IoU over the classes."""
    model, _ = checkpoint.load(Path("checkpoints") / MODEL)
    assert isinstance(model, Segment)
    photos, truth = facades_of("test")
    pictures = images.to_pil(photos)
    chances = [plans_.chances(image, model) for image in pictures]
    found, rows = {}, []
    for name, field in (("network alone", 0.0), ("with the field", 1.0)):
        start = time.perf_counter()
        numbers = [
            plans_.settle(p, im, field=field) for p, im in zip(chances, pictures, strict=True)
        ]
        seconds = (time.perf_counter() - start) / len(pictures)
        found[name] = torch.stack(numbers)
        accuracy, mean = measured(found[name], truth)
        rows.append((name, f"{accuracy:.2%}", f"{mean:.2%}", f"{1000 * seconds:.0f} ms"))
    alone, settled = found.values()
    gain = measured(settled, truth)[0] - measured(alone, truth)[0]
    better = sum(
        float((s == t).float().mean()) > float((a == t).float().mean())
        for s, a, t in zip(settled, alone, truth, strict=True)
    )
    metrics = dict(zip((f"accuracy_{len(truth)}", f"iou_{len(truth)}"), measured(alone, truth),
                       strict=True))  # fmt: skip
    metrics |= {f"field_{k}": v for k, v in zip(metrics, measured(settled, truth), strict=True)}
    write_metrics(Path("checkpoints") / MODEL, metrics)
    if sheets is not None:
        net = model.plan
        rows_ = [images.from_pixels(photos), net(alone), net(settled), net(truth)]
        cells = [images.to_pil(r[i : i + 1])[0] for i in range(SHOWN) for r in rows_]
        images.grid(cells, 8).save(sheets / "plans.png")
    text = table(("plan", "pixel accuracy", "mean IoU", "field alone"), rows)
    return "Plans of façades", (
        f"{text}\n\n{len(truth)} test photographs of 128 px, {len(facades.CLASSES)} classes, "
        f"`{MODEL}`. Gain of the field: **{100 * gain:+.2f}** points of accuracy (target: +1); "
        f"better on {better} of {len(truth)} pictures. Its weights were chosen on the validation "
        "photographs (`--only tune`)."
    )


def tune(sheets: Path | None) -> tuple[str, str]:
    """Return the section on the weights that suit plans, on validation photographs only."""
    model, _ = checkpoint.load(Path("checkpoints") / MODEL)
    assert isinstance(model, Segment)
    photos, truth = facades_of("val")
    photos, truth = photos[::2], truth[::2]
    pictures = images.to_pil(photos)
    chances = [plans_.chances(image, model) for image in pictures]

    def score(weights: crf.Weights) -> tuple[float, float]:
        numbers = [
            plans_.settle(p, im, weights=weights) for p, im in zip(chances, pictures, strict=True)
        ]
        return measured(torch.stack(numbers), truth)

    best = crf.Weights(2.0, 2.0, 4.0, 20.0, 15.0)
    tried = {best: score(best)}
    for name, values in GRID.items():  # one weight after the other
        for value in values:
            weights = replace(best, **{name: value})
            if weights not in tried:
                tried[weights] = score(weights)
        best = max(tried, key=lambda w: tried[w])
    none = score(crf.Weights(smooth=0.0, appearance=0.0))
    ranked = [("none", none), *((str(vars(best)), tried[best]),)]
    rows = [(name, f"{a:.2%}", f"{m:.2%}") for name, (a, m) in ranked]
    return "Weights for plans", (
        table(("weights", "pixel accuracy", "mean IoU"), rows)
        + f"\n\n{len(truth)} validation photographs; the best of {len(tried)} tried, one weight "
        "after the other. They are `WEIGHTS` of `aigc_demo/plans.py`."
    )


def facades_of(split: str) -> tuple[Tensor, Tensor]:
    """Return the photographs of a split, uint8 (N, 3, H, W), and their classes (N, H, W)."""
    if split == "val":
        source = replace(data.DATASETS["facades"], name="facades-val", test=("valA/", "valB/"))
        found = read(source, data.data_root() / "facades.zip", "test")
    else:
        found = data.load("facades", split)
    assert isinstance(found, Domains)
    net = METHODS["segment"].build()
    assert isinstance(net, Segment)
    return found.others[0], torch.cat(
        [net.numbers(images.from_pixels(p)) for p in found.images.split(16)]
    )


def measured(numbers: Tensor, truth: Tensor) -> tuple[float, float]:
    """Return the share of pixels that are right, and the mean intersection over union of the
    classes over all pictures.
    """
    k = len(facades.CLASSES)
    pairs = torch.bincount((truth * k + numbers).flatten(), minlength=k * k).view(k, k).double()
    both = pairs.diagonal()
    ious = both / (pairs.sum(0) + pairs.sum(1) - both).clamp(min=1)
    return float(both.sum() / pairs.sum()), float(ious.mean())


if __name__ == "__main__":
    raise SystemExit(main())
