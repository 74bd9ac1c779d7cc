"""What is shown of runs: updates of what has changed, and comparisons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from aigc_demo.errors import BadValue
from aigc_demo.training import admission, run_control, runs
from aigc_demo.training.events import Event, Finished, Preview, Saved, Scored, to_line
from aigc_demo.training.run_monitor import RunMonitor
from aigc_demo.ui.components.navigation import Opener
from aigc_demo.ui.components.send_to import Offers
from aigc_demo.ui.components.workspace import RECORDED, Workspace
from aigc_demo.ui.train import monitor, tab
from tests import factories
from tests.conftest import TinyData

AddRun = Callable[[str], Path]


def look(
    workspace: Workspace,
    run: str | None,
    position: int | None = 1,
    seen: Any = None,
    language: str = "en-GB",
    armed: str | None = None,
) -> dict[str, Any]:
    request: Any = SimpleNamespace(headers={"accept-language": language})
    return monitor.look(workspace, run, position, seen, armed, request)


def compare(workspace: Workspace, names: list[str] | None, curve: str) -> dict[str, Any]:
    request: Any = SimpleNamespace(headers={"accept-language": "en"})
    return monitor.compare(workspace, names, curve, request)


def log_event(directory: Path, event: Event) -> None:
    with open(directory / runs.EVENTS, "a") as log:
        log.write(to_line(event) + "\n")


def test_a_page_without_runs_says_what_to_do_and_shows_a_recording(
    workspace: Workspace, add_run: AddRun
) -> None:
    updates = look(workspace, None)
    assert "Choose a preset" in updates["status"] and "recorded earlier" in updates["status"]
    assert updates["picture"] and updates["losses"] and updates["fid"]
    buttons = [u for u in updates.values() if isinstance(u, gr.Button)]
    assert not [button for button in buttons if button.visible]
    assert look(workspace, RECORDED.name, 99, updates["seen"]) == {}
    for steer in (workspace.steered, workspace.saved):
        with pytest.raises(BadValue, match="^run: "):
            steer(RECORDED.name)
    add_run("run")
    assert look(workspace, RECORDED.name, 99, updates["seen"])["run"].value == "run"


def test_a_page_without_runs_and_recording_says_what_to_do(
    workspace: Workspace, tmp_path: Path
) -> None:
    without = replace(workspace, recordings=RunMonitor(tmp_path / "nothing"))
    updates = look(without, None)
    assert "Choose a preset" in updates["status"] and updates["losses"] is None
    assert look(without, None, 1, updates["seen"]) == {}


def test_the_first_look_shows_everything_and_the_next_nothing(
    workspace: Workspace, add_run: AddRun
) -> None:
    add_run("run")
    first = look(workspace, None)
    assert "Done" in first["status"]
    assert first["run"].value == "run"
    assert [name for _, name in first["compare_pick"].choices] == ["run"]
    assert Path(first["picture"]).read_bytes()[1:4] == b"PNG"
    assert first["film"].value == first["film"].maximum == 2
    assert set(factories.drawn(first["losses"])) == {"discriminator", "generator"}
    assert first["fid_part"].visible and first["outputs_part"].visible
    assert first["use"].visible and not first["pause"].visible
    assert look(workspace, "run", 2, first["seen"]) == {}


def test_each_look_brings_only_what_is_new(workspace: Workspace, add_run: AddRun) -> None:
    directory = add_run("run")
    with runs.lock(directory):
        seen = look(workspace, "run")["seen"]
        log_event(directory, Saved(3, "model"))
        updates = look(workspace, "run", 2, seen)
        assert "status" in updates and "losses" in updates
        rest = {"run", "compare_pick", "film", "picture", "fid", "fid_part", "pause"}
        assert not rest & set(updates)
        log_event(directory, Scored(3, "fid_compact_500", 7.5, 500))
        log_event(directory, Scored(3, "kid_compact_500", 0.25, 500))
        updates = look(workspace, "run", 2, updates["seen"])
    assert (3, 7.5) in factories.drawn(updates["fid"])["model"]
    assert (3, 250) in factories.drawn(updates["kid"])["model"]


def test_another_run_is_shown_as_a_whole(workspace: Workspace, add_run: AddRun) -> None:
    add_run("old"), add_run("new")
    seen = look(workspace, "old")["seen"]
    updates = look(workspace, "new", 1, seen)
    assert {"status", "film", "picture", "losses", "fid", "fid_part", "use"} <= set(updates)
    assert updates["film"].value == 2
    # Where the dropdown has lost its value, it gets the run that is shown.
    assert look(workspace, None, 2, updates["seen"])["run"].value == "new"


def test_a_run_that_has_just_been_started_is_found_at_once(
    workspace: Workspace, add_run: AddRun
) -> None:
    workspace.monitor.fresh_for = 1000
    assert look(workspace, None)["seen"]["run"] == RECORDED.name
    add_run("new")
    assert look(workspace, "new")["seen"]["run"] == "new"


def test_the_timelapse_follows_unless_somebody_has_gone_back(
    workspace: Workspace, add_run: AddRun
) -> None:
    directory = add_run("run")
    seen = look(workspace, "run")["seen"]
    (directory / "previews" / "00000009.png").write_bytes(b"the newest")
    log_event(directory, Preview(9, "previews/00000009.png"))
    back = look(workspace, "run", 1, seen)
    assert (back["film"].value, back["film"].maximum) == (1, 3) and "picture" not in back
    forth = look(workspace, "run", 2, seen)
    assert forth["film"].value == 3
    assert Path(forth["picture"]).read_bytes() == b"the newest"
    oldest = monitor.rewind(workspace, "run", 1)["picture"]
    assert Path(oldest).read_bytes() == min((directory / "previews").iterdir()).read_bytes()
    with pytest.raises(BadValue, match="^run: none is chosen"):
        monitor.rewind(workspace, None, 1)


def test_the_run_that_is_active_is_shown_first_else_the_newest(
    workspace: Workspace, add_run: AddRun
) -> None:
    add_run("old"), add_run("new")
    assert look(workspace, None)["run"].value == "new"
    with runs.lock(workspace.root / "old"):
        assert look(workspace, None)["run"].value == "old"
        assert look(workspace, "new")["seen"]["run"] == "new"


def test_a_run_that_somebody_else_discards_is_not_replaced_in_silence(
    workspace: Workspace, add_run: AddRun
) -> None:
    add_run("other"), add_run("run")
    seen = look(workspace, "run")["seen"]
    runs.discard(workspace.root / "run")
    updates = look(workspace, "run", 2, seen)
    assert "was discarded" in updates["status"] and updates["run"].value is None
    assert updates["picture"] is None and updates["losses"] is None
    assert not updates["discard"].visible and not updates["film"].visible
    assert look(workspace, None, 2, updates["seen"]) == {}
    mine = look(workspace, "run", 2, seen, armed="run")
    assert mine["seen"]["run"] == mine["run"].value == "other"
    assert look(workspace, "other", 2, updates["seen"])["seen"]["run"] == "other"


def test_unequal_scores_are_not_compared_without_a_word(
    workspace: Workspace, tiny_data: TinyData
) -> None:
    for name, data, n in (("a", tiny_data.zip, 500), ("b", "shapes", 500), ("c", "shapes", 256)):
        directory = runs.create(workspace.root, factories.plan("dcgan", data), name)
        log_event(directory, Scored(3, f"fid_compact_{n}", 7.5, n))
    for names in (["a", "b"], ["b", "c"]):
        assert "not comparable" in compare(workspace, names, "fid")["key"]
    assert "not comparable" not in compare(workspace, ["b", "b"], "fid")["key"]
    assert "not comparable" not in compare(workspace, ["a", "b"], "generator")["key"]


def test_the_timelapse_of_another_run_may_be_shorter(
    workspace: Workspace, add_run: AddRun
) -> None:
    with gr.Blocks():
        controls = tab.layout(Offers())
    add_run("run")
    position = controls.run["film"].preprocess(20)
    assert look(workspace, "run", position)["film"].value == 2
    assert Path(monitor.rewind(workspace, "run", position)["picture"]).is_file()


def test_a_late_look_does_not_choose_its_run_again(workspace: Workspace, add_run: AddRun) -> None:
    """A tick that began before another run was chosen would take the dropdown back to it."""
    add_run("old")
    first = look(workspace, "old")
    add_run("new")
    late = look(workspace, "old", 1, first["seen"])["run"]
    assert [name for _, name in late.choices] == ["new", "old"]
    assert "value" not in late._constructor_args[0]


def test_the_buttons_are_those_that_can_be_used_now(
    workspace: Workspace, tiny_data: TinyData
) -> None:
    def create(method: str) -> Path:
        plan = factories.plan(method, tiny_data.of(method))
        return runs.create(workspace.root, plan, method)

    def visible(run: str, seen: Any = None) -> set[str]:
        updates = look(workspace, run, 1, seen)
        return {name for name, u in updates.items() if isinstance(u, gr.Button) and u.visible}

    directory = create("dcgan")
    assert visible("dcgan") == {"discard", "resume"}
    with runs.lock(directory):
        assert visible("dcgan") == {"discard", "pause", "slow", "stop"}
        run_control.set_pace(directory, "slow")
        assert visible("dcgan") == {"discard", "pause", "resume", "stop"}
        run_control.set_pace(directory, "pause")
        paused = {"discard", "resume", "slow", "stop", "step_both"}
        steps = {"step_discriminator", "step_generator"}
        assert visible("dcgan") == paused | steps
        seen = look(workspace, "dcgan")["seen"]
        log_event(directory, Saved(3, "model"))
        saved = {"use", "download_model"}
        assert visible("dcgan", seen) == paused | steps | saved
    log_event(directory, Finished("done", 3, 1.0))
    assert visible("dcgan") == {"discard"} | saved

    directory = create("vae")  # which has no discriminator
    with runs.lock(directory):
        run_control.set_pace(directory, "pause")
        assert visible("vae") == paused
    updates = look(workspace, "vae")
    assert not updates["outputs_part"].visible and "outputs" not in updates

    directory = create("pix2pix")
    for event in (Saved(3, "model"), Finished("done", 3, 1.0)):
        log_event(directory, event)
    assert visible("pix2pix") == {"discard", "use_translate", "download_model"}
    updates = look(workspace, "pix2pix")
    assert not updates["fid_part"].visible and "score_note" not in updates
    assert "from noise" in updates["losses_note"]


def test_only_runs_with_curves_can_be_compared(
    workspace: Workspace, add_run: AddRun, tiny_data: TinyData
) -> None:
    add_run("run")
    runs.create(workspace.root, factories.plan("vae", tiny_data.zip), "waiting")
    updates = look(workspace, None)
    assert {name for _, name in updates["run"].choices} == {"run", "waiting"}
    assert [name for _, name in updates["compare_pick"].choices] == ["run"]


def test_workers_are_started_when_the_page_opens_and_while_runs_wait(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tiny_data: TinyData
) -> None:
    started: list[str] = []
    monkeypatch.setattr(type(workspace.workers), "ensure", lambda self: started.append("start"))
    seen = look(workspace, None)["seen"]
    assert len(started) == 1
    look(workspace, None, 1, seen)
    assert len(started) == 1
    admission.resume(runs.create(workspace.root, factories.plan("vae", tiny_data.zip), "run"))
    look(workspace, None, 1, seen)
    assert len(started) == 2


def test_a_chinese_browser_is_answered_in_chinese(workspace: Workspace, add_run: AddRun) -> None:
    add_run("run")
    assert "已完成" in look(workspace, "run", language="zh-CN,zh;q=0.9")["status"]


def test_a_score_that_a_run_cannot_have_is_absent_and_explained(
    workspace: Workspace, tiny_data: TinyData
) -> None:
    directory = runs.create(workspace.root, factories.plan("dcgan", tiny_data.zip), "run")
    log_event(directory, Scored(1, "fid_compact", None, 0, reason="needs 256 pictures"))
    log_event(directory, Scored(1, "recall_compact", None, 0, reason="needs 256 pictures"))
    log_event(directory, Scored(1, "kid_compact_100", 0.5, 100))
    updates = look(workspace, "run")
    assert not updates["recall_part"].visible and updates["kid_part"].visible
    assert "needs 256 pictures" in updates["score_note"]


def test_runs_are_compared_with_their_settings(workspace: Workspace, tiny_data: TinyData) -> None:
    for name, fields in {"a": {"lr": 1e-3}, "b": {"lr": 1e-4, "seed": 5}}.items():
        factories.train(workspace.root, factories.plan("dcgan", tiny_data.zip, **fields), name)
    compared = compare(workspace, ["a", "b"], "generator")
    assert len(factories.drawn(compared["plot"])) == 2
    assert list(compared["table"]["lr"]) == [1e-3, 1e-4]
    assert list(compared["table"]["seed"]) == [0, 5]
    assert compared["key"].count("■") == 2
    lines = Path(compared["csv"]).read_text().splitlines()
    assert len(lines) == 3 and lines[0].startswith("run,status,method")
    assert compare(workspace, None, "kid")["table"] is None


def test_too_many_runs_to_compare_are_refused(workspace: Workspace, tiny_data: TinyData) -> None:
    names = [f"run{i}" for i in range(9)]
    for name in names:
        runs.create(workspace.root, factories.plan("dcgan", tiny_data.zip), name)
    with pytest.raises(BadValue, match="^runs: 9 are chosen; compare 8"):
        compare(workspace, names, "kid")


def test_all_that_a_look_updates_is_on_the_page(workspace: Workspace, add_run: AddRun) -> None:
    with gr.Blocks() as demo, gr.Tabs() as tabs, gr.Tab("Train") as page:
        controls = tab.layout(Offers())
        opener: Opener[Any] = Opener(tabs, "other", {}, lambda value: {})
        tab.wire(workspace, controls, demo=demo, tab=page, generate=opener, translate=opener)
    shown = {*controls.run, "compare_pick"}
    assert set(look(workspace, None)) <= shown
    add_run("run")
    assert set(look(workspace, None)) <= shown
    names = [n for n, c in controls.run.items() if isinstance(c, gr.Button)]
    assert [controls.run[n].elem_id for n in names] == names
