"""What a model learns from can be augmented, limited, and measured on what it has not seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from aigc_demo import augment, data
from aigc_demo.errors import BadValue
from aigc_demo.imaging import images
from aigc_demo.methods import checkpoint
from aigc_demo.methods.base import Batch
from aigc_demo.requests import TrainPlan
from aigc_demo.training import ablation as experiment, runs, session
from aigc_demo.training.augmentation import augment_batches
from aigc_demo.training.events import Scored, Step
from aigc_demo.training.run_monitor import RunMonitor
from tests import factories
from tests.conftest import TinyData

pytestmark = pytest.mark.usefixtures("one_thread")
STEPS = [{"name": "rotate", "degrees": 90}, {"name": "colour_jitter"}]


def batches(count: int = 3, **fields: Any) -> list[Batch]:
    return [factories.batch(seed=i, **fields) for i in range(count)]


def test_a_batch_is_augmented_as_its_number_says_wherever_one_begins() -> None:
    pipeline = augment.parse(STEPS)
    whole = list(augment_batches(iter(batches()), pipeline, seed=4))
    later = list(augment_batches(iter(batches()[2:]), pipeline, seed=4, start=2))
    assert torch.equal(whole[2].images, later[0].images)
    assert not torch.equal(whole[2].images, batches()[2].images)
    other = next(augment_batches(iter(batches()), pipeline, seed=5))
    assert not torch.equal(whole[0].images, other.images)
    assert torch.equal(whole[0].labels, batches()[0].labels)


def test_pictures_come_as_the_network_takes_them() -> None:
    made = next(augment_batches(iter(batches()), augment.parse(STEPS), seed=0)).images
    assert made.dtype == torch.float32 and made.min() >= -1 and made.max() <= 1
    assert made.is_contiguous(memory_format=torch.channels_last)
    none = next(
        augment_batches(iter(batches()), augment.parse([{"name": "grey", "p": 0}]), seed=0)
    )
    assert torch.allclose(
        none.images, images.from_pixels(images.quantise(factories.batch().images))
    )


def test_two_pictures_of_a_pair_move_together() -> None:
    batch = factories.batch()
    pair = Batch(batch.images, batch.labels, batch.images.clone())
    turned = next(
        augment_batches(iter([pair]), augment.parse([{"name": "rotate", "degrees": 90}]), seed=1)
    )
    assert torch.equal(turned.images, turned.targets)


def test_a_run_that_augments_goes_on_as_if_it_had_not_been_killed(
    tmp_path: Path, tiny_data: TinyData
) -> None:
    plan = factories.plan("dcgan", tiny_data.folder, steps=6, augment=STEPS, limit=9)
    factories.train(tmp_path, plan, "whole")
    directory = runs.create(tmp_path, plan, "parts")
    for event in factories.follow(directory):
        if isinstance(event, Step) and event.step == 3:
            runs.stop(directory)
    list(factories.follow(directory))
    states = [checkpoint.load_state(tmp_path / n / session.STATE) for n in ("whole", "parts")]
    assert factories.same(states[0]["model"], states[1]["model"])


def test_a_part_of_a_set_is_the_same_part_for_the_same_seed(tiny_data: TinyData) -> None:
    whole = data.load(str(tiny_data.folder))
    part = whole.limited(5, seed=3)
    assert len(part) == 5 and torch.equal(part.images, whole.limited(5, seed=3).images)
    assert not torch.equal(part.images, whole.limited(5, seed=4).images)
    assert all((whole.images == x).flatten(1).all(1).any() for x in part.images)
    assert whole.limited(None, 0) is whole and whole.limited(10**6, 0) is whole


def test_a_limited_run_learns_from_so_many_and_its_card_repeats_it(
    tmp_path: Path, tiny_data: TinyData
) -> None:
    plan = factories.plan("vae", tiny_data.folder, limit=6, augment=STEPS)
    factories.train(tmp_path, plan)
    card = checkpoint.read_card(tmp_path / "run" / "model")
    assert card.data_size == 6
    assert "--limit 6" in card.command
    written = card.command.split("--augment '")[1].split("' --")[0]
    assert json.loads(written) == STEPS


def test_a_classifier_is_asked_about_pictures_that_it_has_not_seen(
    tmp_path: Path, tiny_data: TinyData
) -> None:
    plan = factories.plan(
        "classifier",
        tiny_data.folder,
        steps=2,
        score_every=60,
        augment=[
            {"name": "cutmix", "p": 0.5},
            {"name": "mixup", "p": 0.5},
        ],
    )
    events = factories.train(tmp_path, plan)
    scored = [e for e in events if isinstance(e, Scored)]
    held_out = len(data.load(str(tiny_data.folder), "test"))
    assert scored[-1].name == f"accuracy_unseen_{held_out}" and scored[-1].n == held_out
    assert 0 <= scored[-1].value <= 1


def test_what_a_method_cannot_learn_from_is_refused_before_it_starts() -> None:
    for method, steps, words in [
        ("dcgan", [{"name": "mixup"}], "augment: mixup mixes classes, which only a classifier"),
        ("flow", [{"name": "spin"}], r"augment\.0\.name: there is no step “spin”"),
        ("flow", [{"name": "rotate", "p": 2}], r"augment\.0\.p: 2 cannot be used"),
    ]:
        plan = TrainPlan(method=method, data="mnist", steps=1, augment=steps)
        with pytest.raises(BadValue, match=f"^{words}"):
            session.check_plan(plan)


def test_domains_may_be_moved_but_not_recoloured(tmp_path: Path, tiny_data: TinyData) -> None:
    plan = factories.plan("pix2pix", tiny_data.of("pix2pix"), augment=[{"name": "colour_jitter"}])
    with pytest.raises(BadValue, match="^augment: colour_jitter changes colours"):
        factories.train(tmp_path, plan, "no")
    plan = factories.plan("pix2pix", tiny_data.of("pix2pix"), augment=[{"name": "flip_vertical"}])
    assert factories.train(tmp_path, plan, "yes")[-1].reason == "done"
    with pytest.raises(BadValue, match="^limit: a set of several domains"):
        factories.train(
            tmp_path, factories.plan("pix2pix", tiny_data.of("pix2pix"), limit=4), "part"
        )


# --- Does it help? ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", experiment.EXPERIMENTS)
def test_the_arms_of_an_experiment_differ_in_one_thing(kind: experiment.Experiment) -> None:
    arms = experiment.plans(kind, "fashion_mnist", STEPS, limit=300, seed=2)
    plain = arms.pop("without").model_dump()
    assert plain["limit"] == 300 and plain["seed"] == 2 and plain["augment"] == []
    for arm, plan in arms.items():
        changed = {k for k, v in plan.model_dump().items() if v != plain[k]}
        assert changed == {"with": {"augment"}, "diffaugment": {"config"}}[arm]
        session.check_plan(plan)


def test_the_newest_experiment_is_found_again_and_read(
    tmp_path: Path, tiny_data: TinyData
) -> None:
    assert experiment.newest([]) == {}
    for stamp in ("20260101-000000", "20260102-000000"):
        for arm in ("without", "with"):
            plan = factories.plan("classifier", tiny_data.folder, steps=2, score_every=60)
            factories.train(tmp_path, plan, f"experiment-{stamp}-{arm}")
    found = experiment.newest(path.name for path in tmp_path.iterdir())
    assert found == {arm: f"experiment-20260102-000000-{arm}" for arm in ("without", "with")}
    outcome = experiment.results("classifier", RunMonitor(tmp_path).view(found["with"]).log)
    assert {name.rsplit("_", 1)[0] for name in outcome} == {"accuracy_unseen", "accuracy"}


def test_the_gap_is_between_real_and_generated(tmp_path: Path, tiny_data: TinyData) -> None:
    factories.train(tmp_path, factories.plan("dcgan", tiny_data.folder, steps=2), "gan")
    log = RunMonitor(tmp_path).view("gan").log
    real, fake = (sum(log.logits[k]) / len(log.logits[k]) for k in ("real", "fake"))
    assert experiment.results("gan", log)["gap"] == pytest.approx(real - fake)
