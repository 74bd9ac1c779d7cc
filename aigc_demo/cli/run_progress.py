"""A training run with a progress bar, and with Ctrl-C to save and end it."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

from tqdm import tqdm

from aigc_demo.methods import checkpoint
from aigc_demo.training import runs
from aigc_demo.training.events import Finished, Step


def train(directory: Path, **settings: Any) -> Finished:
    """Train the run in `directory`, or go on with it, and return how it ended."""
    signal.signal(signal.SIGINT, lambda *_: runs.stop(directory))
    print(f"run: {directory}")
    form = "{percentage:5.1f}% |{bar:20}| {elapsed}<{remaining} {postfix}"
    with tqdm(total=1.0, bar_format=form) as bar:
        for event in runs.run(directory, **settings):
            if isinstance(event, Step):
                losses = " ".join(f"{k} {v:.3g}" for k, v in event.losses.items())
                speed = f"{event.images_per_second:.0f} img/s"
                bar.set_postfix_str(f"step {event.step}, {speed}, {losses}")
                bar.update(event.progress - bar.n)
    assert isinstance(event, Finished)
    print(f"{event.reason} after {event.step} steps: {directory / checkpoint.RUN_MODEL}")
    return event
