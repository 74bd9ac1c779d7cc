"""Translation measured: emoji against the truth, façades against photographs, and unpaired domains
against a classifier that has seen only real pictures.

``python -m benchmarks.translation`` needs the data sets; ``--only emoji`` (or speed, facades,
unpaired) measures one part, ``--sheets FOLDER`` writes contact sheets of test pictures.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from skimage import data as photographs
from torch import Tensor

from aigc_demo import data
from aigc_demo.data import Domains
from aigc_demo.imaging import images
from aigc_demo.methods import METHODS
from aigc_demo.methods.base import Batch, Direction, Model
from aigc_demo.metrics import feature_extractors
from aigc_demo.metrics.functional import Moments, frechet_distance
from aigc_demo.metrics.image_quality import feature_distance, psnr
from aigc_demo.requests import TranslateRequest
from aigc_demo.studio import Studio
from benchmarks.report import table, write_metrics, write_section

CHECKPOINTS = Path("checkpoints")
COMMAND = "python -m benchmarks.translation"
UNPAIRED = ("monet2photo", "summer2winter")
SIDES, ROUNDS = (256, 512, 1536), 5
SHOWN = 24  # pictures a direction on a sheet
TILE = 32
STEPS, BATCH = 600, 32  # of the classifier's training


def main() -> int:
    """Measure, print and write the sections."""
    p = argparse.ArgumentParser(description=__doc__)
    parts = {"speed": speed, "emoji": emoji, "facades": facades, "unpaired": unpaired}
    p.add_argument("--only", choices=list(parts))
    p.add_argument("--sheets", type=Path)
    given = p.parse_args()
    studio = Studio(CHECKPOINTS)
    for name, measure in parts.items():
        if given.only in (None, name):
            title, markdown = measure(studio, given.sheets)
            print(f"{title}\n\n{markdown}\n", flush=True)
            write_section(title, COMMAND, markdown)
    return 0


# --- What all parts need -------------------------------------------------------------------------


def domains(name: str, split: data.Split) -> list[Tensor]:
    """Return the pictures of both domains of a set, uint8 (N, 3, H, W)."""
    found = data.load(name, split)
    assert isinstance(found, Domains)
    return [found.images, *found.others]


def translated(
    studio: Studio, model: str, pixels: Tensor, way: Direction
) -> tuple[Tensor, list[float]]:
    """Return the translations of uint8 pictures, and the PSNR of the way there and back."""
    made, psnrs = [], []
    cycle = len(studio.info(model).directions) == 2
    for image in images.to_pil(pixels):
        result = studio.translate(
            TranslateRequest(image=image, model=model, direction=way, cycle=cycle)
        )
        made.append(images.to_pixels(result.image))
        psnrs += result.scores.values()
    return torch.stack(made), psnrs


def sheet(folder: Path | None, name: str, *rows: Tensor) -> None:
    """Write rows of pictures above each other, `SHOWN` columns in lines of eight."""
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for first in range(0, min(SHOWN, *map(len, rows)), 8):
        for row in rows:
            lines += images.to_pil(row[first : first + 8])
    images.grid(lines, columns=8).save(folder / f"{name}.png")


def floats(pixels: Tensor) -> list[np.ndarray]:
    """Return uint8 (N, 3, H, W) as a list of (H, W, 3) in [0, 1]."""
    return list((pixels.permute(0, 2, 3, 1).numpy() / 255).astype(np.float32))


# --- Speed ---------------------------------------------------------------------------------------


def speed(studio: Studio, sheets: Path | None) -> tuple[str, str]:
    """Time the translation of photographs of several sizes by every model that translates."""
    photo = Image.fromarray(photographs.coffee())
    rows = []
    for info in studio.models("translate"):
        cells = []
        for side in SIDES:
            request = TranslateRequest(
                image=photo.resize((side, side)), model=info.name, direction=info.directions[0],
                scale="picture", cycle=False,
            )  # fmt: skip
            times = [studio.translate(request).seconds for _ in range(ROUNDS + 1)][1:]
            cells.append(f"{statistics.median(times):.2f}")
        rows.append([f"`{info.name}`", *cells])
    columns = ["seconds, median", *(f"{side}×{side}" for side in SIDES)]
    return "Translation speed", (
        f"One way, at the size of the picture, {torch.get_num_threads()} threads, {ROUNDS} "
        "rounds. 1536×1536 is computed in tiles where the network allows it.\n\n"
        + table(columns, rows)
    )


# --- Emoji ---------------------------------------------------------------------------------------


def emoji(studio: Studio, sheets: Path | None) -> tuple[str, str]:
    """Compare emoji with the truth in the other style, on names that nothing was trained on."""
    trained, tested = (domains("twemoji2fluentui", split) for split in ("train", "test"))
    ways: dict[Direction, tuple[int, int]] = {"AtoB": (0, 1), "BtoA": (1, 0)}
    rows = []
    for way, (a, b) in ways.items():
        start, truth = tested[a], tested[b]
        made = {
            "unchanged": start,
            "colour transfer": transferred(start, trained[a], trained[b]),
            "`emoji-cyclegan` (unpaired)": translated(studio, "emoji-cyclegan", start, way)[0],
            "`emoji-pix2pix` (paired)": translated(studio, "emoji-pix2pix", start, way)[0],
        }
        sheet(sheets, f"emoji-{way}", start, *list(made.values())[2:], truth)
        name = ("Twemoji → Fluent", "Fluent → Twemoji")[a]
        for kind, pixels in made.items():
            scores = alike(pixels, truth)
            rows.append([f"{name}: {kind}", f"{scores[0]:.2f}", f"{scores[1]:.3f}"])
            if kind.startswith("`"):
                found = {f"psnr_{way}_100": scores[0], f"compact_distance_{way}_100": scores[1]}
                write_metrics(CHECKPOINTS / kind.split("`")[1], found)
    n = len(tested[0])
    return "Emoji in another style", (
        f"{n} emoji whose names nothing was trained on, 64×64 on white, against the true picture "
        "in the other style: mean PSNR, and mean distance in the features of `compact` (tiles of "
        "32×32). Colour transfer: mean and spread of each channel, from one training set to the "
        f"other.\n\n{table(['', 'PSNR, dB', 'compact distance'], rows)}"
    )


def transferred(pixels: Tensor, source: Tensor, target: Tensor) -> Tensor:
    """Return pictures whose channels were moved from the statistics of one set to another's."""
    x, a, b = (t.float() for t in (pixels, source, target))
    dims, shape = (0, 2, 3), (1, 3, 1, 1)
    (mean_a, std_a), (mean_b, std_b) = ((s.mean(dims), s.std(dims)) for s in (a, b))
    y = (x - mean_a.view(shape)) / std_a.view(shape) * std_b.view(shape) + mean_b.view(shape)
    return y.round().clamp(0, 255).to(torch.uint8)


def alike(pixels: Tensor, truth: Tensor) -> tuple[float, float]:
    """Return the mean PSNR and the mean distance of features."""
    pairs = list(zip(floats(pixels), floats(truth), strict=True))
    decibels = [psnr(a, b) for a, b in pairs]
    distance = [feature_distance(a, b) for a, b in pairs]
    return float(np.mean(decibels)), float(np.mean([d for d in distance if d is not None]))


# --- Façades -------------------------------------------------------------------------------------


def facades(studio: Studio, sheets: Path | None) -> tuple[str, str]:
    """Compare generated façades with photographs: whole pictures, and their texture."""
    (plans, photos), (_, others) = (domains("facades", split) for split in ("test", "train"))
    made, _ = translated(studio, "facades-pix2pix", plans, "AtoB")
    sheet(sheets, "facades", plans, made, photos)
    rows = []
    found = {}
    for name, pixels in (
        ("real training photographs (floor)", others[: len(photos)]),
        ("`facades-pix2pix`", made),
        ("the plans themselves (worst)", plans),
    ):
        scores = [fid(f(pixels), f(photos)) for f in (whole, tiles)]
        rows.append([name, *(f"{s:.1f}" for s in scores)])
        if name.startswith("`"):
            n = len(photos)
            found = {f"fid_compact_{n}": scores[0], f"fid_compact_tiles_{n}": scores[1]}
            found["l1_106"] = float((made.float() - photos.float()).abs().mean() / 255)
    write_metrics(CHECKPOINTS / "facades-pix2pix", found)
    columns = ["against the test photographs", "FID, whole pictures", "FID, tiles of 32×32"]
    return "Façades from plans", (
        f"{len(photos)} test plans, 128×128; Fréchet distance in the 128 features of `compact`: "
        f"of pictures reduced to 32×32 and of the {len(tiles(photos)):,} tiles at full size. So "
        "few pictures make the distance larger, the floor's too; comparable with nothing but this "
        f"table.\n\n{table(columns, rows)}"
    )


def whole(pixels: Tensor) -> Tensor:
    """Return pictures as they are."""
    return pixels


def tiles(pixels: Tensor) -> Tensor:
    """Cut (N, C, H, W) into tiles (M, C, 32, 32)."""
    cut = pixels.unfold(2, TILE, TILE).unfold(3, TILE, TILE)
    return cut.permute(0, 2, 3, 1, 4, 5).reshape(-1, pixels.shape[1], TILE, TILE)


def fid(a: Tensor, b: Tensor) -> float:
    """Return the Fréchet distance of two sets of pictures in the features of ``compact``."""
    extractor = feature_extractors.compact()
    first, second = (Moments.of(extractor(x).values) for x in (a, b))
    return frechet_distance(first, second)


# --- Unpaired domains ----------------------------------------------------------------------------


def unpaired(studio: Studio, sheets: Path | None) -> tuple[str, str]:
    """Ask a classifier of real pictures which domain translations are of."""
    rows = []
    for name in UNPAIRED:
        model = f"{name}-cyclegan"
        info, tested = studio.info(model), domains(name, "test")
        judge = classifier(name)
        right = [share(judge, x, k) for k, x in enumerate(tested)]
        found: dict[str, float] = {}
        ends: dict[Direction, tuple[int, int]] = {"AtoB": (0, 1), "BtoA": (1, 0)}
        for way, (a, b) in ends.items():
            made, psnrs = translated(studio, model, tested[a], way)
            sheet(sheets, f"{name}-{way}", tested[a], made)
            called, cycle = share(judge, made, b), float(np.mean(psnrs))
            changed = float((made.float() - tested[a].float()).abs().mean())
            n = len(made)
            rows.append(
                [
                    f"{info.domains[a]} → {info.domains[b]}", n, f"{1 - right[a]:.0%}",
                    f"{called:.0%}", f"{right[b]:.0%}", f"{cycle:.1f}", f"{changed:.1f}",
                ]
            )  # fmt: skip
            found |= {f"target_share_{way}_{n}": called, f"cycle_psnr_{way}_{n}": cycle}
        write_metrics(CHECKPOINTS / model, found)
    columns = [
        "", "test pictures", "called the target: input", "translated", "real ones of the target",
        "there and back, PSNR dB", "mean change, grey levels",
    ]  # fmt: skip
    return "Unpaired domains", (
        "A classifier learns from the real training pictures of both domains (equally often), and "
        "is asked about real and translated test pictures.\n\n" + table(columns, rows)
    )


def classifier(name: str) -> Model:
    """Return a network that tells the two domains of a set apart, trained on real pictures."""
    dataset = data.load(name, "train")
    assert isinstance(dataset, Domains)
    torch.manual_seed(0)
    config = {
        "size": dataset.images.shape[-1], "classes": 2, "fold": 4, "widths": [48, 96, 128],
        "shift": 0.1,
    }  # fmt: skip
    model = METHODS["classifier"].build(config).to(memory_format=torch.channels_last)
    trainer = model.trainer(lr=0.05, ema=0.05, seed=0)
    for i, batch in enumerate(itertools.islice(both(dataset), STEPS)):
        trainer.schedule(0.5 * (1 + np.cos(np.pi * i / STEPS)))
        trainer.training_step(batch)
    return model


def both(dataset: Domains) -> Iterator[Batch]:
    """Yield batches of as many pictures of one domain as of the other."""
    labels = torch.arange(2).repeat_interleave(BATCH // 2)
    for batch in dataset.unpaired().batches(BATCH // 2, seed=0):
        assert batch.targets is not None
        yield Batch(torch.cat([batch.images, batch.targets]), labels)


@torch.no_grad()
def share(judge: Model, pixels: Tensor, label: int) -> float:
    """Return the share of pictures that the judge calls `label`."""
    said = judge(images.from_pixels(pixels)).argmax(1)
    return float((said == label).float().mean())


if __name__ == "__main__":
    main()
