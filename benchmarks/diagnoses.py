"""Are the warnings about a GAN right, and does their advice help? Short runs of known outcome.

Every run is made to go well, or wrong in one way. That it did is seen in its end: in fresh
samples, in the features of ``compact``, and in the final discriminator, none of which a warning is
made from. A warning that stood on the page at any moment of a run is right where the run was made
for it or ended so; recall counts the runs that were made for it. Then those that went wrong take
the advice, with the same seeds and numbers of steps.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from aigc_demo import data, device as devices
from aigc_demo.imaging import images
from aigc_demo.methods import checkpoint
from aigc_demo.methods.dcgan import DCGAN, Discriminator
from aigc_demo.metrics import feature_extractors
from aigc_demo.metrics.functional import (
    Moments,
    frechet_distance,
    kernel_distance,
    mann_whitney,
)
from aigc_demo.metrics.reference_statistics import compute_reference
from aigc_demo.metrics.sampling import sample_images
from aigc_demo.requests import TrainPlan
from aigc_demo.training import runs
from aigc_demo.training.diagnosis import Diagnosis
from aigc_demo.training.presets import PRESETS
from aigc_demo.training.run_monitor import RunLog, RunView
from aigc_demo.training.session import STATE
from benchmarks import report

TITLE = "Diagnoses"
FID, KID = "fid_compact_500", "kid_compact_500"
NOTE = (
    f"Fashion-MNIST, medians. {FID} and {KID}: samples against the training set; *nearest*: the "
    "distance of samples to their nearest neighbours in features, real images having 1; "
    "*separation*: the share of pairs in which the final discriminator ranks a real training "
    "image above a fresh sample. A run *ended* diverged with more than three times the KID of "
    "healthy ones, won with a separation above 0.99, collapsed with *nearest* below 0.4. In "
    "quotation marks: runs that were warned so at any moment."
)
ADVISED = (
    "The same runs with an advice taken, for the same seeds and numbers of steps. The page gives "
    "the advice that betters the FID of at least three of four. With R1 the discriminator can "
    "still tell its 16 pictures from samples, but is less sure of it."
)
DATA, SAMPLES, FIRST_SEED = "fashion_mnist", 500, 10  # thresholds were chosen with seeds below
STATES: tuple[Diagnosis, ...] = ("diverges", "wins", "collapses")


def _preset(name: str, *, steps: int) -> dict[str, Any]:
    """Return the settings of a preset of the page, for a number of steps."""
    preset = PRESETS[name]
    fields = {field: getattr(preset, field) for field in ("batch", "lr", "ema", "config")}
    return fields | {"steps": steps}


# What a run is made of, by the state that it is to come to.
DESIGNS: dict[str, dict[str, Any]] = {
    "healthy": {"steps": 800},
    "diverges": _preset("gan_unstable", steps=600),
    "wins": {"steps": 600, "lr": 2e-3, "limit": 16},
    "collapses": _preset("gan_collapses", steps=800),
}
OTHERWISE_HEALTHY: dict[str, dict[str, Any]] = {
    "preset": _preset("gan_fashion", steps=800),
    "hinge": {"steps": 800, "config": {"loss": "hinge"}},
    "relativistic": {"steps": 800, "config": {"loss": "relativistic"}},
}
TOO_SHORT = 60  # steps
# What might help; the page advises what betters three of four runs.
ADVICE: dict[Diagnosis, dict[str, dict[str, Any]]] = {
    "diverges": {"a tenth of the learning rate": {"lr": 3e-3}},
    "wins": {
        "DiffAugment": {"config": {"diffaugment": ["translation"]}},
        "R1 of 1": {"config": {"r1": 1.0, "r1_every": 4}},
    },
    "collapses": {"100 random numbers": {"config": {"latent": 100}}},
}


@dataclass(frozen=True)
class Outcome:
    """How a run ended, and what was said of it on the way."""

    said: frozenset[Diagnosis]
    fid: float  # of fresh samples against the whole data set
    kid: float
    nearest: float  # distance of samples to their nearest neighbours, real images having 1
    separation: float  # share of real training images that D ranks above fresh samples

    def ended(self, healthy_kid: float) -> set[str]:
        """Return the states that the end shows; `healthy_kid` is that of runs that went well."""
        found = {
            "diverges": self.kid > 3 * healthy_kid,
            "wins": self.separation > 0.99,
            "collapses": self.nearest < 0.4,
        }
        return {state for state, true in found.items() if true} or {"healthy"}


def plan(seed: int, **changes: Any) -> TrainPlan:
    """Return the plan of a small GAN with `changes`."""
    config = {"width": 32} | changes.pop("config", {})
    fields = {"batch": 8, "lr": 1e-3, "warmup": 50, "preview_every": 1.0, "score_every": 0}
    return TrainPlan(
        method="dcgan", data=DATA, seed=seed, config=config, save_every=1e6, **fields | changes
    )


class Judge:
    """Measures the end of runs against the data set."""

    def __init__(self) -> None:
        self.dataset, self.extractor = data.load(DATA), feature_extractors.compact()
        self.real = compute_reference(self.dataset, self.extractor, split="train", n=5000)
        self.spread = _nearest(self.real.features[:SAMPLES])

    def outcome(self, directory: Path, plan: TrainPlan, said: set[Diagnosis]) -> Outcome:
        """Measure the model and the discriminator that a run has left."""
        if not (directory / checkpoint.RUN_MODEL).exists():  # it died before its first save
            return Outcome(frozenset(said), float("inf"), float("inf"), 1.0, 1.0)
        model, _ = checkpoint.load(directory / checkpoint.RUN_MODEL)
        assert isinstance(model, DCGAN)
        pixels, labels = sample_images(model, SAMPLES, class_shares=self.real.class_shares)
        features = self.extractor(pixels).values
        return Outcome(
            said=frozenset(said),
            fid=frechet_distance(self.real.moments, Moments.of(features)),
            kid=kernel_distance(self.real.features, features, subsets=10)[0],
            nearest=_nearest(features) / self.spread,
            separation=self._separation(directory, model, plan, pixels, labels),
        )

    @torch.no_grad()
    def _separation(
        self, directory: Path, model: DCGAN, plan: TrainPlan, fakes: Tensor, labels: Tensor
    ) -> float:
        discriminator = Discriminator(model.config)
        state = checkpoint.load_state(directory / STATE)
        discriminator.load_state_dict(state["trainer"]["modules"]["discriminator"])
        known = self.dataset.limited(plan.limit, plan.seed)
        logits = [
            discriminator(images.from_pixels(pixels[:SAMPLES]), model.one_hot(classes[:SAMPLES]))
            for pixels, classes in ((fakes, labels), (known.images, known.labels))
        ]
        return mann_whitney(*logits)


def _nearest(rows: Tensor) -> float:
    """Return the mean distance of rows (N, F) to their nearest neighbours."""
    return torch.cdist(rows, rows).fill_diagonal_(torch.inf).min(dim=1).values.mean().item()


def train(judge: Judge, root: Path, name: str, plan: TrainPlan) -> Outcome:
    """Train a plan here and now; tell what was said of it and what it has come to."""
    directory, log, said = runs.create(root, plan, name), RunLog(), set()
    for event in runs.run(directory, log_every=0.5):
        log.add(event)
        said |= set(RunView(name, plan, runs.status(directory, event), log).diagnoses())
    found = judge.outcome(directory, plan, said)
    print(f"{name}: {found}", flush=True)
    return found


def designed(seeds: int) -> Iterator[tuple[str, str, TrainPlan]]:
    """Yield the state, the name and the plan of every run that is diagnosed."""
    for state, changes in DESIGNS.items():
        for i in range(seeds + (state == "healthy")):
            yield state, f"{state}-{i}", plan(FIRST_SEED + i, **changes)
    for name, changes in OTHERWISE_HEALTHY.items():
        yield "healthy", f"healthy-{name}", plan(FIRST_SEED, **changes)
    for i, (state, changes) in enumerate(list(DESIGNS.items())[1:]):
        short = plan(FIRST_SEED + i, **changes | {"steps": TOO_SHORT})
        yield "too few steps", f"short-{state}", short


def _merge(state: str, change: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a design with an advice taken."""
    design = DESIGNS[state]
    return design | change | {"config": design.get("config", {}) | change.get("config", {})}


def healthy_kid(found: list[tuple[str, Outcome]]) -> float:
    """Return the KID that runs have in which all went well."""
    return statistics.median(outcome.kid for state, outcome in found if state == "healthy")


def diagnosed(found: list[tuple[str, Outcome]]) -> str:
    """Return what the runs came to, and precision and recall of each warning."""
    usual, rows = healthy_kid(found), []
    for state in (*DESIGNS, "too few steps"):
        group = [outcome for made, outcome in found if made == state]
        ended = _share([state in o.ended(usual) for o in group]) if state in DESIGNS else "—"
        said = [sum(s in o.said for o in group) for s in STATES]
        middle = (
            statistics.median(getattr(o, name) for o in group)
            for name in ("fid", "kid", "nearest", "separation")
        )
        rows.append([state, len(group), ended, *(f"{v:.3g}" for v in middle), *said])
    columns = ["made to be", "runs", "ended so", FID, KID, "nearest", "separation"]
    tables = [report.table([*columns, *(f"“{s}”" for s in STATES)], rows)]
    rows = []
    for state in STATES:
        said = [state in {made, *o.ended(usual)} for made, o in found if state in o.said]
        made = [state in o.said for made, o in found if made == state]
        rows.append([state, _share(said), _share(made)])
    tables.append(report.table(["warning", "precision", "recall"], rows))
    return "\n\n".join(tables)


def _share(right: list[bool]) -> str:
    return f"{sum(right)} of {len(right)}" if right else "—"


def advised(found: list[tuple[str, Outcome]], tried: dict[tuple[str, str], list[Outcome]]) -> str:
    """Return how often each advice helped a run of the same seed: it is no longer warned of, and
    ends nearer to the real images.
    """
    usual, rows = healthy_kid(found), []
    for (state, advice), after in tried.items():
        before = [outcome for made, outcome in found if made == state]
        silent = [state not in o.said for o in after]
        ended = [state not in o.ended(usual) for o in after]
        better = [a.fid < b.fid for a, b in zip(after, before, strict=True)]
        fids = (statistics.median(o.fid for o in group) for group in (before, after))
        shares = map(_share, (silent, ended, better))
        rows.append([state, advice, *shares, *(f"{v:.3g}" for v in fids)])
    columns = ["made to be", "advice", "no warning", "does not end so", f"better {FID}"]
    return report.table([*columns, f"median {FID} before", "after"], rows)


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write the section."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--seeds", type=int, default=4)
    p.add_argument("--threads", type=int)
    given = p.parse_args(arguments)
    devices.set_threads(given.threads)
    judge = Judge()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        found = [
            (state, train(judge, root, name, plan)) for state, name, plan in designed(given.seeds)
        ]
        tried = {
            (state, advice): [
                train(
                    judge, root, f"{state}-{i}-{j}", plan(FIRST_SEED + i, **_merge(state, change))
                )
                for i in range(given.seeds)
            ]
            for state, all_advice in ADVICE.items()
            for j, (advice, change) in enumerate(all_advice.items())
        }
    text = "\n\n".join((NOTE, diagnosed(found), ADVISED, advised(found, tried)))
    print(text)
    if given.seeds == p.get_default("seeds"):
        report.write_section(TITLE, "python -m benchmarks.diagnoses", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
