"""How well the memory of a training run is told before it begins: ``python -m benchmarks.memory``.

Trains a few steps of each method in a process of its own, at two widths and two batch sizes, and
prints the most memory that it had (resident, MB) beside the estimate.
"""

from __future__ import annotations

import json
import subprocess
import sys

from aigc_demo.methods import METHODS
from aigc_demo.requests import TrainPlan
from aigc_demo.training import memory

STEPS = 3
DATA = {"pictures": "shapes", "domains": "outlines", "pairs": "outlines", "plans": "facades"}
WIDTHS = {"dcgan": (32, 128), "vae": (32, 128), "classifier": (32, 128)}
MULTIPLIERS = (1, 2, 4, 6)

TRAIN = """
import json, resource, sys, tempfile
from pathlib import Path
from aigc_demo.requests import TrainPlan
from aigc_demo.training.session import prepare
plan = TrainPlan(**json.loads(sys.argv[1]))
session = prepare(plan, Path(tempfile.mkdtemp()), root=None, device=None, download=False)
for _ in range(int(sys.argv[2])):
    session.trainer.schedule(1.0)
    session.trainer.training_step(next(session.batches), None)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def plans() -> list[TrainPlan]:
    """Return plans of all methods that the page trains."""
    found = []
    for name, method in METHODS.items():
        if method.task == "restore":
            continue
        fields = method.config.model_fields
        for width in WIDTHS.get(name, (16, 48)):
            widths = {"widths": [width * m for m in MULTIPLIERS]}
            config = widths if "widths" in fields else {"width": width}
            if name == "classifier":
                config = {"widths": [width, 2 * width, 4 * width]}
            for batch in (4, 64):
                plan = {"method": name, "data": DATA.get(method.needs, "shapes"), "steps": STEPS}
                found.append(TrainPlan(**plan, config=config, batch=batch))
    return found


def peak(plan: TrainPlan) -> int:
    """Return the most bytes that training `plan` took."""
    command = [sys.executable, "-c", TRAIN, plan.model_dump_json(), str(STEPS)]
    return 1024 * int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    """Print a table."""
    print("| method | batch | settings | measured MB | estimated MB |\n|---|---|---|---|---|")
    for plan in plans():
        measured, told = peak(plan), memory.estimate(plan, METHODS[plan.method])
        print(
            f"| {plan.method} | {plan.batch} | {json.dumps(plan.config)} "
            f"| {measured / 1e6:,.0f} | {told / 1e6:,.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
