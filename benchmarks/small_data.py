"""Does augmentation help where there are 500 pictures? A classifier and a GAN on Fashion-MNIST,
with and without, over three seeds: the experiment of the Augment tab.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from aigc_demo import device
from aigc_demo.requests import TrainPlan
from aigc_demo.training import ablation as experiment, runs
from aigc_demo.training.run_monitor import RunMonitor
from benchmarks import report

TITLE = "Five hundred pictures"
DATA, LIMIT, SEEDS = "fashion_mnist", 500, (0, 1, 2)
GENTLE: list[dict[str, Any]] = [
    {"name": "flip_horizontal", "p": 0.5},
    {"name": "translate", "share": 0.08},
]
SHAPES: list[dict[str, Any]] = [
    *GENTLE,
    {"name": "rotate", "degrees": 10},
    {"name": "scale", "smallest": 0.9, "largest": 1.1},
]
PIPELINES: dict[str, list[dict[str, Any]]] = {
    "mirror, shift": GENTLE,
    "mirror, shift, rotate, scale": SHAPES,
    "mirror, shift, rotate, scale, cut-out": [*SHAPES, {"name": "cutout", "p": 0.5, "side": 0.4}],
    "mirror, shift, CutMix": [*GENTLE, {"name": "cutmix", "p": 0.5}],
    "TrivialAugment": [{"name": "trivial_augment"}],
    "upside down, solarised": [
        {"name": "flip_vertical", "p": 0.5}, {"name": "solarise", "p": 0.5},
    ],
}  # fmt: skip

NOTES = {
    "classifier": " *Unseen* are test pictures; *seen* those of the last steps, as the network "
    "saw them.",
    "gan": " Scores are against the whole training set; *gap* is what the discriminator says of "
    "real training pictures minus what it says of generated ones, at the end.",
}
CUTOUT = {"mirror, shift, rotate, scale, cut-out"}  # for the GAN, since it shows


def outcome(
    root: Path, kind: experiment.Experiment, plan: TrainPlan, name: str
) -> dict[str, float]:
    """Train a plan here and now; return what it has come to."""
    directory = runs.create(root, plan, name)
    *_, last = runs.run(directory)
    assert last.reason == "done", last
    return experiment.results(kind, RunMonitor(root).view(name).log)


def rows(kind: experiment.Experiment, *, steps: int | None) -> tuple[list[str], list[list[str]]]:
    """Return the columns and a row for each way of learning: mean and spread over the seeds."""
    found: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for seed in SEEDS:
            jobs: dict[str, TrainPlan] = {}
            for name, pipeline in PIPELINES.items():
                if name in (CUTOUT if kind == "classifier" else set(PIPELINES) - CUTOUT):
                    continue
                arms = experiment.plans(kind, DATA, pipeline, limit=LIMIT, seed=seed, steps=steps)
                jobs["nothing"] = arms["without"]
                if "diffaugment" in arms:
                    jobs["DiffAugment (translation, cut-out)"] = arms["diffaugment"]
                jobs[name] = arms["with"]
            for i, (name, plan) in enumerate(jobs.items()):
                result = outcome(Path(folder), kind, plan, f"{kind}-{seed}-{i}")
                found.setdefault(name, []).append(result)
                print(f"{kind} seed {seed}: {name}: {result}", flush=True)
    measures = list(found["nothing"][0])
    table = [
        [name, *(_spread([r[m] for r in results], m) for m in measures)]
        for name, results in found.items()
    ]
    return measures, table


def _spread(values: list[float], measure: str) -> str:
    if measure.startswith("accuracy"):
        return f"{100 * statistics.mean(values):.1f} ± {100 * statistics.stdev(values):.1f} %"
    return f"{statistics.mean(values):.2f} ± {statistics.stdev(values):.2f}"


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write the section."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--steps", type=int, help="budget of each run, to try it out")
    p.add_argument("--threads", type=int)
    p.add_argument("--only", choices=experiment.EXPERIMENTS)
    given = p.parse_args(arguments)
    device.set_threads(given.threads)
    for kind in experiment.EXPERIMENTS:
        if given.only not in (None, kind):
            continue
        plan = experiment.plans(kind, DATA, GENTLE, limit=LIMIT, steps=given.steps)["without"]
        columns, body = rows(kind, steps=given.steps)
        text = (
            f"{plan.steps:,} steps of {plan.batch} of {LIMIT} pictures of {DATA}, other ones for "
            f"each of {len(SEEDS)} seeds; mean ± standard deviation over the seeds.{NOTES[kind]}"
            "\n\n" + report.table(["real pictures go through", *columns], body)
        )
        print(text)
        if given.steps is None:
            command = f"python -m benchmarks.small_data --only {kind}"
            report.write_section(f"{TITLE}: {kind}", command, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
