"""What three minutes of training give: the preset “GAN on fashion, 3 minutes” against the plain
loop, in turn, on the same machine, pictures and threads.

Ours is what a click in the Train tab starts: a worker process at low priority, with previews,
scores and saves inside its three minutes, and a condition on the class. The plain loop is
pytorch/examples' (see `throughput`): float32, batch 128, no average of weights, nothing beside it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import torch
from torch import Tensor

from aigc_demo import data
from aigc_demo.imaging import images
from aigc_demo.methods import checkpoint
from aigc_demo.metrics import feature_extractors
from aigc_demo.metrics.reference_statistics import compute_reference
from aigc_demo.metrics.sampling import sample_images
from aigc_demo.metrics.scores import score_features
from aigc_demo.training import admission, runs, worker
from aigc_demo.training.events import Finished, Preview, Scored
from aigc_demo.training.presets import PRESETS
from benchmarks import report
from benchmarks.throughput import PlainLoop

TITLE = "Three minutes of GAN training"
PRESET = "gan_fashion"
N, N_AGREEMENT, BATCH = 5000, 1000, 128


def ours(seconds: float) -> tuple[dict[str, float], Tensor, Tensor]:
    """Start the preset as the page does; return what it took, N pictures and their classes."""
    plan = PRESETS[PRESET].model_copy(update={"seconds": seconds})
    with tempfile.TemporaryDirectory() as root:
        workers = worker.Workers(Path(root))
        workers.ensure()
        time.sleep(5)  # it is warm before somebody clicks
        start = time.monotonic()
        directory = admission.submit(Path(root), plan)
        first, events, offset = 0.0, [], 0
        while not events or not isinstance(events[-1], Finished):
            time.sleep(0.5 if first else 0.1)  # look as often as a page does
            new, offset = runs.read_events(directory, offset)
            if not first and any(isinstance(e, Preview) for e in new):
                first = time.monotonic() - start
            events += new
        for process in workers._processes:
            process.kill()
            process.wait()
        model, card = checkpoint.load(directory / "model")
    scoring = {e.step: e.seconds for e in events if isinstance(e, Scored)}
    last = events[-1].step
    spent = sum(s for step, s in scoring.items() if step != last)
    model.to(memory_format=torch.channels_last)
    shares = torch.full((len(card.classes),), 1 / len(card.classes))
    pixels, labels = sample_images(model, N, class_shares=shares)
    told = {"first preview": first, "scoring": spent / events[-1].seconds}
    return told | {"images": card.images_seen, "seconds": card.seconds}, pixels, labels


def plain(seconds: float) -> tuple[int, Tensor]:
    """Train the plain loop for `seconds`; return the pictures seen and N of its own."""
    torch.manual_seed(0)
    dataset = data.load(PRESETS[PRESET].data)
    batches = dataset.batches(BATCH, seed=0)
    loop, seen, start = PlainLoop(channels=1), 0, time.monotonic()
    while time.monotonic() - start < seconds:
        loop.step(next(batches).images.contiguous())
        seen += BATCH
    with torch.no_grad():
        parts = [loop.generator(torch.randn(100, 100, 1, 1)) for _ in range(N // 100)]
    return seen, images.quantise(torch.cat(parts))


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write the section."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--seconds", type=float, default=PRESETS[PRESET].seconds)
    p.add_argument("--sheet", help="also write a picture of samples of both")
    given = p.parse_args(arguments)
    told, pixels, labels = ours(given.seconds)
    seen, plain_pixels = plain(given.seconds)

    # Score both.
    dataset = data.load(PRESETS[PRESET].data)
    extractor = feature_extractors.compact()
    real = compute_reference(dataset, extractor, split="train", n=50_000)
    known = {"extractor": extractor, "classes": dataset.classes}

    def scores(pixels: Tensor, labels: Tensor | None = None) -> dict[str, float]:
        found = score_features(extractor(pixels), real, labels=labels, **known)
        return {s.name: s.value for s in found if s.value is not None}

    mine, theirs = scores(pixels), scores(plain_pixels)
    agreement = scores(pixels[:N_AGREEMENT], labels[:N_AGREEMENT])["agreement_compact_1k"]
    if given.sheet:
        sheet = images.to_pil(pixels[:40]) + images.to_pil(plain_pixels[:40])
        images.grid(sheet, columns=10).save(given.sheet)

    names = ("fid_compact_5k", "kid_compact_5k", "precision_compact_5k", "recall_compact_5k")
    rows = [
        [name, f"{speed:,}", *(f"{s[n]:.4g}" for n in names), agreed]
        for name, speed, s, agreed in (
            (f"preset {PRESET}", told["images"], mine, f"{agreement:.1%}"),
            ("plain loop, float32", seen, theirs, "no classes"),
        )
    ]
    columns = ("", "pictures seen", *names, f"agreement_compact_{N_AGREEMENT // 1000}k")
    ratio = mine["fid_compact_5k"] / theirs["fid_compact_5k"]
    text = (
        f"{report.table(columns, rows)}\n\nFID of ours divided by that of the plain loop: "
        f"**{ratio:.2f}** (target: at most 0.5). Agreement: target at least 75 %. Budget of each: "
        f"{given.seconds:.0f} s. First preview {told['first preview']:.1f} s after the start "
        f"(target 5 s); scoring took {told['scoring']:.1%} of the time (target: at most 10 %)."
    )
    print(text)
    if given.seconds == PRESETS[PRESET].seconds:
        report.write_section(TITLE, "python -m benchmarks.three_minutes", text)
    return 0


if __name__ == "__main__":
    main()
