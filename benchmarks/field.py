"""Random fields measured: time and error of the filter, smart masks, plans of façades.

``python -m benchmarks.field`` needs the data sets; ``--only masks`` (or speed, plans)
measures one part, ``--sheets FOLDER`` writes pictures to look at.
"""

from __future__ import annotations

import argparse
import statistics
import time
import zipfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from aigc_demo import data
from aigc_demo.crf import dense_crf, scribble_segmentation
from aigc_demo.data import Domains
from aigc_demo.imaging import facade_labels, images
from aigc_demo.methods import METHODS, checkpoint
from aigc_demo.methods.segment import UPDATES, Segment
from aigc_demo.pipelines import facade_parsing
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


def main() -> int:
    """Measure, print and write the sections."""
    p = argparse.ArgumentParser(description=__doc__)
    parts = {"speed": speed, "masks": masks, "plans": plans}
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
        result = studio.segment_scribbles(asked)
        seconds.append(result.seconds)
        found = {
            ways[0]: scribble_segmentation.nearness(thing, rest) > 0,
            ways[1]: likelier(image, thing, rest),
            ways[2]: np.asarray(studio.segment_scribbles(alone).mask) > 127,
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
    on, off = (scribble_segmentation.fit(rgb[torch.from_numpy(m)]) for m in (thing, rest))
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
    threads, taken = torch.get_num_threads(), {}
    for name, count, clock in (
        (f"time, {threads} threads", threads, time.perf_counter),
        ("work of the processor, 1 thread", 1, time.process_time),
    ):
        torch.set_num_threads(count)
        taken[name] = []
        for _ in range(ROUNDS + 1):
            start = clock()
            with torch.no_grad():
                dense_crf.mean_field(
                    unary, dense_crf.kernels(large, dense_crf.PairwisePotentials()), iterations=5
                )
            taken[name].append(1000 * (clock() - start))
    torch.set_num_threads(threads)
    timed = table(
        ("256×256, 12 labels, 5 updates, with the kernels", "median", "range"),
        [
            (name, f"{statistics.median(t[1:]):.0f} ms", f"{min(t[1:]):.0f}–{max(t[1:]):.0f} ms")
            for name, t in taken.items()
        ],
    )
    rows = []
    plans_, small = facades_of("test")[1], images.from_pixels(photos)
    for radius, colour in ((8.0, 10.0), (20.0, 10.0), (40.0, 15.0), (60.0, 20.0)):
        errors, corners = [], []
        for i in range(8):
            x = F.avg_pool2d(small[i : i + 1], 2).double()
            numbers = plans_[i : i + 1, ::2, ::2]
            q = F.one_hot(numbers, 12).permute(0, 3, 1, 2).double()
            f = dense_crf.features(x, radius, colour)
            fast, direct = (
                dense_crf.BilateralKernel(f),
                dense_crf.DenseKernel(dense_crf.gaussian_matrix(f), (64, 64)),
            )
            a, b = (dense_crf.NormalisedKernel(k, 1.0, x)(q) for k in (fast, direct))
            errors.append(float((a - b).norm() / b.norm()))
            corners.append(len(fast.lattice.starts))
        named = f"radius {radius:g} px, colour {colour:g} levels"
        found = (f"{np.mean(errors):.1%}", f"{max(errors):.1%}", f"{np.mean(corners):.0f}")
        rows.append((named, *found))
    error = table(("fast against direct kernel", "mean error", "largest", "corners"), rows)
    return "Random field", (
        f"{timed}\n\nMedian of {ROUNDS} runs (target: ≤ 500 ms); the work says what the "
        "time would be if no other program ran. The error is "
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
    chances = [facade_parsing.probabilities(image, model) for image in pictures]
    start = time.perf_counter()
    settled = torch.cat(
        [facade_parsing.refine(p, i, model)[None] for p, i in zip(chances, pictures, strict=True)]
    )
    milliseconds = 1000 * (time.perf_counter() - start) / len(pictures)
    p = torch.cat(chances)
    found = {"network alone": p.argmax(1), "each pixel by itself": by_itself(p, model),
             "with the field": settled}  # fmt: skip
    scores = {name: measured(numbers, truth) for name, numbers in found.items()}
    alone, _, field = scores.values()
    better = sum(
        float((s == t).float().mean()) > float((a == t).float().mean())
        for s, a, t in zip(settled, found["network alone"], truth, strict=True)
    )
    n = len(truth)
    metrics = {f"accuracy_{n}": alone[0], f"iou_{n}": alone[1]}
    metrics |= {f"field_accuracy_{n}": field[0], f"field_iou_{n}": field[1]}
    write_metrics(Path("checkpoints") / MODEL, metrics)
    if sheets is not None:
        rows = [images.from_pixels(photos), *map(model.plan, (p.argmax(1), settled, truth))]
        cells = [images.to_pil(r[i : i + 1])[0] for i in range(SHOWN) for r in rows]
        images.grid(cells, 8).save(sheets / "plans.png")
    lines = [(name, f"{a:.2%}", f"{m:.2%}") for name, (a, m) in scores.items()]
    return "Plans of façades", (
        f"{table(('plan', 'pixel accuracy', 'mean IoU'), lines)}\n\n"
        f"{n} test photographs of 128 px, {len(facade_labels.CLASSES)} classes, `{MODEL}`. "
        f"Gain of the field: **{100 * (field[0] - alone[0]):+.2f}** points of accuracy "
        f"(target: +1) and {100 * (field[1] - alone[1]):+.2f} of IoU; better on {better} of {n} "
        "pictures; "
        f"{milliseconds:.0f} ms a picture. Its matrices were learnt on the training photographs. "
        "“Each pixel by itself” puts the chances through the same matrices without any "
        "neighbours: what is calibration, and not the field."
    )


def by_itself(p: Tensor, model: Segment) -> Tensor:
    """Return the classes (B, H, W) that the field's matrices make of chances without pairs."""
    unary = -p.clamp(min=1e-4).log()
    q = p
    for _ in range(UPDATES):
        cost = torch.einsum("kl,blhw->bkhw", model.compatibility.sum(0), q)
        q = (-unary - cost).softmax(1)
    return q.argmax(1)


def facades_of(split: data.Split) -> tuple[Tensor, Tensor]:
    """Return the photographs of a split, uint8 (N, 3, H, W), and their classes (N, H, W)."""
    found = data.load("facades", split)
    assert isinstance(found, Domains)
    net = METHODS["segment"].build()
    assert isinstance(net, Segment)
    parts = [net.numbers(images.from_pixels(p)) for p in found.images.split(16)]
    return found.others[0], torch.cat(parts)


def measured(numbers: Tensor, truth: Tensor) -> tuple[float, float]:
    """Return the share of pixels that are right, and the mean intersection over union of the
    classes over all pictures.
    """
    k = len(facade_labels.CLASSES)
    pairs = torch.bincount((truth * k + numbers).flatten(), minlength=k * k).view(k, k).double()
    both = pairs.diagonal()
    ious = both / (pairs.sum(0) + pairs.sum(1) - both).clamp(min=1)
    return float(both.sum() / pairs.sum()), float(ious.mean())


if __name__ == "__main__":
    raise SystemExit(main())
