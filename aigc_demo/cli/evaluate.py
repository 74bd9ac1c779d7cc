"""Score models against real images and write the scores into their cards:

    python -m aigc_demo evaluate --model scenes-flow -n 5000

Samples n images as a user gets them (the model's default options, 8 bits, classes as often as in
the training set) and compares them with the training images in the features of compact, of the
second judge compact_b and, with --inception-weights, of Inception. The same scores of real test
images are the baseline: what no model needs to beat.

The memorisation rate is the share of pairs of a sample and a real test image in which the sample
is closer to its nearest training image: 0.5 is as far as unseen real images, near 1 are copies.

A classifier is scored by its accuracy on the test images of every data set that it was taught.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from aigc_demo import data, device as devices
from aigc_demo.cli import batch_runner, score_report
from aigc_demo.errors import BadValue, UserError
from aigc_demo.methods import checkpoint, tensor_cache
from aigc_demo.metrics import feature_extractors
from aigc_demo.metrics.feature_extractors import Extractor, Features, download_inception, inception
from aigc_demo.metrics.functional import mann_whitney, nearest_neighbours
from aigc_demo.metrics.reference_statistics import compute_reference, reference_indices
from aigc_demo.metrics.sampling import sample_batches
from aigc_demo.metrics.scores import Score, score_features, short_count
from aigc_demo.pipelines.model_info import ModelInfo
from aigc_demo.studio import Studio

REFERENCE = 50_000  # real training images, or all if there are fewer
MAX_COUNT = 50_000
BLOCK = 500  # images between two movements of the progress bar
CLOSEST = 16  # samples of the contact sheet


class Evaluator:
    """Scores samples by one extractor against the real images of a data set.

    `baseline` holds the scores of real test images.
    """

    def __init__(
        self, extractor: Extractor, train: data.Dataset, test: data.Dataset, n: int
    ) -> None:
        self.extractor, self.train = extractor, train
        # Other extractors' features are too large to keep those of all training images.
        self.finds_copies = extractor.name == "compact"
        keep = {"keep": REFERENCE} if self.finds_copies else {}
        self.reference = compute_reference(train, extractor, split="train", n=REFERENCE, **keep)
        chosen = reference_indices(test, n)
        unseen = extract(extractor, test.images[chosen], f"{test.name} test")
        self.baseline = self._compare(unseen, test.labels[chosen] if test.classes else None)
        if self.finds_copies:
            self.unseen_distances, _ = nearest_neighbours(unseen.values, self.reference.features)

    def _compare(self, features: Features, labels: Tensor | None) -> list[Score]:
        classes, extractor = self.train.classes, self.extractor
        known = {"extractor": extractor, "classes": classes, "labels": labels}
        return score_features(features, self.reference, **known)

    def score(self, samples: Tensor, labels: Tensor | None, sheet: Path | None) -> list[Score]:
        """Return the scores of uint8 images (N, C, H, W); show the closest ones on `sheet`."""
        features = extract(self.extractor, samples, self.extractor.name)
        scores = self._compare(features, labels)
        if not self.finds_copies:
            return scores
        distances, places = nearest_neighbours(features.values, self.reference.features)
        if sheet is not None:
            closest = distances.argsort()[:CLOSEST]
            originals = reference_indices(self.train, self.reference.n)[places[closest]]
            score_report.write_contact_sheet(sheet, samples[closest], self.train.images[originals])
        n, rate = len(samples), mann_whitney(distances, self.unseen_distances)
        # The cards' name of the memorisation rate.
        return [*scores, Score(f"memorised_{self.extractor.name}_{short_count(n)}", rate, n)]


def extract(extractor: Extractor, pixels: Tensor, title: str) -> Features:
    """Return the features of uint8 images, with a progress bar."""
    parts = []
    with tqdm(total=len(pixels), desc=f"extracting features ({title})", disable=None) as bar:
        for part in pixels.split(BLOCK):
            parts.append(extractor(part))
            bar.update(len(part))
    return Features.cat(parts)


def sample(
    studio: Studio, info: ModelInfo, train: data.Dataset, n: int, *, first_seed: int = 0
) -> tuple[Tensor, Tensor | None]:
    """Return n samples of a model, uint8, of the seeds from `first_seed`, and the numbers (n,) of
    their classes in `train`, or None, with a progress bar.

    A text-conditioned model is given captions of training images. Raises BadValue where the data
    set does not have the model's classes, and BadData where it has no captions.
    """
    shares, captions, numbers = None, None, torch.empty(0, dtype=torch.long)
    if info.condition == "text":
        captions = next(data.caption_by_class(train).batches(n, seed=0)).captions
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
    how = {"class_shares": shares, "captions": captions, "first_seed": first_seed}
    how |= {o.name: o.default for o in info.options}
    parts = []
    with tqdm(total=n, desc=f"sampling ({info.name})", disable=None) as bar:
        for part in sample_batches(model, n, **how):
            parts.append(part)
            bar.update(len(part[0]))
    pixels, labels = zip(*parts, strict=True)
    return torch.cat(pixels), numbers[torch.cat(labels)] if info.labels else None


def accuracies(studio: Studio, info: ModelInfo, root: str | None, name: str | None) -> list[Score]:
    """Return a classifier's accuracy on the test images of each data set, among the classes of
    that set, as the scores use it.
    """
    extractor = feature_extractors.compact(studio.checkpoints / info.name, studio.device)
    scores = []
    for part in [name] if name else info.data.split("+"):
        size = None if part in data.DATASETS else info.size
        test = data.load(part, "test", root=root, size=size)
        wanted = [f"{test.name}/{c}" if "+" in info.data else c for c in test.classes]
        if len(wanted) < 2 or not set(wanted) <= set(info.labels):
            continue
        logits = extract(extractor, test.images, test.name).logits
        predicted = logits[:, [info.labels.index(c) for c in wanted]].argmax(1)
        accuracy = (predicted == test.labels).double().mean().item()
        scores.append(Score(f"accuracy_{test.name}", accuracy, len(test)))
    if not scores:
        raise BadValue(
            f"data: {name or info.data} has not the classes that {info.name} knows; name a data "
            "set with --data."
        )
    return scores


def evaluate(
    studio: Studio,
    info: ModelInfo,
    evaluators: Callable[[str, int], list[Evaluator]],
    given: argparse.Namespace,
) -> dict[str, float | str]:
    """Evaluate a model, print a table and return the metrics for its card."""
    if info.task == "measure":
        scores = accuracies(studio, info, given.data_root, given.data)
        print(score_report.table(info.name, scores, [], "real test images"), flush=True)
        return score_report.card_metrics(scores)
    chosen = evaluators(given.data or info.data, info.size)
    samples, labels = sample(studio, info, chosen[0].train, given.n)
    found: dict[str, float | str] = {}
    for evaluator in chosen:
        scores = evaluator.score(samples, labels, given.sheet)
        baseline, reference = evaluator.baseline, str(evaluator.reference)
        print(score_report.table(info.name, scores, baseline, reference), flush=True)
        found |= score_report.card_metrics(scores, baseline) | {"reference": reference}
    return found


def load_extractors(weights: Path | None, *, download: bool) -> list[Extractor]:
    """Return the judges and, where asked for, Inception; `download` fetches its weights."""
    if download:
        weights = download_inception(tensor_cache.root())
    return [*feature_extractors.judges(), *([inception(weights)] if weights else [])]


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    p = batch_runner.command_parser("evaluate", __doc__)
    p.add_argument("--model", nargs="+", action="extend", help="default: all that draw images")
    p.add_argument("--data", help="data set; default: the one that the card names")
    p.add_argument("-n", type=int, default=5000, help="images a model (5000)")
    p.add_argument("--data-root", help="folder of data sets (AIGC_DATA, data)")
    p.add_argument("--inception-weights", type=Path, metavar="FILE", help="score with it too")
    p.add_argument("--download-inception", action="store_true", help="fetch that file (95 MB)")
    p.add_argument("--no-write", action="store_true", help="leave the cards as they are")
    p.add_argument("--sheet", type=Path, metavar="FILE", help="PNG of the samples closest to data")
    return p


def check_flags(given: argparse.Namespace, infos: list[ModelInfo]) -> None:
    """Raise BadValue for a flag that cannot be used, or that would change nothing."""
    if not infos:
        raise BadValue("model: there are none that draw images; name another --checkpoints.")
    if other := next((m.name for m in infos if m.task not in ("generate", "measure")), None):
        raise BadValue(f"model: {other} neither draws images nor classifies; name one that does.")
    for flag in ("inception_weights", "download_inception"):
        if all(m.task == "measure" for m in infos) and getattr(given, flag):
            name = flag.replace("_", "-")
            raise BadValue(f"{name}: a classifier is scored without it; leave it out.")
    if not 2 <= given.n <= MAX_COUNT:
        raise BadValue(f"n: {given.n} pictures cannot be drawn; give 2 to {MAX_COUNT:,}.")
    if given.inception_weights and given.download_inception:
        raise BadValue("inception-weights: they are not used if fetched anew; leave one out.")
    if given.sheet and (len(infos) != 1 or infos[0].task != "generate"):
        what = f"{len(infos)}" if len(infos) != 1 else "one that draws nothing"
        raise BadValue(f"sheet: it shows one generator, not {what}; name one with --model.")
    if given.sheet and not given.sheet.parent.is_dir():
        raise BadValue("sheet: its folder is not there; make it, or name another one.")


def main(arguments: list[str] | None = None) -> int:
    """Evaluate models, print tables and write their cards; return 2 where something was wrong."""
    given = parser().parse_args(arguments)
    devices.set_threads(given.threads)
    studio = Studio(given.checkpoints)

    @lru_cache(maxsize=1)  # the features of one data set at a time
    def evaluators(name: str, size: int) -> list[Evaluator]:
        train, test = (
            data.load(name, split, root=given.data_root, size=size) for split in ("train", "test")
        )
        found = load_extractors(given.inception_weights, download=given.download_inception)
        return [Evaluator(extractor, train, test, given.n) for extractor in found]

    try:
        names = given.model or [m.name for m in studio.models("generate") if not m.problem]
        infos = [studio.info(name) for name in names]
        check_flags(given, infos)
        for info in infos:
            found = evaluate(studio, info, evaluators, given)
            if not given.no_write:
                score_report.write_card(studio.checkpoints / info.name, found)
    except UserError as error:
        return batch_runner.report("evaluate", error)
    return 0
