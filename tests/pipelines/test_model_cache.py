"""The models of training runs stand beside the shipped ones, and no training code is needed."""

from __future__ import annotations

import os
from pathlib import Path

from aigc_demo.studio import Studio
from tests import factories


def test_models_of_runs_come_first_the_newest_run_first_and_at_most_fifty(tmp_path: Path) -> None:
    for name in ["discarded", "without-a-model", *(f"run{i:02d}" for i in range(52))]:
        run = tmp_path / "runs" / name
        run.mkdir(parents=True)
        (run / "plan.json").write_text("{}")
        begun = 99 if name.startswith(("discarded", "without")) else int(name[3:])
        os.utime(run / "plan.json", (begun, begun))
        if name != "without-a-model":
            (run / "model").mkdir()
    (tmp_path / "runs" / "discarded" / "discard").touch()
    (tmp_path / "runs" / "no-run" / "model").mkdir(parents=True)
    factories.save(tmp_path / "checkpoints" / "shipped", "vae")
    studio = Studio(tmp_path / "checkpoints", runs_root=tmp_path / "runs", device="cpu")
    names = [model.name for model in studio.models()]
    assert names == [*(f"yours-run{i:02d}" for i in range(51, 2, -1)), "shipped"]
