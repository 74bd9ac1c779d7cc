"""Train a model: ``python train.py --method flow --data fashion_mnist --seconds 600``.

Ctrl-C saves and ends; ``--resume RUN`` goes on; ``--list`` shows methods, data sets and runs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from aigc_demo import augment, data, device
from aigc_demo.data.uploads import validation
from aigc_demo.data.uploads.user_dataset import UserDataset
from aigc_demo.errors import UserError
from aigc_demo.methods import METHODS, checkpoint
from aigc_demo.requests import TrainPlan
from aigc_demo.training import runs
from aigc_demo.training.events import Step, name_of
from aigc_demo.training.session import check_plan


def main() -> int:
    """Parse the flags, then create or resume a run and follow it."""
    arguments = parser().parse_args()
    root = Path(arguments.runs)
    device.set_threads(arguments.threads)
    try:
        if arguments.list:
            show_lists(root, arguments.data_root)
            return 0
        if arguments.check:
            bring(Path(arguments.check))
            return 0
        directory = (
            runs.find(root, arguments.resume)
            if arguments.resume is not None
            else create(root, plan(arguments), arguments.name, mirror=arguments.mirror)
        )
        follow(directory, root=arguments.data_root, download=arguments.download)
    except UserError as error:
        print(f"train.py: {error}", file=sys.stderr)
        return 2
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the parser: one flag a field of TrainPlan, and where things are."""
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds: dict[str, Any] = {
        "method": str,
        "data": str,
        "init": str,
        "steps": int,
        "batch": int,
        "warmup": int,
        "seed": int,
        "score_count": int,
        "limit": int,
        "augment": pipeline,
    }
    for name, field in TrainPlan.model_fields.items():
        if name != "config":
            p.add_argument(
                f"--{name.replace('_', '-')}",
                type=kinds.get(name, float),
                help=field.description,
            )
    p.add_argument(
        "--set",
        nargs="*",
        default=[],
        metavar="KEY=VALUE",
        help="settings of the method, such as width=96",
    )
    p.add_argument("--mirror", action="store_true", help="your own pictures may be mirrored")
    p.add_argument("--name", help="name of the run's directory")
    p.add_argument("--resume", metavar="RUN", help="go on with a run")
    p.add_argument(
        "--check", metavar="ZIP", help="only say what a zip or folder of pictures holds"
    )
    p.add_argument("--list", action="store_true", help="show methods, data sets and runs")
    p.add_argument("--runs", default="runs", help="folder of run directories")
    p.add_argument("--data-root", help="folder of data sets (AIGC_DATA, data)")
    p.add_argument(
        "--download",
        action="store_true",
        help="fetch the data set if it is torchvision's",
    )
    p.add_argument("--threads", type=int, help="CPU threads")
    return p


def plan(arguments: argparse.Namespace) -> TrainPlan:
    """Return the plan that the flags describe."""
    given = {
        k: v for k in TrainPlan.model_fields if (v := getattr(arguments, k, None)) is not None
    }
    return TrainPlan(**given, config=dict(setting(text) for text in arguments.set))


def pipeline(text: str) -> list[dict[str, Any]]:
    """Return the steps of an augmentation, given as JSON or the name of a file of it."""
    return augment.data(augment.parse(augment.read(text), field="augment"))


def create(root: Path, wanted: TrainPlan, name: str | None, *, mirror: bool = False) -> Path:
    """Make a run; where it learns from a zip or folder, that is checked, and its pictures are kept
    in the run.
    """
    method, path = check_plan(wanted), Path(wanted.data)
    known = wanted.data.split("+")[0] in data.DATASETS
    if known or not (path.is_dir() or (path.suffix.lower() == ".zip" and path.is_file())):
        return runs.create(root, wanted, name)
    size = wanted.config.get("size") or method.config.model_fields["size"].default
    return runs.create(root, wanted, name, pictures=replace(bring(path, size), flip=mirror))


def bring(path: Path, size: int = 64) -> UserDataset:
    """Check a zip or folder of pictures, say what is in it and return them."""
    own = validation.validate([path], size=size, limits=validation.OWNER_LIMITS)
    print("\n".join(own.report.lines()))
    return own


def setting(text: str) -> tuple[str, Any]:
    """Read ``key=value``; values are JSON where they can be, ``1,2`` is a list, the rest are
    words.
    """
    key, _, value = text.partition("=")
    for form in (value, f"[{value}]" if "," in value else value):
        with contextlib.suppress(ValueError, RecursionError):
            return key, json.loads(form)
    return key, value.split(",") if "," in value else value


def follow(directory: Path, **settings: Any) -> None:
    """Train with a progress bar; the first Ctrl-C asks the run to save and end."""
    signal.signal(signal.SIGINT, lambda *_: runs.stop(directory))
    print(f"run: {directory}")
    with tqdm(
        total=1.0,
        bar_format="{percentage:5.1f}% |{bar:20}| {elapsed}<{remaining} {postfix}",
    ) as bar:
        for event in runs.run(directory, **settings):
            if isinstance(event, Step):
                losses = " ".join(f"{k} {v:.3g}" for k, v in event.losses.items())
                bar.set_postfix_str(
                    f"step {event.step}, {event.images_per_second:.0f} img/s, {losses}"
                )
                bar.update(event.progress - bar.n)
    print(f"{event.reason} after {event.step} steps: {directory / checkpoint.RUN_MODEL}")


def show_lists(root: Path, data_root: str | None) -> None:
    """Print what there is to train with, and the runs."""
    print("methods:", ", ".join(METHODS))
    print(
        "data:",
        ", ".join(data.DATASETS),
        "| here:",
        ", ".join(data.available(data_root)),
    )
    print("painted here by models:", ", ".join(p.name for p in data.sample_models()) or "none")
    for directory in runs.directories(root):
        last = next(reversed(runs.events(directory)), None)
        state, step = (name_of(last), last.step) if last else ("Planned", 0)
        print(f"  {directory.name:40} {state:10} step {step}")


if __name__ == "__main__":
    sys.exit(main())
