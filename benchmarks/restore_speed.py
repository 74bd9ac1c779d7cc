"""How long restoring takes, and how much memory a large photograph needs.

512×512 pixels, once with a mask of brush strokes over 10 % of them; then 12 megapixels, each
method in a process of its own, whose largest resident size is given.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time

import numpy as np
import torch
from PIL import Image
from skimage import data

from aigc_demo.imaging import degradations
from aigc_demo.requests import RestoreRequest
from aigc_demo.studio import Studio
from benchmarks.report import table, write_section

TITLE = "Time and memory of restoration"
SMALL, LARGE = (512, 512), (4000, 3000)
ROUNDS = 5
TARGETS = {("inpaint", SMALL): "≤ 3 s", ("denoise", SMALL): "≤ 2 s"}
LARGEST = "< 4 GB"


def request(method: str, size: tuple[int, int]) -> RestoreRequest:
    """Return a request for a photograph of `size` (width, height)."""
    noise = np.random.default_rng(0).normal(0, 15, (*size[::-1], 3))
    photo = np.asarray(Image.fromarray(data.astronaut()).resize(size), float)
    image = Image.fromarray((photo + noise).clip(0, 255).astype(np.uint8))
    if method not in ("inpaint", "telea"):
        return RestoreRequest(image=image, method=method)
    lost = degradations.brush_mask(*size[::-1], 0.1, torch.Generator().manual_seed(0)).numpy()
    mask = Image.fromarray(lost.astype(np.uint8) * 255)
    return RestoreRequest(image=image, mask=mask, method=method)


def measure(method: str, size: tuple[int, int], rounds: int) -> dict[str, float]:
    """Return the median seconds and the largest resident size of this process in GB."""
    studio, asked = Studio("checkpoints"), request(method, size)
    if size == SMALL:
        studio.restore(asked)  # so that loading is not timed
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        studio.restore(asked)
        times.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
    return {"seconds": statistics.median(times), "gigabytes": peak}


def main() -> int:
    """Measure each case in a process of its own, print and write the section."""
    rows = []
    cases = [(m, SMALL) for m in ("inpaint", "denoise", "dejpeg", "nl_means", "telea")]
    for method, size in [*cases, ("inpaint", LARGE), ("denoise", LARGE)]:
        rounds = ROUNDS if size == SMALL else 1
        code = (
            "import json; from benchmarks.restore_speed import measure; "
            f"print(json.dumps(measure({method!r}, {size!r}, {rounds})))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        if done.returncode:
            print(done.stderr, file=sys.stderr)
            return 2
        found = json.loads(done.stdout.splitlines()[-1])
        target = TARGETS.get((method, size), "" if size == SMALL else LARGEST)
        rows.append(
            [f"{method}, {size[0]}×{size[1]}", f"{found['seconds']:.2f}",
             f"{found['gigabytes']:.2f}", target]
        )  # fmt: skip
        print(rows[-1], flush=True)
    text = table(["picture", "seconds", "largest resident size, GB", "target"], rows)
    write_section(TITLE, "python -m benchmarks.restore_speed", f"{__doc__.strip()}\n\n{text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
