"""Record the run that the Train tab shows where there is none of its own:

    python -m docs.recording               # three minutes on two quiet cores; needs Fashion-MNIST

The log and the previews of a preset's run, without its model.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from PIL import Image

from aigc_demo.methods import checkpoint
from aigc_demo.training import runs
from aigc_demo.training.events import Preview, Saved, to_line
from aigc_demo.training.presets import PRESETS
from aigc_demo.ui.components.workspace import RECORDED

PRESET = "gan_fashion"
FRAMES = 30  # previews that are kept


def main() -> None:
    """Train, and keep what the page shows."""
    with tempfile.TemporaryDirectory() as folder:
        directory = runs.create(Path(folder), PRESETS[PRESET], RECORDED.name)
        for _ in runs.run(directory):
            pass
        record(directory, RECORDED)
    size = sum(path.stat().st_size for path in RECORDED.rglob("*.*"))
    print(f"{RECORDED}: {size / 1000:.0f} KB")


def record(directory: Path, target: Path) -> None:
    """Copy what the page shows of a run to `target`, in place of what is there."""
    shutil.rmtree(target, ignore_errors=True)
    (target / "previews").mkdir(parents=True)
    logged = [event for event in runs.events(directory) if not isinstance(event, Saved)]
    previews = [event for event in logged if isinstance(event, Preview)]
    kept = {round(i * (len(previews) - 1) / (FRAMES - 1)) for i in range(FRAMES)}
    frames = {previews[i].path: f"previews/{previews[i].step:06d}.webp" for i in sorted(kept)}
    lines = []
    for event in logged:
        if isinstance(event, Preview):
            if event.path not in frames:
                continue
            with Image.open(directory / event.path) as image:
                image.save(target / frames[event.path], "WEBP", quality=80, method=6)
            event = Preview(event.step, frames[event.path], event.diversity)
        lines.append(to_line(event) + "\n")
    checkpoint.write_text(target / runs.EVENTS, "".join(lines))
    shutil.copy(directory / runs.PLAN, target / runs.PLAN)


if __name__ == "__main__":
    main()
