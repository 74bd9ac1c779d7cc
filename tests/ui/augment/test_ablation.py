"""The ablation of the Augment tab: what is queued, and what is shown of it."""

from __future__ import annotations

import json
import types
from pathlib import Path
from typing import Any

import pytest

from aigc_demo.errors import BadValue
from aigc_demo.studio import Studio
from aigc_demo.training import runs, worker
from aigc_demo.training.run_monitor import RunMonitor
from aigc_demo.ui.augment import ablation
from aigc_demo.ui.augment.ablation import AblationForm
from aigc_demo.ui.components.workspace import Workspace
from tests import factories
from tests.conftest import TinyData

GIVEN = {
    "pipeline": json.dumps([{"name": "flip_horizontal"}]),
    "kind": "gan",
    "data": "quickdraw",
    "limit": 300.0,
}
ARMS = {"as they are": False, "with this pipeline": True, "with DiffAugment": False}


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


def test_each_arm_is_queued_as_a_run(workspace: Workspace) -> None:
    ablation.start(workspace, AblationForm(**GIVEN | {"kind": "classifier"}))
    waiting = [d.name for d in runs.waiting(workspace.root)]
    assert len(waiting) == 2 and all(name.startswith("experiment-") for name in waiting)
    assert [v.plan.limit for v in ablation.newest(workspace).values()] == [300, 300]


def test_the_arms_differ_in_their_augmentation(workspace: Workspace) -> None:
    ablation.start(workspace, AblationForm(**GIVEN))
    views = ablation.newest(workspace)
    assert [bool(v.plan.augment) for v in views.values()] == list(ARMS.values())
    request: Any = types.SimpleNamespace(headers={"accept-language": "en"})
    shown = ablation.show_results(workspace, None, request)
    table = shown["table"]["value"]
    assert list(table["learnt"]) == list(ARMS) and set(table["status"]) == {"waiting"}
    assert shown["key"].count("■") == 3 and shown["chart"]["visible"]
    assert ablation.show_results(workspace, shown["seen"], request) == {}


def test_what_cannot_be_compared_is_named(workspace: Workspace) -> None:
    for fields, problem in (
        ({"pipeline": "[]"}, "pipeline: it is empty"),
        ({"data": None}, "data: choose a set that is here"),
        ({"data": "cifar10"}, "data: choose a set that is here"),
        ({"kind": "vae"}, "(kind|experiment): “vae” cannot be used"),
        ({"limit": float("nan")}, "limit: nan cannot be used"),
        ({"limit": True}, "limit: True cannot be used"),
        ({"limit": 1}, "limit: 1 cannot be used"),
        ({"limit": 50_001}, "limit: 50001 cannot be used"),
        ({"pipeline": '[{"name": "mixup"}]'}, "augment: mixup mixes classes"),
    ):
        with pytest.raises(BadValue, match=f"^{problem}"):
            ablation.start(workspace, AblationForm(**GIVEN | fields))
    assert runs.waiting(workspace.root) == []


def test_scores_stand_side_by_side(
    tmp_path: Path, tiny_data: TinyData, workspace: Workspace, one_thread: None
) -> None:
    for arm in ("without", "with"):
        plan = factories.plan("classifier", tiny_data.folder, steps=2, score_every=60)
        factories.train(workspace.root, plan, f"experiment-20260101-000000-{arm}")
    table, curves, _ = ablation.results_of(ablation.newest(workspace), "zh-CN")
    assert list(table["status"]) == ["done", "done"]
    assert any(c.startswith("accuracy_unseen") for c in table.columns)
    assert len(factories.drawn(curves)) == 2
