"""Train a model: ``python train.py --method flow --data fashion_mnist --seconds 600``, or as a
shipped one was made: ``python train.py --recipe scenes-flow``.

Ctrl-C saves and ends the run; ``--resume RUN`` continues it, with ``--steps`` or ``--seconds`` up
to that many in all; ``--list`` shows methods, data sets and runs.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from aigc_demo import augment, data, device, settings
from aigc_demo.cli import run_progress
from aigc_demo.cli.batch_runner import threads
from aigc_demo.data.uploads import validation
from aigc_demo.data.uploads.user_dataset import UserDataset
from aigc_demo.errors import BadValue, UserError
from aigc_demo.methods import METHODS
from aigc_demo.requests import TrainPlan
from aigc_demo.training import recipes, runs
from aigc_demo.training.events import name_of
from aigc_demo.training.session import check_plan

# What may be given with a flag that is no plan of a new run.
ALONGSIDE = {
    "list": {"runs", "data_root"},
    "check": set(),
    "resume": {"runs", "data_root", "download", *runs.REVISABLE},
}


def main() -> int:
    """Parse the flags, then create or resume a run and train it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # names may be in a script that it lacks
    arguments = parser().parse_args()
    root = Path(arguments.runs)
    device.set_threads(arguments.threads)
    try:
        settings.check()
        check_flags(arguments)
        if arguments.list:
            show_lists(root, arguments.data_root)
        elif arguments.check:
            load_images(Path(arguments.check))
        else:
            device.default_device()  # a wrong one is reported before there is a run
            directory = create(root, arguments) if arguments.resume is None else resume(arguments)
            run_progress.train(directory, root=arguments.data_root, download=arguments.download)
    except UserError as error:
        print(f"train.py: {error}", file=sys.stderr)
        return 2
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the parser: one flag for each field of TrainPlan, and those about files."""
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    texts = ("method", "data", "init", "title", "recipe")
    types = dict.fromkeys(texts, str) | {"augment": pipeline}
    types |= dict.fromkeys(("steps", "batch", "warmup", "seed", "score_count", "limit"), int)
    for name, field in TrainPlan.model_fields.items():
        if name != "config":
            flag = f"--{name.replace('_', '-')}"
            p.add_argument(flag, type=types.get(name, float), help=field.description)
    add = p.add_argument
    add(
        "--set",
        nargs="*",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="settings of the method",
    )
    add("--pictures", type=float, help="budget in pictures seen, in place of steps")
    add("--minutes", type=float, help="budget in minutes, in place of seconds")
    add("--mirror", action="store_true", help="mirror your own images at random")
    add("--name", help="name of the run directory")
    add("--resume", metavar="RUN", help="continue a run")
    add("--check", metavar="ZIP", help="only report what a zip or folder of images contains")
    add("--list", action="store_true", help="show methods, data sets and runs")
    add("--runs", default="runs", help="folder of run directories")
    add("--data-root", help="folder of data sets (default: $AIGC_DATA, then data)")
    add("--download", action="store_true", help="download the data set if torchvision has it")
    add("--threads", type=threads, help="number of CPU threads")
    return p


def check_flags(arguments: argparse.Namespace) -> None:
    """Raise BadValue for a flag that changes nothing beside --list, --check or --resume."""
    defaults = vars(parser().parse_args([]))
    given = {name for name, value in vars(arguments).items() if value != defaults[name]}
    for mode in [mode for mode in ALONGSIDE if mode in given][:1]:
        for name in sorted(given - ALONGSIDE[mode] - {mode, "threads"}):
            fixed = mode == "resume" and name in {*TrainPlan.model_fields, "set", "name", "mirror"}
            reason = "it was decided when the run began" if fixed else f"--{mode} does not use it"
            raise BadValue(f"{name.replace('_', '-')}: {reason}; leave it out.")


def plan(arguments: argparse.Namespace) -> TrainPlan:
    """Return the plan that the flags describe."""
    given = {name: getattr(arguments, name, None) for name in TrainPlan.model_fields}
    given = {name: value for name, value in given.items() if value is not None}
    recipe: dict[str, Any] = {}
    if arguments.recipe:
        recipe = recipes.fields(arguments.recipe, device.default_device())
    if arguments.minutes is not None:
        given["seconds"] = 60 * arguments.minutes
    if arguments.pictures is not None:
        batch = (recipe | given).get("batch")
        method = check_plan(TrainPlan(**recipe | given | {"steps": 1}))
        given["steps"] = recipes.steps(arguments.pictures, batch or method.batch)
    if given.keys() & {"steps", "seconds"}:
        recipe.pop("steps", None)
    config = recipe.get("config", {}) | dict(setting(text) for text in arguments.set)
    return TrainPlan(**recipe | given | {"config": config})


def pipeline(text: str) -> list[dict[str, Any]]:
    """Return the steps of an augmentation pipeline, given as JSON or the name of a JSON file."""
    return augment.data(augment.parse(augment.read(text, field="augment"), field="augment"))


def setting(text: str) -> tuple[str, Any]:
    """Parse ``key=value``: JSON where possible, else ``1,2`` as a list or a plain word."""
    key, _, value = text.partition("=")
    for form in (value, f"[{value}]" if "," in value else value):
        with contextlib.suppress(ValueError, RecursionError):
            return key, json.loads(form)
    return key, value.split(",") if "," in value else value


def create(root: Path, arguments: argparse.Namespace) -> Path:
    """Create a run; images in a zip or folder are checked, and copied into the run."""
    wanted = plan(arguments)
    method, path, images = check_plan(wanted), Path(wanted.data), None
    known = wanted.data.split("+")[0] in data.DATASETS
    if not known and path.exists():
        size = wanted.config.get("size") or method.config.model_fields["size"].default
        images = replace(load_images(path, size), flip=arguments.mirror)
    for flag, own in (("mirror", False), ("download", True)):
        if getattr(arguments, flag) and own == (images is not None):
            raise BadValue(
                f"{flag}: {'your own images are here' if own else 'it is for your own images'}; "
                "leave it out."
            )
    return runs.create(root, wanted, arguments.name, pictures=images)


def resume(arguments: argparse.Namespace) -> Path:
    """Return the run to resume, with what is changed of its plan."""
    directory = runs.find(Path(arguments.runs), arguments.resume)
    changes = {name: getattr(arguments, name) for name in runs.REVISABLE}
    runs.revise(directory, **{name: v for name, v in changes.items() if v is not None})
    return directory


def load_images(path: Path, size: int = 64) -> UserDataset:
    """Check a zip or folder of images, print a report and return them."""
    images = validation.validate([path], size=size, limits=validation.OWNER_LIMITS)
    print("\n".join(images.report.lines()))
    return images


def show_lists(root: Path, data_root: str | None) -> None:
    """Print the methods, the data sets and the runs."""
    print("methods:", ", ".join(METHODS))
    here = ", ".join(data.available(data_root))
    print("data:", ", ".join(data.DATASETS), "| here:", here)
    print("samples of models:", ", ".join(p.name for p in data.sample_models()) or "none")
    for directory in runs.directories(root):
        events = runs.events(directory)
        state, step = (name_of(events[-1]), events[-1].step) if events else ("Planned", 0)
        print(f"  {directory.name:40} {state:10} step {step}")


if __name__ == "__main__":
    sys.exit(main())
