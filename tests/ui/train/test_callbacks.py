"""What the Train tab does, without a page: forms become plans, clicks become files."""

from __future__ import annotations

import dataclasses
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aigc_demo.errors import BadValue, UserError
from aigc_demo.methods import checkpoint
from aigc_demo.studio import Studio
from aigc_demo.training import run_control, runs, worker
from aigc_demo.training.presets import PRESETS
from aigc_demo.ui.app import build_demo
from aigc_demo.ui.components import charts
from aigc_demo.ui.components.workspace import Workspace
from aigc_demo.ui.i18n import TEXTS
from aigc_demo.ui.train import callbacks as training, form as forms, monitor as watching
from tests import factories
from tests.conftest import TinyData

REQUEST: Any = SimpleNamespace(headers={"accept-language": "en-GB"})
FORM = forms.fill("gan_fashion")


@pytest.fixture
def workspace(
    tmp_path: Path, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workspace]:
    """Return a workspace in which nobody trains: its runs wait."""
    monkeypatch.setattr(worker.Workers, "ensure", lambda self: None)
    found = Workspace.of(Studio(trained, runs_root=tmp_path / "runs", device="cpu"))
    found.reader.fresh_for = 0
    yield found


def run(workspace: Workspace, data: TinyData, name: str = "run", **fields: Any) -> Path:
    factories.train(workspace.root, factories.plan("dcgan", data.zip, **fields), name)
    return workspace.root / name


def look(workspace: Workspace, name: str | None, position: int = 1, seen: Any = None) -> Any:
    """Return the updates of a tick by name."""
    values = watching.look(workspace, name, position, seen, REQUEST)
    names = ("run", "chips", *watching.PICTURES, *watching.CHARTS, *watching.BUTTONS, "seen")
    return dict(zip(names, values, strict=True))


def skipped(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"__type__"}


# --- The form ---


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_survives_the_form(name: str) -> None:
    plan = PRESETS[name]
    made = forms.plan_of(forms.fill(name))
    method = training.METHODS[plan.method]
    for field in ("method", "data", "seconds", "steps", "seed", "warmup", "ema"):
        assert getattr(made, field) == getattr(plan, field), field
    assert made.batch == (plan.batch or method.batch) and made.lr == (plan.lr or method.lr)
    before, after = (method.config.model_validate(p.config) for p in (plan, made))
    assert before == after


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_has_a_title_in_both_languages(name: str) -> None:
    assert f"preset_{name}" in TEXTS


def test_another_method_brings_its_own_settings() -> None:
    form = forms.fit("flow", FORM)
    assert (form.method, form.batch, form.lr) == ("flow", 64, 1e-3)
    assert form.minutes == FORM.minutes and form.data == FORM.data


BAD = [float("nan"), float("inf"), None, "8", True, -1, 1e12, [3]]


@pytest.mark.parametrize("value", BAD, ids=str)
@pytest.mark.parametrize("field", ["minutes", "steps", "batch", "lr", "width", "r1", "seed"])
def test_a_wrong_number_is_refused_by_its_name(field: str, value: Any) -> None:
    if (field, value) == ("seed", 1e12):
        return
    form = dataclasses.replace(FORM, **{field: value})
    words = {"lr": "learning rate"}.get(field, field)
    with pytest.raises(BadValue, match=f"^{words}: .*; .*\\.$"):
        forms.plan_of(form)


@pytest.mark.parametrize("field", ["batch", "width", "seed", "steps"])
def test_half_a_picture_is_refused(field: str) -> None:
    with pytest.raises(BadValue, match=f"^{field}: "):
        forms.plan_of(dataclasses.replace(FORM, **{field: 3.7 if field != "width" else 32.5}))


@pytest.mark.parametrize(
    "change",
    [{"method": "alchemy"}, {"method": "classifier"}, {"method": None}, {"data": "/etc"},
     {"data": "../x.zip"}, {"data": None}, {"loss": "love"}, {"loss": None},
     {"minutes": 0, "steps": 0}],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_trained_is_refused_before_it_waits(
    workspace: Workspace, change: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "available", lambda: list(training.DATASETS))
    with pytest.raises(UserError):
        training.start(workspace, dataclasses.replace(FORM, **change))
    assert runs.directories(workspace.root) == []


def test_a_start_needs_the_data_or_leave_to_fetch_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "available", lambda: [])
    with pytest.raises(BadValue, match="fashion_mnist is not here yet; tick the download"):
        training.start(workspace, FORM)
    name = training.start(workspace, dataclasses.replace(FORM, download=True))
    assert json.loads((workspace.root / name / "queued").read_text()) == {"download": True}


def test_the_host_limits_the_budget(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "available", lambda: list(training.DATASETS))
    monkeypatch.setenv("AIGC_MAX_MINUTES", "2")
    with pytest.raises(BadValue, match="^minutes: 3 is over this host's limit; ask for 2"):
        training.start(workspace, FORM)
    monkeypatch.setenv("AIGC_MAX_STEPS", "10")
    with pytest.raises(BadValue, match="^steps: 11 is over"):
        training.start(workspace, dataclasses.replace(FORM, minutes=1, steps=11))


# --- A tick ---


def test_a_page_without_runs_says_what_to_do(workspace: Workspace) -> None:
    updates = look(workspace, None)
    assert "Choose a preset" in updates["status"]
    assert not updates["pause"].visible and not updates["use"].visible


def test_the_first_look_shows_everything_and_the_next_nothing(
    workspace: Workspace, tiny_data: TinyData
) -> None:
    run(workspace, tiny_data)
    first = look(workspace, None)
    assert "Done" in first["status"]
    assert first["run"].value == "run"
    assert Path(first["picture"]).read_bytes()[1:4] == b"PNG"
    assert first["film"].value == first["film"].maximum == 2
    assert set(first["losses"].dropna()["curve"]) == {"discriminator", "generator"}
    assert first["use"].visible and not first["pause"].visible
    second = look(workspace, "run", 2, first["seen"])
    assert all(skipped(v) for v in second.values())


def test_the_film_follows_unless_somebody_has_gone_back(
    workspace: Workspace, tiny_data: TinyData
) -> None:
    directory = run(workspace, tiny_data)
    seen = look(workspace, "run")["seen"]
    with open(directory / "events.jsonl", "a") as log:
        log.write('{"event": "Preview", "step": 3, "path": "previews/00000003.png"}\n')
    back = look(workspace, "run", 1, seen)
    assert back["film"].value == 1 and back["film"].maximum == 3
    assert skipped(back["picture"])
    forth = look(workspace, "run", 2, seen)
    assert forth["film"].value == 3 and not skipped(forth["picture"])


def test_a_run_that_is_active_is_shown_first(workspace: Workspace, tiny_data: TinyData) -> None:
    run(workspace, tiny_data, "old")
    run(workspace, tiny_data, "new")
    assert look(workspace, None)["run"].value == "new"
    with runs.lock(workspace.root / "old"):
        assert look(workspace, None)["run"].value == "old"
        assert look(workspace, "new")["run"].value == "new"


def test_a_deleted_run_gives_way_to_another(workspace: Workspace, tiny_data: TinyData) -> None:
    run(workspace, tiny_data, "kept")
    assert look(workspace, "gone")["run"].value == "kept"


def test_a_chinese_browser_is_answered_in_chinese(
    workspace: Workspace, tiny_data: TinyData
) -> None:
    run(workspace, tiny_data)
    request: Any = SimpleNamespace(headers={"accept-language": "zh-CN,zh;q=0.9"})
    assert "已完成" in watching.look(workspace, "run", 1, None, request)[2]


# --- Steering ---


def test_clicks_become_files(workspace: Workspace, tiny_data: TinyData) -> None:
    directory = runs.create(workspace.root, factories.plan("dcgan", tiny_data.zip), "run")
    with runs.lock(directory):
        training.steer(workspace, "run", "pause")
        assert run_control.read(directory).pace == "pause"
        training.steer(workspace, "run", "generator")
        training.steer(workspace, "run", "both")
        assert run_control.read(directory) == run_control.Control(
            pace="pause", granted=2, part=None
        )
        training.steer(workspace, "run", "resume")
        assert run_control.read(directory).pace == "run"
        assert not (directory / "queued").exists()
        training.steer(workspace, "run", "stop")
        assert (directory / "stop").exists()
    training.steer(workspace, "run", "resume")
    assert (directory / "queued").exists()
    training.steer(workspace, "run", "discard")
    assert not directory.exists()


@pytest.mark.parametrize("name", [None, "", "../x", "nothing", "a\x00"])
def test_a_click_without_a_run_is_told(workspace: Workspace, name: str | None) -> None:
    for what in ("pause", "resume", "stop", "discard", "both"):
        with pytest.raises(BadValue, match="^(run|name): "):
            training.steer(workspace, name, what)


# --- Its model ---


def test_the_model_of_a_run_paints_at_once_and_is_marked(
    workspace: Workspace, tiny_data: TinyData
) -> None:
    directory = run(workspace, tiny_data)
    request = training.use(workspace, "run")
    assert request.model == "yours-run"
    info = workspace.studio.info(request.model)
    assert info.from_run and info.labels == factories.SHAPES
    small = request.model_copy(update={"count": 2})
    assert len(workspace.studio.generate(small).images) == 2
    runs.discard(directory)
    assert "yours-run" not in [m.name for m in workspace.studio.models()]


def test_a_models_zip_is_a_checkpoint(
    workspace: Workspace, tiny_data: TinyData, tmp_path: Path
) -> None:
    run(workspace, tiny_data)
    with zipfile.ZipFile(training.pack(workspace, "run")) as archive:
        assert sorted(archive.namelist()) == ["run/card.json", "run/model.safetensors"]
        archive.extractall(tmp_path / "out")
    _, card = checkpoint.load(tmp_path / "out" / "run")
    assert card.steps == 3


def test_a_run_without_a_model_says_so(workspace: Workspace, tiny_data: TinyData) -> None:
    runs.create(workspace.root, factories.plan("dcgan", tiny_data.zip), "run")
    for ask in (training.use, training.pack):
        with pytest.raises(BadValue, match="has no model yet; wait"):
            ask(workspace, "run")


# --- Comparison ---


def test_runs_are_laid_over_each_other_with_their_settings(
    workspace: Workspace, tiny_data: TinyData
) -> None:
    run(workspace, tiny_data, "a", lr=1e-3)
    run(workspace, tiny_data, "b", lr=1e-4, seed=5)
    plot, key, table, file = watching.compare(workspace, ["a", "b"], "generator")
    assert set(plot.dropna()["run"]) == {"A", "B"}
    assert list(table["lr"]) == [1e-3, 1e-4] and list(table["seed"]) == [0, 5]
    assert key.count("■") == 2
    lines = Path(file).read_text().splitlines()
    assert len(lines) == 3 and lines[0].startswith("run,status,method")
    assert watching.compare(workspace, [], "kid")[2] is None


def test_a_chart_always_knows_all_of_its_curves(workspace: Workspace, tiny_data: TinyData) -> None:
    run(workspace, tiny_data)
    drawn = look(workspace, "run")
    for name in ("losses", "fid", "kid", "recall", "speed", "norm"):
        assert set(drawn[name]["curve"]) >= set(charts.COLOURS), name
    assert set(charts.overlay([], "kid")["run"]) == set(charts.PALETTE)


def test_too_many_runs_to_compare_are_refused(workspace: Workspace, tiny_data: TinyData) -> None:
    for i in range(9):
        runs.create(workspace.root, factories.plan("dcgan", tiny_data.zip), f"run{i}")
    with pytest.raises(BadValue, match="^runs: 9 are chosen; compare 8"):
        watching.compare(workspace, [f"run{i}" for i in range(9)], "kid")


def test_every_button_is_wired_to_its_own_update(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo = build_demo(workspace.studio)
    ticks = [f for f in demo.fns.values() if any(t[1] == "tick" for t in f.targets)]
    (tick,) = [f for f in ticks if f.outputs[0].elem_id == "run"]  # other tabs tick, too
    ids = [c.elem_id for c in tick.outputs]
    first = 2 + len(watching.PICTURES) + len(watching.CHARTS)
    names = [n.replace("sure", "discard_sure") for n in watching.BUTTONS]
    assert ids[first:-1] == names
    charts_ = [f"chart_{n}" for n in watching.CHARTS if not n.endswith(("note", "title", "part"))]
    assert [i for i in ids if str(i).startswith("chart_")] == charts_


def test_a_look_at_a_run_does_not_choose_it_again(
    workspace: Workspace, tiny_data: TinyData
) -> None:
    """A tick that began before another run was chosen would take the picker back to it."""
    run(workspace, tiny_data, "old")
    first = look(workspace, "old")
    run(workspace, tiny_data, "new")
    late = look(workspace, "old", 1, first["seen"])["run"]
    assert len(late.choices) == 2 and "value" not in late._constructor_args[0]
    assert look(workspace, None)["run"].value in ("old", "new")
