"""How good is a model? ``python -m aigc_demo evaluate --model scenes-flow -n 5000``

Draws n pictures as a user gets them (the model's default options, 8 bits, classes as often as in
the training set), compares them with the real training pictures in the features of ``compact``
and, with ``--inception-weights``, of Inception, and writes the scores into the model's card. The
same scores of real test pictures are the floor: what no model needs to beat.

*Memorised* is the share of pairs of a drawn and a real test picture in which the drawn one is
closer to its nearest training picture: 0.5 is as far as unseen real pictures, near 1 are copies.

A classifier is examined on the real test pictures of every data set that it was taught.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from aigc_demo import data, device as devices
from aigc_demo.errors import BadValue, UserError
from aigc_demo.imaging import images
from aigc_demo.methods import checkpoint, tensor_cache
from aigc_demo.metrics import feature_extractors
from aigc_demo.metrics.feature_extractors import Extractor, Features, download_inception, inception
from aigc_demo.metrics.functional import mann_whitney, nearest_neighbours
from aigc_demo.metrics.reference_statistics import compute_reference, reference_indices
from aigc_demo.metrics.sampling import sample_batches
from aigc_demo.metrics.scores import Score, score_features, short_count
from aigc_demo.pipelines.model_info import ModelInfo
from aigc_demo.studio import Studio

REFERENCE = 50_000  # real training pictures, or all if there are fewer
MAX_COUNT = 50_000
BLOCK = 500  # pictures between two movements of the progress bar
CLOSEST, COLUMNS = 16, 8  # of the contact sheet
FLOOR = "floor_"
OLD = re.compile(r"(lowest_)?(class_agreement|diversity)_\d+|classifier_accuracy")


class Gauge:
    """An extractor and what it saw of the real pictures of a data set."""

    def __init__(
        self, extractor: Extractor, train: data.Dataset, test: data.Dataset, n: int
    ) -> None:
        self.extractor, self.train = extractor, train
        self.copies = extractor.name == "compact"  # others would need all their features kept
        keep = {"keep": REFERENCE} if self.copies else {}
        self.real = compute_reference(train, extractor, split="train", n=REFERENCE, **keep)
        chosen = reference_indices(test, n)
        unseen = look(extractor, test.images[chosen], f"{test.name} test")
        self.floors = self.compare(unseen, test.labels[chosen] if test.classes else None)
        if self.copies:
            self.distances, _ = nearest_neighbours(unseen.values, self.real.features)

    def compare(self, seen: Features, labels: Tensor | None) -> list[Score]:
        return score_features(
            seen, self.real, extractor=self.extractor, classes=self.train.classes, labels=labels
        )

    def score(self, pixels: Tensor, labels: Tensor | None, sheet: Path | None) -> list[Score]:
        """Return the scores of uint8 pictures (N, C, H, W); draw the closest ones to `sheet`."""
        seen = look(self.extractor, pixels, self.extractor.name)
        scores = self.compare(seen, labels)
        if not self.copies:
            return scores
        distances, places = nearest_neighbours(seen.values, self.real.features)
        n = len(pixels)
        share = mann_whitney(distances, self.distances)
        if sheet is not None:
            closest = distances.argsort()[:CLOSEST]
            originals = reference_indices(self.train, self.real.n)[places[closest]]
            draw_sheet(sheet, pixels[closest], self.train.images[originals])
        return [*scores, Score(f"memorised_{self.extractor.name}_{short_count(n)}", share, n)]


def look(extractor: Extractor, pixels: Tensor, title: str) -> Features:
    """Return the features of uint8 pictures; the progress is shown."""
    with tqdm(total=len(pixels), desc=f"looking ({title})", disable=None) as bar:
        parts = []
        for part in pixels.split(BLOCK):
            parts.append(extractor(part))
            bar.update(len(part))
    return Features.cat(parts)


def draw(studio: Studio, info: ModelInfo, train: data.Dataset, n: int) -> tuple[Tensor, Tensor]:
    """Return n pictures of a model, uint8, and the numbers (n,) of their classes in `train`, or
    None; the progress is shown.

    A model that reads is given captions of training pictures. Raises BadValue where the data set
    does not have the model's classes, and BadData where it has no captions.
    """
    shares, numbers = None, torch.empty(0, dtype=torch.long)
    said = None
    if info.condition == "text":
        said = next(data.caption_by_class(train).batches(n, seed=0)).captions
    if info.labels:
        if missing := set(info.labels) - set(train.classes):
            raise BadValue(
                f"data: {train.name} has no class “{min(missing)}”, which {info.name} draws; "
                "name the data set that the model learned from with --data."
            )
        numbers = torch.tensor([train.classes.index(label) for label in info.labels])
        shares = torch.bincount(train.labels, minlength=len(train.classes))[numbers]
    model, _ = checkpoint.load(studio.checkpoints / info.name)
    model = model.to(studio.device, memory_format=torch.channels_last)
    options = {o.name: o.default for o in info.options}
    parts = []
    with tqdm(total=n, desc=f"drawing ({info.name})", disable=None) as bar:
        for pixels, labels in sample_batches(
            model, n, class_shares=shares, captions=said, **options
        ):
            parts.append((pixels, labels))
            bar.update(len(pixels))
    pixels = torch.cat([p for p, _ in parts])
    return pixels, numbers[torch.cat([k for _, k in parts])] if info.labels else None


def draw_sheet(path: Path, drawn: Tensor, originals: Tensor) -> None:
    """Write pairs of pictures, uint8 (N, C, H, W) each, as rows of drawn ones above real ones."""
    rows = []
    for above, below in zip(drawn.split(COLUMNS), originals.split(COLUMNS), strict=True):
        rows += [*images.to_pil(above), *images.to_pil(below)]
    side = max(rows[0].size)
    shown = [images.enlarge(image, 4 * side, crisp=True) for image in rows]
    images.grid(shown, min(COLUMNS, len(drawn))).save(path, "PNG")


def examine(studio: Studio, info: ModelInfo, root: str | None, name: str | None) -> list[Score]:
    """Return a classifier's accuracy on the real test pictures of each set, among the classes of
    that set, as the scores use it.
    """
    extractor = feature_extractors.compact(studio.checkpoints / info.name, studio.device)
    scores = []
    for part in [name] if name else info.data.split("+"):
        test = data.load(part, "test", root=root)
        wanted = [f"{test.name}/{c}" if "+" in info.data else c for c in test.classes]
        if len(wanted) < 2 or not set(wanted) <= set(info.labels):
            continue
        logits = look(extractor, test.images, test.name).logits
        seen = logits[:, [info.labels.index(c) for c in wanted]].argmax(1)
        right = (seen == test.labels).double().mean().item()
        scores.append(Score(f"accuracy_{test.name}", right, len(test)))
    return scores


def table(title: str, scores: list[Score], floors: list[Score], against: str) -> str:
    """Return the scores, those of real test pictures beside them, as lines of text."""
    floor = {s.name: s for s in floors}
    rows = [(title, "value", "real test", "N", "against")]
    for s in scores:
        beside = floor.pop(s.name, None)
        value = _number(s) if s.value is not None else "n/a"
        rows.append((s.name, value, _number(beside), f"{s.n:,}", s.reason or against))
    for s in floor.values():
        rows.append((s.name, "", _number(s), f"{s.n:,}", s.reason or against))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    return "\n".join(
        f"{row[0]:<{widths[0]}}  "
        + "  ".join(f"{cell:>{w}}" for cell, w in zip(row[1:4], widths[1:], strict=True))
        + f"  {row[4]}"
        for row in rows
    )


def _number(score: Score | None) -> str:
    if score is None or score.value is None:
        return ""
    return f"{score.value:.4g}" + (f" ± {score.std:.2g}" if score.std is not None else "")


def metrics_of(scores: list[Score]) -> dict[str, float]:
    """Return the scores that have a value as a card holds them, to six digits."""
    found: dict[str, float] = {}
    for s in scores:
        if s.value is not None:
            found[s.name] = float(f"{s.value:.6g}")
            if s.std is not None:
                found[f"{s.name}_std"] = float(f"{s.std:.6g}")
    return found


def write_card(folder: Path, found: dict[str, float | str]) -> None:
    """Put metrics into the card of a model folder, in place of those that the same extractors
    gave before.
    """
    card = checkpoint.read_card(folder)
    measured = {m[0] for name in found if (m := re.search(r"_(compact|inception)_", name))}
    kept = {
        name: value
        for name, value in card.metrics.items()
        if not OLD.fullmatch(name) and not any(m in name for m in measured)
    }
    card = card.model_copy(update={"metrics": kept | found})
    checkpoint.write_text(folder / checkpoint.CARD, card.model_dump_json(indent=1) + "\n")


class Evaluation:
    """Evaluates models in turn; what was seen of real pictures is kept between them."""

    def __init__(
        self, studio: Studio, extractors: Callable[[], list[Extractor]], n: int, root: str | None
    ) -> None:
        if not 2 <= n <= MAX_COUNT:
            raise BadValue(f"n: {n} pictures cannot be drawn; give 2 to {MAX_COUNT:,}.")
        self.studio, self.extractors, self.n, self.root = studio, extractors, n, root
        self.gauges: dict[tuple[str, int], list[Gauge]] = {}

    def run(
        self, info: ModelInfo, data_name: str | None, sheet: Path | None
    ) -> dict[str, float | str]:
        """Evaluate a model, print a table and return the metrics for its card."""
        name = info.name
        if info.task == "measure":
            scores = examine(self.studio, info, self.root, data_name)
            print(table(name, scores, [], "real test pictures"), flush=True)
            return metrics_of(scores)
        gauges = self._gauges(data_name or info.data, info.size)
        pixels, labels = draw(self.studio, info, gauges[0].train, self.n)
        found: dict[str, float | str] = {}
        for gauge in gauges:
            scores = gauge.score(pixels, labels, sheet)
            print(table(name, scores, gauge.floors, str(gauge.real)), flush=True)
            floors = [replace(s, name=FLOOR + s.name) for s in gauge.floors]
            found |= metrics_of([*scores, *floors]) | {"reference": str(gauge.real)}
        return found

    def _gauges(self, name: str, size: int) -> list[Gauge]:
        if (name, size) not in self.gauges:
            train, test = (
                data.load(name, s, root=self.root, size=size) for s in ("train", "test")
            )
            seers = self.extractors()
            self.gauges = {(name, size): [Gauge(e, train, test, self.n) for e in seers]}
        return self.gauges[name, size]


def extractors(weights: Path | None, *, download: bool) -> list[Extractor]:
    """Return the extractors that were asked for; `download` fetches the weights of Inception."""
    if download:
        weights = download_inception(tensor_cache.root())
    return [feature_extractors.compact(), *([inception(weights)] if weights else [])]


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    p = argparse.ArgumentParser(
        prog="evaluate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("--model", nargs="+", action="extend", help="default: all that draw pictures")
    p.add_argument("--data", help="data set; default: the one that the card names")
    p.add_argument("-n", type=int, default=5000, help="pictures a model (5000)")
    p.add_argument("--checkpoints", default="checkpoints", help="folder of models")
    p.add_argument("--data-root", help="folder of data sets (AIGC_DATA, data)")
    p.add_argument("--inception-weights", type=Path, metavar="FILE", help="score with it too")
    p.add_argument("--download-inception", action="store_true", help="fetch that file (95 MB)")
    p.add_argument("--no-write", action="store_true", help="leave the cards as they are")
    p.add_argument("--sheet", type=Path, metavar="FILE", help="PNG of the samples closest to data")
    p.add_argument("--threads", type=int, help="CPU threads")
    return p


def main(arguments: list[str] | None = None) -> int:
    """Evaluate models, print tables and write their cards; return 2 where something was wrong."""
    given = parser().parse_args(arguments)
    devices.set_threads(given.threads)
    studio = Studio(given.checkpoints)
    try:
        names = given.model or [m.name for m in studio.models("generate") if not m.problem]
        if given.sheet and len(names) != 1:
            raise BadValue(f"sheet: it shows one model, not {len(names)}; name one with --model.")
        evaluation = Evaluation(
            studio,
            lambda: extractors(given.inception_weights, download=given.download_inception),
            given.n,
            given.data_root,
        )
        for info in [studio.info(name) for name in names]:
            found = evaluation.run(info, given.data, given.sheet)
            if not given.no_write:
                write_card(studio.checkpoints / info.name, found)
    except UserError as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 2
    return 0
