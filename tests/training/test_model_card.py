"""The card of a trained model is enough to make it again."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest
import torch

import train
from aigc_demo import data
from aigc_demo.methods import METHODS, checkpoint
from aigc_demo.requests import TrainPlan
from aigc_demo.training import model_building, model_card
from tests import factories
from tests.conftest import TinyData


@pytest.mark.parametrize("method", ["dcgan", "flow", "cyclegan"])
def test_a_card_says_how_the_model_can_be_made_again(
    tmp_path: Path, tiny_data: TinyData, method: str
) -> None:
    plan = factories.plan(method, tiny_data.of(method), seed=3, lr=0.0005)
    factories.train(tmp_path, plan)
    card = checkpoint.read_card(tmp_path / "run" / "model")
    assert (card.method, card.data, card.data_size) == (
        method,
        "shapes",
        22 if method != "cyclegan" else 21,
    )
    assert (card.seed, card.steps, card.images_seen) == (3, 3, 12)
    labelled = METHODS[method].classes and METHODS[method].needs == "pictures"
    assert card.classes == (factories.SHAPES if labelled else ())
    assert card.domains == (() if METHODS[method].needs == "pictures" else ("A", "B"))
    assert card.config.items() >= factories.CONFIGS[method].items()
    assert set(card.config) == set(METHODS[method].config.model_fields)
    assert card.data_licence and card.device and card.title
    assert card.versions.keys() >= {"python", "torch"}
    assert torch.__version__.startswith(card.versions["torch"].split("+")[0])
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True
    )
    assert card.commit == commit.stdout.strip()
    assert train.plan(train.parser().parse_args(shlex.split(card.command)[2:])) == plan


CONFIG_VALUES = [
    {"growth": [1]},
    {"growth": [1, 2], "depth": [2, 3]},
    {"diffaugment": ["translation"]},
    {"diffaugment": ["colour", "translation"]},
    {"loss": "hinge", "r1": 0.5, "beta": 1e-05},
    {"odd": True, "words": "a b 'c'", "nested": [[1, 2], [3]], "nothing": []},
]


def test_the_command_of_a_plan_parses_back_to_it() -> None:
    for config in CONFIG_VALUES:
        plan = TrainPlan(
            method="flow",
            data="my 'own' pictures/$HOME.zip",
            config=config,
            seconds=0.1,
            steps=5,
            batch=7,
            lr=1e-4,
            warmup=0,
            ema=0.0,
            seed=9,
            save_every=1.5,
            init="a b",
        )
        words = shlex.split(model_card.command(plan))
        assert words[:2] == ["python", "train.py"]
        assert train.plan(train.parser().parse_args(words[2:])) == plan


@pytest.mark.parametrize("method", ["dcgan", "flow"])
def test_other_classes_start_as_the_old_ones(
    method: str, tmp_path: Path, tiny_data: TinyData
) -> None:
    before = factories.save(tmp_path / "init", method, classes=5)
    plan = factories.plan(
        method,
        tiny_data.zip,
        steps=1,
        lr=1e-12,
        init=str(tmp_path / "init"),
        config={"classes": 2},
    )
    model, _ = model_building.build_model(METHODS[method], plan, data.load(str(tiny_data.zip)))
    assert model.config.classes == 2
    x, (a, b) = before.noise(range(2)), (torch.full((2,), k) for k in (0, 1))
    for labels in (a, b):
        torch.testing.assert_close(before.sample(x, labels), model.eval().sample(x, labels))
    assert not torch.equal(model.sample(x, a), model.sample(x, b))
