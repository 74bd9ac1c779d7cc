"""A run is a sequence of events that can be stopped, killed and resumed without a trace."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from aigc_demo import data
from aigc_demo.errors import BadValue, UserError
from aigc_demo.imaging import images
from aigc_demo.methods import checkpoint
from aigc_demo.methods.base import Batch
from aigc_demo.requests import TrainPlan
from aigc_demo.training import loop, runs, session
from aigc_demo.training.events import (
    DiscriminatorLogits,
    Finished,
    Preview,
    Saved,
    Started,
    Step,
    from_line,
    to_line,
)
from aigc_demo.training.previews import diversity, real_images
from tests import factories
from tests.conftest import TinyData

pytestmark = pytest.mark.usefixtures("one_thread")


def weights(directory: Path) -> dict[str, Any]:
    """Return all that training has changed: the model, the raw networks and the optimisers."""
    state = checkpoint.load_state(directory / session.STATE)
    return {"model": state["model"], **state["trainer"]}


def stop_after(directory: Path, step: int, **settings: Any) -> list[Any]:
    """Follow a run, asking it to stop once it has done `step` steps; return its events."""
    events = []
    for event in factories.follow(directory, **settings):
        events.append(event)
        if isinstance(event, Step) and event.step == step:
            runs.stop(directory)
    return events


# --- Events ---


def test_events_come_in_order_and_are_read_back_from_their_lines(
    tmp_path: Path, tiny_data: TinyData
) -> None:
    for method, previews in {"dcgan": [1, 4], "classifier": []}.items():
        plan = factories.plan(method, tiny_data.zip, steps=4)
        events = factories.train(tmp_path, plan, method)
        rest = [e for e in events if not isinstance(e, DiscriminatorLogits | Preview)]
        assert [type(e) for e in rest] == [Started, Step, Step, Step, Step, Saved, Finished]
        assert [e.step for e in rest] == [0, 1, 2, 3, 4, 4, 4]
        assert [e.step for e in events if isinstance(e, Preview)] == previews
        assert events[-1].reason == "done"
        lines = [to_line(event) for event in events]
        assert "NaN" not in "".join(lines) and "\n" not in "".join(lines)
        assert [from_line(line) for line in lines] == events


def test_events_tell_losses_speed_and_progress(tmp_path: Path, tiny_data: TinyData) -> None:
    events = factories.train(tmp_path, factories.plan("flow", tiny_data.zip, steps=4))
    steps = [e for e in events if isinstance(e, Step)]
    assert [e.progress for e in steps] == [0.25, 0.5, 0.75, 1]
    assert all(e.images_per_second > 0 and "loss" in e.losses for e in steps)
    assert [e.seconds for e in steps] == sorted(e.seconds for e in steps)


def test_a_preview_is_a_sheet_with_a_row_for_each_class(
    tmp_path: Path, tiny_data: TinyData
) -> None:
    plan = factories.plan("dcgan", tiny_data.zip, steps=2, preview_every=1e-6)
    previews = [e for e in factories.train(tmp_path, plan) if isinstance(e, Preview)]
    assert {e.step for e in previews} == {1, 2}
    sheet = images.open_image(tmp_path / "run" / previews[0].path)
    assert sheet.size == (8 * 34 + 2, 2 * 34 + 2)
    assert all(e.diversity is not None and e.diversity >= 0 for e in previews)


def test_diversity_is_one_for_real_images_and_nought_for_copies(tiny_data: TinyData) -> None:
    dataset = data.load(str(tiny_data.zip), "train")
    real = real_images(dataset, classes=2)
    assert real is not None and len(real) == 2
    samples = real.flatten(0, 1)
    assert diversity(samples, real) == 1
    assert diversity(samples[:1].expand_as(samples), real) == 0
    pairs = samples.unflatten(0, (2, 4, 2))[:, :, :1].expand(-1, -1, 2, -1, -1, -1)
    assert diversity(pairs.reshape_as(samples), real) == 0  # four images of each class, twice
    assert diversity(samples, real[:, :1].expand_as(real)) is None
    few = real_images(dataset.limited(10, seed=0), classes=2)
    assert few is not None and diversity(samples[:1].expand_as(samples), few) == 0
    assert real_images(dataset.limited(4, seed=0), classes=2) is None


def test_seconds_are_a_budget_too(tmp_path: Path, tiny_data: TinyData) -> None:
    plan = factories.plan("dcgan", tiny_data.zip, steps=None, seconds=0.3)
    *_, last = factories.train(tmp_path, plan)
    assert (last.reason, last.step > 0) == ("done", True)
    assert 0.3 <= last.seconds < 5


# --- Stop, kill, resume ---


@pytest.mark.parametrize("method", ["dcgan", "cyclegan"])
def test_a_stopped_and_resumed_run_ends_with_the_weights_of_one_that_was_not(
    tmp_path: Path, tiny_data: TinyData, method: str
) -> None:
    plan = factories.plan(method, tiny_data.of(method), steps=7, ema=0.2)
    factories.train(tmp_path, plan, "whole")
    parts = runs.create(tmp_path, plan, "parts")
    stop_after(parts, 3)
    assert list(factories.follow(parts))[0].step == 3
    assert factories.same(weights(tmp_path / "whole"), weights(parts))
    assert (tmp_path / "whole/model/model.safetensors").read_bytes() == (
        parts / "model/model.safetensors"
    ).read_bytes()


@pytest.mark.parametrize("method", ["vae", "cyclegan"])
def test_saving_and_previews_do_not_change_what_is_learnt(
    tmp_path: Path, tiny_data: TinyData, method: str
) -> None:
    plan = factories.plan(method, tiny_data.of(method), steps=4)
    often = plan.model_copy(update={"save_every": 1e-6, "preview_every": 1e-6})
    factories.train(tmp_path, plan, "a")
    factories.train(tmp_path, often, "b")
    assert factories.same(weights(tmp_path / "a")["modules"], weights(tmp_path / "b")["modules"])


def test_a_run_that_was_killed_goes_on_from_its_last_save(
    tmp_path: Path, tiny_data: TinyData
) -> None:
    plan = factories.plan("flow", tiny_data.zip, steps=6)
    factories.train(tmp_path, plan, "whole")
    killed = runs.create(tmp_path, plan.model_copy(update={"save_every": 1e-6}), "killed")
    saved = None
    for event in factories.follow(killed):
        if isinstance(event, Step) and saved:
            break  # another step is done but not saved
        saved = event.step if isinstance(event, Saved) else saved
    assert saved and list(factories.follow(killed))[0].step == saved
    assert factories.same(weights(tmp_path / "whole"), weights(killed))


def test_a_stop_takes_effect_within_a_step_and_leaves_a_model(
    tmp_path: Path, tiny_data: TinyData
) -> None:
    directory = runs.create(tmp_path, factories.plan("dcgan", tiny_data.zip, steps=10_000))
    *_, saved, last = stop_after(directory, 2)
    assert isinstance(saved, Saved)
    assert last.reason == "stopped" and last.step <= 3
    model, card = checkpoint.load(directory / "model")
    assert card.steps == last.step
    assert all(w.isfinite().all() for w in model.state_dict().values())


def test_a_finished_run_is_resumed_without_a_step(tmp_path: Path, tiny_data: TinyData) -> None:
    factories.train(tmp_path, factories.plan("dcgan", tiny_data.zip))
    before = weights(tmp_path / "run")
    again = list(factories.follow(tmp_path / "run"))
    assert not any(isinstance(e, Step) for e in again)
    assert factories.same(before, weights(tmp_path / "run"))


def test_a_seed_makes_the_run(tmp_path: Path, tiny_data: TinyData) -> None:
    for name, seed in [("a", 5), ("b", 5), ("c", 6)]:
        torch.rand(3)  # the global generator has no part in it
        factories.train(tmp_path, factories.plan("flow", tiny_data.zip, seed=seed), name)
    a, b, c = (weights(tmp_path / name) for name in "abc")
    assert factories.same(a, b) and not factories.same(a["model"], c["model"])


# --- What goes wrong ---


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_run_that_diverges_keeps_the_last_good_model(
    tmp_path: Path, tiny_data: TinyData, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    batches = data.Dataset.batches

    def broken(self: data.Dataset, size: int, *, seed: int, **rest: Any) -> Iterator[Batch]:
        for i, batch in enumerate(batches(self, size, seed=seed, **rest)):
            fourth = seed == 1 and i == 3  # of the run, whose seed is 1
            yield replace(batch, images=batch.images * (value if fourth else 1))

    monkeypatch.setattr(data.Dataset, "batches", broken)
    plan = factories.plan("dcgan", tiny_data.zip, steps=9, seed=1, save_every=1e-6)
    directory = runs.create(tmp_path, plan)
    *events, last = factories.follow(directory)
    saved = [e.step for e in events if isinstance(e, Saved)][-1]
    assert (last.reason, last.step) == ("diverged", 4)
    assert runs.status(directory, last) == "diverged"
    _, card = checkpoint.load(directory / "model")  # refuses weights that are not finite
    assert card.steps == saved <= 3


def test_a_plan_that_cannot_be_run_is_refused_by_the_field(
    tmp_path: Path, tiny_data: TinyData
) -> None:
    for change, field in [
        ({"method": "alchemy"}, "method"),
        ({"data": "nowhere"}, "data"),
        ({"config": {"colour": "red"}}, "colour"),
        ({"config": {"width": 17}}, "width"),
        ({"config": {"width": float("nan")}}, "width"),
        ({"config": {"width": 2**64}}, "width"),
        ({"config": {"growth": [1, 1, 1]}}, "request|growth"),
        ({"config": {"patch": 3}}, "size"),
        ({"config": {"classes": 3}}, "config"),
        ({"config": {"channels": 1}}, "config"),
        ({"config": {"size": "large"}}, "size"),
        ({"method": "dcgan", "config": {"size": 64}}, "size"),
    ]:
        fields: dict[str, Any] = {"method": "flow", "data": str(tiny_data.zip), "steps": 1}
        with pytest.raises(BadValue, match=rf"^({field})\b.*; .*\.$"):
            list(loop.train(TrainPlan(**fields | change), tmp_path))


def test_one_picture_is_not_enough(tmp_path: Path) -> None:
    factories.draw(0, 0).save(tmp_path / "0.png")
    with pytest.raises(UserError, match="1 can be used, and training needs at least 2"):
        list(loop.train(factories.plan("flow", tmp_path), tmp_path / "run"))


def test_a_batch_may_be_larger_than_the_data(tmp_path: Path, tiny_data: TinyData) -> None:
    for method in ("dcgan", "cyclegan"):
        plan = factories.plan(method, tiny_data.of(method), steps=1, batch=50)
        assert factories.train(tmp_path, plan, method)[-1].reason == "done"


def test_data_that_a_method_cannot_learn_from_is_refused(
    tmp_path: Path, tiny_data: TinyData
) -> None:
    for method, source, words in [
        ("dcgan", tiny_data.pairs, "choose cyclegan or pix2pix, or another set"),
        ("cyclegan", tiny_data.zip, "needs pictures of two domains"),
    ]:
        with pytest.raises(UserError, match=words):
            list(loop.train(factories.plan(method, source), tmp_path / "run"))


def test_a_set_with_captions_serves_methods_without_text(
    tmp_path: Path, tiny_data: TinyData
) -> None:
    folder = shutil.copytree(tiny_data.folder, tmp_path / "captioned")
    names = [p.relative_to(folder).as_posix() for p in sorted(folder.rglob("*.png"))]
    rows = ["file,caption", *(f"{name},a shape" for name in names)]
    (folder / "captions.csv").write_text("\n".join(rows))
    assert factories.train(tmp_path, factories.plan("dcgan", folder))[-1].reason == "done"


# --- Starting from a checkpoint ---


def test_a_run_may_start_from_a_checkpoint(
    tmp_path: Path, tiny_data: TinyData, trained: Path
) -> None:
    init = trained / "shapes-flow"
    plan = factories.plan("flow", tiny_data.zip, steps=1, lr=1e-12, init=str(init))
    factories.train(tmp_path, plan)
    start, _ = checkpoint.load(init)
    end, _ = checkpoint.load(tmp_path / "run" / "model")
    for (name, a), b in zip(start.named_parameters(), end.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4, msg=name)


def test_a_checkpoint_that_does_not_fit_the_data_is_refused(
    tmp_path: Path, tiny_data: TinyData
) -> None:
    factories.save(tmp_path / "grey", "flow", channels=1)
    factories.save(tmp_path / "other", "vae")
    for name, words in [
        ("grey", "^init: the model has channels 1 and the data 3"),
        ("other", "^init: this checkpoint was made by vae"),
        ("missing", "^init: there is no such folder; name that of a checkpoint"),
    ]:
        plan = factories.plan("flow", tiny_data.zip, init=str(tmp_path / name))
        with pytest.raises(UserError, match=words):
            list(loop.train(plan, tmp_path / "run"))


# --- The model ---


def test_a_run_without_classes_makes_a_model_without_classes(
    tmp_path: Path, tiny_data: TinyData
) -> None:
    config = factories.CONFIGS["dcgan"] | {"classes": 0}
    factories.train(tmp_path, factories.plan("dcgan", tiny_data.zip, config=config))
    model, card = checkpoint.load(tmp_path / "run" / "model")
    assert card.classes == () and model.config.classes == 0
    assert model.sample(model.noise([0])).shape == (1, 3, 32, 32)


def test_grey_data_makes_a_grey_model(tmp_path: Path, tiny_data: TinyData) -> None:
    factories.train(tmp_path, factories.plan("vae", "mnist"), root=tiny_data.root)
    model, card = checkpoint.load(tmp_path / "run" / "model")
    assert (card.config["channels"], card.config["classes"]) == (1, 10)
    assert model.sample(model.noise([0]), torch.tensor([9])).shape == (1, 1, 32, 32)


def test_the_rate_rises_and_then_falls() -> None:
    rates = [loop._lr_factor(step, step / 100, 10) for step in range(101)]
    assert rates[0] == pytest.approx(0.1, rel=0.01)
    assert max(rates) == max(rates[9:11])
    assert all(a > b for a, b in itertools.pairwise(rates[10:]))
    assert rates[-1] == pytest.approx(0.02)


def test_pictures_are_brought_to_the_size_that_was_set(
    tmp_path: Path, tiny_data: TinyData
) -> None:
    plan = factories.plan("flow", tiny_data.zip, config=factories.CONFIGS["flow"] | {"size": 16})
    factories.train(tmp_path, plan)
    model, _ = checkpoint.load(tmp_path / "run" / "model")
    assert model.noise_shape == (3, 16, 16)


def test_settings_of_training_can_change_with_init_and_those_of_the_network_cannot(
    tmp_path: Path, trained: Path, tiny_data: TinyData
) -> None:
    init = str(trained / "shapes-dcgan")
    config = {"loss": "hinge"}
    factories.train(
        tmp_path, factories.plan("dcgan", tiny_data.zip, init=init, config=config), "a"
    )
    found = checkpoint.read_card(tmp_path / "a" / "model").config
    assert (found["loss"], found["width"]) == ("hinge", factories.CONFIGS["dcgan"]["width"])
    wider = factories.plan("dcgan", tiny_data.zip, init=init, config={"width": 16})
    with pytest.raises(BadValue, match="config: these settings make another network"):
        factories.train(tmp_path, wider, "b")


def test_a_card_tells_of_the_weights_that_training_began_with(
    tmp_path: Path, tiny_data: TinyData
) -> None:
    model = factories.save(tmp_path / "init", "dcgan")
    plan = factories.plan("dcgan", tiny_data.zip, init=str(tmp_path / "init"))
    for event in factories.follow(runs.create(tmp_path, plan, "run")):
        if isinstance(event, Step) and event.step == 1:  # the other run goes on and saves
            checkpoint.save(tmp_path / "init", model, factories.card(model, "dcgan", steps=99))
    assert checkpoint.read_card(tmp_path / "run" / "model").started_from["steps"] == 0
