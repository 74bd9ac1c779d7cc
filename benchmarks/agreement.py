"""Do the pictures show the class that was asked for, and as many things as real pictures do?

``python -m benchmarks.agreement`` judges every conditional model with a classifier of its real
training pictures (see `classifier`), in the 8-bit pixels that a user gets:

* *class agreement*: the share of pictures in which the classifier sees the class asked for;
* *diversity*: the mean distance from a picture to the nearest other one of its class, in the
  classifier's features, divided by the same among as many real test pictures, which the
  classifier has not learnt by heart; 1 is as diverse as reality, 0 is one picture over and over.
  It is averaged over classes.

``--sweep guidance=1,1.5,2,3`` judges a model at several values of an option.
"""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from aigc_demo import checkpoint, data, device, images
from aigc_demo.errors import BadCheckpoint, BadValue, UserError
from aigc_demo.requests import MAX_COUNT, GenerateRequest
from aigc_demo.studio import ModelInfo, Studio
from benchmarks import classifier, report

COLUMNS = (
    "model",
    "pictures",
    "classifier on real test pictures",
    "class agreement",
    "… of the lowest class",
    "diversity",
    "… of the lowest class",
)
OPTIONS: dict[str, type] = {
    "guidance": float,
    "evaluations": int,
    "truncation": float,
    "temperature": float,
}


@functools.cache
def judge(
    name: str, size: int, root: str | None
) -> tuple[classifier.Classifier, float, data.Dataset]:
    """Return the classifier of a data set, its accuracy and the real test pictures."""
    test = data.load(name, "test", root=root, size=size)
    return *classifier.judge(test, root), test


def generate(
    studio: Studio, info: ModelInfo, n: int, options: dict[str, float]
) -> Iterable[tuple[str, Tensor]]:
    """Yield each class and its share of n pictures, uint8 (M, C, H, W); no seed comes twice."""
    seed = 0
    for k, label in enumerate(info.labels):
        count = (k + 1) * n // len(info.labels) - seed
        pixels = []
        for first in range(0, count, MAX_COUNT):
            request = GenerateRequest(
                model=info.name,
                label=label,
                count=min(MAX_COUNT, count - first),
                seed=seed + first,
                **options,
            )
            pixels += map(images.to_pixels, studio.generate(request).images)
        seed += count
        yield label, torch.stack(pixels)


def nearest(features: Tensor) -> float:
    """Return the mean distance from each row of (N, F) to the nearest other one."""
    return torch.cdist(features, features).fill_diagonal_(torch.inf).amin(1).mean().item()


def measure(
    studio: Studio, info: ModelInfo, n: int, root: str | None, options: dict[str, float]
) -> dict[str, float]:
    """Return the metrics of a model, their names carrying n; print a line a class."""
    if n < 2 * len(info.labels):
        raise BadValue(f"n: {n} is too few for {len(info.labels)} classes; give two a class.")
    seer, accuracy, test = judge(info.data, info.size, root)
    if info.channels != test.images.shape[1] or not set(info.labels) <= set(test.classes):
        raise BadCheckpoint(
            f"{info.name} has other channels or classes than {info.data}; correct its card."
        )
    real, _ = classifier.look(seer, test.images)
    agreements, diversities, right = {}, {}, 0
    for label, pixels in generate(studio, info, n, options):
        number = test.classes.index(label)
        features, seen = classifier.look(seer, pixels)
        right += (seen == number).sum().item()
        agreements[label] = (seen == number).double().mean().item()
        others = real[test.labels == number]
        m = min(len(features), len(others))
        diversities[label] = nearest(features[:m]) / nearest(others[:m])
        print(
            f"  {label:16} agreement {agreements[label]:.1%}, diversity {diversities[label]:.2f}",
            flush=True,
        )
    return {
        "classifier_accuracy": round(accuracy, 4),
        f"class_agreement_{n}": round(right / n, 4),
        f"lowest_class_agreement_{n}": round(min(agreements.values()), 4),
        f"diversity_{n}": round(sum(diversities.values()) / len(diversities), 3),
        f"lowest_diversity_{n}": round(min(diversities.values()), 3),
    }


def row(name: str, metrics: dict[str, float], n: int) -> list[str]:
    """Return the cells below COLUMNS."""
    return [
        name,
        f"{n:,}",
        f"{metrics['classifier_accuracy']:.1%}",
        f"{metrics[f'class_agreement_{n}']:.1%}",
        f"{metrics[f'lowest_class_agreement_{n}']:.1%}",
        f"{metrics[f'diversity_{n}']:.2f}",
        f"{metrics[f'lowest_diversity_{n}']:.2f}",
    ]


def write_card(folder: Path, metrics: dict[str, float]) -> None:
    """Add `metrics` to the card of a model folder."""
    card = checkpoint.read_card(folder)
    card = card.model_copy(update={"metrics": card.metrics | metrics})
    checkpoint.write_text(folder / checkpoint.CARD, card.model_dump_json(indent=1) + "\n")


def write_results(studio: Studio, measured: dict[str, dict[str, float]], n: int) -> None:
    """Write the section: what was measured now, and for the other models what their cards say."""
    known = {m.name: m.card.get("metrics", {}) for m in studio.models("generate") if not m.problem}
    rows = [
        row(name, metrics, n)
        for name, metrics in (known | measured).items()
        if f"lowest_diversity_{n}" in metrics
    ]
    text = (
        "Class agreement: a classifier trained on the real training pictures sees the class that "
        "was asked for. Diversity: distance to the nearest other picture of the class in the "
        "classifier's features, divided by that among as many real test pictures (1: as diverse "
        "as reality). Default options, 8-bit pixels."
    )
    report.write_section(
        "Class agreement and diversity",
        f"python -m benchmarks.agreement -n {n}",
        f"{text}\n\n{report.table(COLUMNS, rows)}",
    )


def sweep_of(text: str) -> tuple[str, list[float]]:
    """Read ``guidance=1,1.5,2``."""
    name, _, values = text.partition("=")
    if name not in OPTIONS or not values:
        raise argparse.ArgumentTypeError(
            f"give one of {', '.join(OPTIONS)}, as in guidance=1,1.5,2"
        )
    return name, [OPTIONS[name](value) for value in values.split(",")]


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("models", nargs="*", help="default: all that know the classes of a data set")
    p.add_argument("-n", type=int, default=2000, help="pictures a model (2000)")
    p.add_argument("--sweep", type=sweep_of, metavar="OPTION=A,B,…", help="a row a value")
    p.add_argument("--write-cards", action="store_true", help="add the metrics to the cards")
    p.add_argument("--checkpoints", default="checkpoints", help="folder of models")
    p.add_argument("--data-root", help="folder of data sets (AIGC_DATA, data)")
    p.add_argument("--threads", type=int, help="CPU threads")
    for name, kind in OPTIONS.items():
        p.add_argument(f"--{name}", type=kind, help="the model's default, unless given")
    return p


def main(arguments: list[str] | None = None) -> int:
    """Judge models, print a table and, where they are the shipped ones as they are, write it."""
    given = parser().parse_args(arguments)
    device.set_threads(given.threads)
    options = {name: v for name in OPTIONS if (v := getattr(given, name)) is not None}
    as_shipped = not options and not given.sweep
    if given.write_cards and not as_shipped:
        parser().error("--write-cards goes with the default options only")
    studio = Studio(given.checkpoints)
    try:
        chosen = [studio.info(name) for name in given.models] or [
            m
            for m in studio.models("generate")
            if not m.problem and m.labels and m.data in data.available(given.data_root)
        ]
        sweep, values = given.sweep or ("", [None])
        measured: dict[str, dict[str, float]] = {}
        for info in chosen:
            for value in values:
                at = options | ({sweep: value} if sweep else {})
                name = " ".join([info.name, *(f"{k}={v:g}" for k, v in at.items())])
                print(name, flush=True)
                measured[name] = measure(studio, info, given.n, given.data_root, at)
                if given.write_cards:
                    write_card(studio.checkpoints / info.name, measured[name])
    except UserError as error:
        print(f"agreement: {error}", file=sys.stderr)
        return 2
    print(report.table(COLUMNS, [row(name, m, given.n) for name, m in measured.items()]))
    if as_shipped and given.checkpoints == "checkpoints":
        write_results(studio, measured, given.n)
    return 0


if __name__ == "__main__":
    sys.exit(main())
