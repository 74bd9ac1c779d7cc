"""Dense CRFs measured: time and error of inference, scribble segmentation, façade parsing.

``python -m benchmarks.crf`` needs the data sets; ``--only masks`` (or speed, facades) measures one
part, ``--sheets FOLDER`` writes contact sheets.
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

COMMAND = "python -m benchmarks.crf"
MODEL = "facades-segment"
STYLES, EMOJI = ("noto", "fluentui"), 50  # images a style
PHOTO, THICK, DEEP = 128, 3, 4  # pixels: a scene's side, a scribble, its distance from the edge
ROUNDS = 9
SHOWN = 12
Flags = NDArray[np.bool_]


def main() -> int:
    """Measure, print and write the sections."""
    p = argparse.ArgumentParser(description=__doc__)
    parts = {"speed": speed, "masks": masks, "facades": facades}
    p.add_argument("--only", choices=list(parts))
    p.add_argument("--sheets", type=Path)
    given = p.parse_args()
    for name, measure in parts.items():
        if given.only in (None, name):
            title, markdown = measure(given.sheets)
            print(f"{title}\n\n{markdown}\n", flush=True)
            write_section(title, COMMAND, markdown)
    return 0


# --- Scribble segmentation -----------------------------------------------------------------------


def masks(sheets: Path | None) -> tuple[str, str]:
    """Return the section on masks from two scribbles: intersection over union with the truth."""
    studio = Studio("checkpoints")
    scores: dict[str, list[float]] = {}
    seconds, shown = [], []
    for i, (image, truth) in enumerate(scenes()):
        rng = np.random.default_rng(1000 + i)
        thing, background = scribble(truth, rng), scribble(~truth, rng)
        marked = [Image.fromarray(m.astype(np.uint8) * 255) for m in (thing, background)]
        request = MaskRequest(image=image, thing=marked[0], background=marked[1])
        unary = request.model_copy(update={"smooth": 0.0, "appearance": 0.0})
        result = studio.segment_scribbles(request)
        seconds.append(result.seconds)
        found = {
            "nearest scribble": scribble_segmentation.nearness(thing, background) > 0,
            "colours of the scribbles": likelier(image, thing, background),
            "unary potentials alone": np.asarray(studio.segment_scribbles(unary).mask) > 127,
            "CRF": np.asarray(result.mask) > 127,
        }
        for name, mask in found.items():
            scores.setdefault(name, []).append(iou(mask, truth))
        if len(shown) < 2 * SHOWN and sheets is not None:
            shown.append(strip(image, thing, background, [*found.values(), truth]))
    if sheets is not None:
        images.grid(shown, 2).save(sheets / "masks.png")
    rows = [
        (name, f"{np.mean(s):.3f}", f"{np.median(s):.3f}", f"{np.mean(np.array(s) > 0.9):.0%}")
        for name, s in scores.items()
    ]
    *others, crf = (float(np.mean(s)) for s in scores.values())
    gains = [f"{crf - other:+.3f}" for other in others]
    text = table(("mask", "mean IoU", "median IoU", "above 0.9"), rows)
    return "Scribble segmentation", (
        f"{text}\n\n{len(seconds)} emoji (72 px, {' and '.join(STYLES)}) on photographs of "
        f"{PHOTO} px (BSDS500), one seeded scribble of three points on each side. Gain of the "
        f"CRF: **{gains[0]}** IoU over the nearest scribble of each pixel, {gains[1]} over the "
        "likelier of two mixtures of Gaussians, fitted to the colours of the scribbles; target: "
        "+0.10. “Unary potentials alone” is our method without pairwise potentials; those add "
        f"{gains[2]} to it. Median time {statistics.median(seconds):.2f} s."
    )


def likelier(image: Image.Image, thing: Flags, background: Flags) -> Flags:
    """Return where the colour model of one scribble is likelier than that of the other."""
    rgb = torch.from_numpy(np.asarray(image, np.float32) / 255)
    on, off = (scribble_segmentation.fit(rgb[torch.from_numpy(m)]) for m in (thing, background))
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
                if inner(truth).sum() > 100:  # room for a scribble
                    found.append((style, under.convert("RGB"), truth))
    return [(image, truth) for _, image, truth in found]


def inner(flags: Flags) -> Flags:
    """Return the pixels that are at least `DEEP` pixels from the edge."""
    kernel = torch.ones(1, 1, 2 * DEEP + 1, 2 * DEEP + 1)
    outside = torch.from_numpy(~flags).float()[None, None]
    return F.conv2d(outside, kernel, padding=DEEP)[0, 0].numpy() == 0


def scribble(flags: Flags, rng: np.random.Generator) -> Flags:
    """Return a rough scribble within `flags`: two lines through three of its inner pixels."""
    inside = inner(flags)
    places = np.argwhere(inside)
    picture = Image.new("L", flags.shape[::-1])
    points = [tuple(int(v) for v in places[rng.integers(len(places))][::-1]) for _ in range(3)]
    ImageDraw.Draw(picture).line(points, fill=255, width=THICK)
    return (np.asarray(picture) > 0) & inside


def iou(mask: Flags, truth: Flags) -> float:
    """Return the intersection over the union."""
    return float((mask & truth).sum() / max(1, (mask | truth).sum()))


def strip(image: Image.Image, thing: Flags, background: Flags, found: list[Flags]) -> Image.Image:
    """Return the image with its scribbles, and what each mask cuts out of it, side by side."""
    rgb = np.asarray(image)
    drawn = rgb.copy()
    drawn[thing], drawn[background] = (225, 29, 72), (37, 99, 235)
    cut = [np.where(mask[..., None], rgb, 255) for mask in found]
    return Image.fromarray(np.concatenate([drawn, *cut], axis=1).astype(np.uint8))


# --- Time and error ------------------------------------------------------------------------------


def speed(sheets: Path | None) -> tuple[str, str]:
    """Return the section on the time of inference, and on the error of the bilateral kernel."""
    photos = facades_of("test")[0]
    large = images.from_pixels(photos[:1])
    large = F.interpolate(large, (256, 256), mode="bicubic", align_corners=False).clamp(-1, 1)
    unary = torch.randn(1, 12, 256, 256, generator=torch.Generator().manual_seed(0))
    threads, taken = torch.get_num_threads(), {}
    for name, count, clock in (
        (f"time, {threads} threads", threads, time.perf_counter),
        ("CPU time, 1 thread", 1, time.process_time),
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
        ("256×256, 12 labels, 5 updates, kernels included", "median", "range"),
        [
            (name, f"{statistics.median(t[1:]):.0f} ms", f"{min(t[1:]):.0f}–{max(t[1:]):.0f} ms")
            for name, t in taken.items()
        ],
    )
    rows = []
    label_maps, small = facades_of("test")[1], images.from_pixels(photos)
    for radius, colour in ((8.0, 10.0), (20.0, 10.0), (40.0, 15.0), (60.0, 20.0)):
        errors, vertices = [], []
        for i in range(8):
            x = F.avg_pool2d(small[i : i + 1], 2).double()
            numbers = label_maps[i : i + 1, ::2, ::2]
            q = F.one_hot(numbers, 12).permute(0, 3, 1, 2).double()
            f = dense_crf.features(x, radius, colour)
            fast, exact = (
                dense_crf.BilateralKernel(f),
                dense_crf.DenseKernel(dense_crf.gaussian_matrix(f), (64, 64)),
            )
            a, b = (dense_crf.NormalisedKernel(k, 1.0, x)(q) for k in (fast, exact))
            errors.append(float((a - b).norm() / b.norm()))
            vertices.append(len(fast.lattice.starts))
        named = f"radius {radius:g} px, colour {colour:g} levels"
        found = (f"{np.mean(errors):.1%}", f"{max(errors):.1%}", f"{np.mean(vertices):.0f}")
        rows.append((named, *found))
    error = table(("lattice against exact kernel", "mean error", "largest", "vertices"), rows)
    return "Dense CRF", (
        f"{timed}\n\nMedian of {ROUNDS} runs (target: ≤ 500 ms). The error is that of the "
        "messages of 12 labels, relative (L2), normalised kernels, 8 test façades at 64×64 with "
        f"their true label maps.\n\n{error}"
    )


# --- Façade parsing ------------------------------------------------------------------------------


def facades(sheets: Path | None) -> tuple[str, str]:
    """Return the section on label maps of façades: pixel accuracy and mean IoU of the classes."""
    model, _ = checkpoint.load(Path("checkpoints") / MODEL)
    assert isinstance(model, Segment)
    photos, truth = facades_of("test")
    pictures = images.to_pil(photos)
    probabilities = [facade_parsing.probabilities(image, model) for image in pictures]
    start = time.perf_counter()
    refined = torch.cat(
        [
            facade_parsing.refine(p, i, model)[None]
            for p, i in zip(probabilities, pictures, strict=True)
        ]
    )
    milliseconds = 1000 * (time.perf_counter() - start) / len(pictures)
    p = torch.cat(probabilities)
    found = {
        "network alone": p.argmax(1),
        "compatibility without neighbours": calibrated(p, model),
        "CRF": refined,
    }
    scores = {name: measured(numbers, truth) for name, numbers in found.items()}
    alone, _, crf = scores.values()
    better = sum(
        float((s == t).float().mean()) > float((a == t).float().mean())
        for s, a, t in zip(refined, found["network alone"], truth, strict=True)
    )
    n = len(truth)
    metrics = {f"accuracy_{n}": alone[0], f"iou_{n}": alone[1]}
    metrics |= {f"field_accuracy_{n}": crf[0], f"field_iou_{n}": crf[1]}  # as in shipped cards
    write_metrics(Path("checkpoints") / MODEL, metrics)
    if sheets is not None:
        rows = [images.from_pixels(photos), *map(model.plan, (p.argmax(1), refined, truth))]
        cells = [images.to_pil(r[i : i + 1])[0] for i in range(SHOWN) for r in rows]
        images.grid(cells, 8).save(sheets / "label_maps.png")
    lines = [(name, f"{a:.2%}", f"{m:.2%}") for name, (a, m) in scores.items()]
    return "Façade parsing", (
        f"{table(('label map', 'pixel accuracy', 'mean IoU'), lines)}\n\n"
        f"{n} test photographs of 128 px, {len(facade_labels.CLASSES)} classes, `{MODEL}`. "
        f"Gain of the CRF: **{100 * (crf[0] - alone[0]):+.2f}** points of accuracy "
        f"(target: +1) and {100 * (crf[1] - alone[1]):+.2f} of IoU; better on {better} of {n} "
        f"images; {milliseconds:.0f} ms an image. Its compatibility was learnt on the training "
        "photographs. “Compatibility without neighbours” lets each pixel interact with itself "
        "alone: what is calibration, and not the CRF."
    )


def calibrated(p: Tensor, model: Segment) -> Tensor:
    """Return the classes (B, H, W) that the CRF's compatibility makes of probabilities without
    any neighbours.
    """
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
    parts = [net.to_class_indices(images.from_pixels(p)) for p in found.images.split(16)]
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
