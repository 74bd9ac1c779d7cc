"""The experiment of the Augment tab: what is queued, and what is shown of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aigc_demo.errors import BadValue
from aigc_demo.studio import Studio
from aigc_demo.training import ablation as experiment, runs, worker
from aigc_demo.training.run_monitor import RunMonitor
from aigc_demo.ui.augment import ablation as experimenting
from aigc_demo.ui.components.workspace import Workspace
from tests import factories
from tests.conftest import TinyData

STEPS = json.dumps([{"name": "flip_horizontal"}])


class Idle(worker.Workers):
    """Starts no process."""

    def ensure(self) -> None:
        pass


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    data = factories.write_doodles(tmp_path / "data", each=4)
    monkeypatch.setenv("AIGC_DATA", str(data))
    root = tmp_path / "runs"
    studio = Studio(tmp_path / "none", runs_root=root)
    return Workspace(studio, root, Idle(root), RunMonitor(root))


@pytest.mark.parametrize(("kind", "arms"), [("classifier", 2), ("gan", 3)])
def test_each_arm_is_queued_as_a_run(workspace: Workspace, kind: str, arms: int) -> None:
    experimenting.start(workspace, STEPS, kind, "quickdraw", 300)
    waiting = [d.name for d in runs.waiting(workspace.root)]
    assert len(waiting) == arms and all(n.startswith("experiment-") for n in waiting)
    views = experimenting.look(workspace)
    assert list(views) == list(experiment.ARMS)[:arms]
    assert [bool(v.plan.augment) for v in views.values()] == [False, True, False][:arms]
    table, _, key = experimenting.results(views, "en")
    assert (
        list(table["learnt"]) == ["as they are", "with this pipeline", "with DiffAugment"][:arms]
    )
    assert set(table["status"]) == {"waiting"} and key.count("■") == arms


@pytest.mark.parametrize(
    ("given", "kind", "data", "limit", "said"),
    [
        ("[]", "gan", "quickdraw", 500, "pipeline: it is empty"),
        (STEPS, "gan", None, 500, "data: choose a set that is here"),
        (STEPS, "gan", "cifar10", 500, "data: choose a set that is here"),
        (STEPS, "vae", "quickdraw", 500, "kind: “vae” cannot be used"),
        (STEPS, "gan", "quickdraw", float("nan"), "how many: “nan” cannot be used"),
        (STEPS, "gan", "quickdraw", True, "how many: “True” cannot be used"),
        ('[{"name": "mixup"}]', "gan", "quickdraw", 500, "augment: mixup mixes classes"),
    ],
)
def test_what_cannot_be_compared_is_told(
    workspace: Workspace, given: str, kind: str, data: str | None, limit: Any, said: str
) -> None:
    with pytest.raises(BadValue, match=f"^{said}"):
        experimenting.start(workspace, given, kind, data, limit)


def test_scores_stand_side_by_side(
    tmp_path: Path, tiny_data: TinyData, workspace: Workspace, one_thread: None
) -> None:
    for arm in ("without", "with"):
        plan = factories.plan("classifier", tiny_data.folder, steps=2, score_every=60)
        factories.train(workspace.root, plan, f"experiment-20260101-000000-{arm}")
    table, curves, _ = experimenting.results(experimenting.look(workspace), "zh-CN")
    assert list(table["status"]) == ["done", "done"]
    assert any(c.startswith("accuracy_unseen") for c in table.columns)
    assert set(curves.dropna()["run"]) == {"A", "B"}
