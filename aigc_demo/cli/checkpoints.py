"""Make the shipped models again by their recipes, and ship those that have become better:

    python -m aigc_demo checkpoints --minutes 30                 # for all, shared by their weights
    python -m aigc_demo checkpoints --recipe scenes-flow         # to the end of its recipe

What was cut off is resumed. A model that draws images takes the place of the shipped one where its
FID is lower for each of two sets of samples than the shipped one's for any, by both judges and
with the same N: by more than chance. Others are trained and left in their runs, to be looked at.
"""

from __future__ import annotations

import argparse
import shutil
from functools import lru_cache
from pathlib import Path

from torch import Tensor

from aigc_demo import data, device as devices
from aigc_demo.cli import batch_runner, run_progress, score_report
from aigc_demo.cli.evaluate import Evaluator, sample
from aigc_demo.errors import BadValue, UserError
from aigc_demo.methods import METHODS, checkpoint
from aigc_demo.metrics import feature_extractors
from aigc_demo.metrics.scores import Score
from aigc_demo.requests import TrainPlan
from aigc_demo.studio import Studio
from aigc_demo.training import recipes, runs
from aigc_demo.training.events import Finished

SETS = 2  # of samples, of different seeds, that a model is scored by


def main(arguments: list[str] | None = None) -> int:
    """Follow recipes, print what became of each; return 2 where one could not be followed."""
    parser = batch_runner.command_parser("checkpoints", __doc__)
    parser.add_argument("--recipe", nargs="+", action="extend", help="default: all")
    parser.add_argument("--minutes", type=float, help="of training in all; default: the recipes'")
    parser.add_argument("--runs", default="runs", type=Path, help="folder of runs (runs)")
    parser.add_argument("--data-root", help="folder of data sets (AIGC_DATA, data)")
    parser.add_argument("-n", type=int, help="samples of a model; default: the recipe's")
    given = parser.parse_args(arguments)
    devices.set_threads(given.threads)
    chosen = {name: recipes.read(name) for name in given.recipe or recipes.names()}
    total, status = sum(recipe.weight for recipe in chosen.values()), 0
    for name, recipe in chosen.items():
        minutes = given.minutes and given.minutes * recipe.weight / total
        try:
            directory = run_of(name, minutes, given.runs)
            if (
                train(directory, given.data_root)
                and METHODS[recipe.plan["method"]].task == "generate"
            ):
                compare(name, directory, given)
        except UserError as error:
            status = batch_runner.report(name, error)
    return status


def run_of(name: str, minutes: float | None, root: Path) -> Path:
    """Return the run that follows a recipe; where there is none, make one, of so many minutes."""
    directory = root / name
    if not directory.exists():
        fields = recipes.fields(name, devices.default_device())
        if minutes is not None:
            fields |= {"steps": None, "seconds": 60 * minutes}
        runs.create(root, TrainPlan(**fields), name)
    elif runs.read_plan(directory).recipe != name:
        raise BadValue(f"runs: “{name}” is a run without this recipe; move it away.")
    return directory


def train(directory: Path, data_root: str | None) -> bool:
    """Train a run to its end, unless it is there already, and tell whether it is."""
    last = (runs.events(directory) or [None])[-1]
    if not (isinstance(last, Finished) and last.reason == "done"):
        last = run_progress.train(directory, root=data_root)
    return last.reason == "done"


def compare(name: str, directory: Path, given: argparse.Namespace) -> None:
    """Score what a run has made and the shipped model; ship the better one, with its scores."""
    made, shipped = directory / checkpoint.RUN_MODEL, given.checkpoints / name
    recipe, size = recipes.read(name), checkpoint.read_card(made).config["size"]
    n = given.n or recipe.count
    judges = judges_of(recipe.plan["data"], size, n, given.data_root)
    mine, theirs = (samples_of(folder, judges[0].train, n) for folder in (made, shipped))
    found: dict[str, float | str] = {}
    better, told = True, []
    for judge in judges:
        ours = [judge.score(*samples, None) for samples in mine]
        print(score_report.table(name, ours[0], judge.baseline, str(judge.reference)))
        found |= score_report.card_metrics(ours[0], judge.baseline)
        found["reference"] = str(judge.reference)
        before = [fid(judge.score(*samples, None)) for samples in theirs]
        now = list(map(fid, ours))
        better &= not before or max(now) < min(before)
        told.append(f"FID {judge.extractor.name} {_listed(now)}, was {_listed(before) or 'none'}")
    print(f"{name}: {'shipped' if better else 'the shipped model stays'}: {'; '.join(told)}")
    if better:
        score_report.write_card(made, found)
        replace(shipped, made)


@lru_cache(maxsize=1)  # the features of one data set at a time
def judges_of(name: str, size: int, n: int, root: str | None) -> list[Evaluator]:
    """Return what scores n samples against a data set."""
    train, test = (data.load(name, split, root=root, size=size) for split in ("train", "test"))
    return [Evaluator(judge, train, test, n) for judge in feature_extractors.judges()]


def samples_of(folder: Path, train: data.Dataset, n: int) -> list[tuple[Tensor, Tensor | None]]:
    """Return `SETS` sets of n samples of a model and their labels; none where it is not there."""
    if not folder.exists():
        return []
    studio = Studio(folder.parent)
    info = studio.info(folder.name)
    return [sample(studio, info, train, n, first_seed=i * n) for i in range(SETS)]


def fid(scores: list[Score]) -> float:
    """Return the FID among scores; raises BadValue where it has none."""
    value = next((s.value for s in scores if s.name.startswith("fid_")), None)
    if value is None:
        raise BadValue("n: so few samples have no FID; ask for more.")
    return value


def replace(shipped: Path, made: Path) -> None:
    """Put a model in the place of the shipped one, whole, and nothing that belonged to that."""
    new, old = (shipped.with_name(f".{shipped.name}.{word}") for word in ("new", "old"))
    for path in (new, old):
        shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(made, new)
    if shipped.exists():
        shipped.rename(old)
    new.rename(shipped)
    shutil.rmtree(old, ignore_errors=True)


def _listed(values: list[float]) -> str:
    return " and ".join(f"{value:.2f}" for value in values)
