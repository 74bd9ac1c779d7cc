"""Each shipped model has a recipe that can be followed anywhere, and means the same there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from aigc_demo.data import DATASETS
from aigc_demo.errors import BadValue
from aigc_demo.methods import METHODS, checkpoint
from aigc_demo.requests import TrainPlan
from aigc_demo.training import recipes
from aigc_demo.training.session import check_plan
from tests import factories
from tests.app_server import ROOT
from tests.conftest import TinyData

CPU, GPU = torch.device("cpu"), torch.device("cuda")
SHIPPED = {folder.name: folder for folder in checkpoint.folders(ROOT / "checkpoints")}


@pytest.mark.parametrize("name", recipes.names())
def test_a_recipe_is_a_plan_for_what_it_is_called_after(name: str) -> None:
    recipe, plan = recipes.read(name), TrainPlan(**recipes.fields(name, CPU))
    method = check_plan(plan)
    assert set(plan.data.split("+")) <= DATASETS.keys()
    with torch.device("meta"):
        method.build({"classes": 2 * method.classes} | plan.config)
    assert recipe.defaults.keys() <= {option.name for option in method.network.options}
    assert plan.steps * (plan.batch or method.batch) >= recipe.pictures
    if name in SHIPPED:
        card = checkpoint.read_card(SHIPPED[name])
        assert (card.method, card.data) == (plan.method, plan.data)
        network = set(method.config.model_fields) & plan.config.keys()
        assert {n: card.config[n] for n in network} == {n: plan.config[n] for n in network}
    if plan.init:
        assert Path(plan.init).name in recipes.names()


def test_all_shipped_models_have_one() -> None:
    assert SHIPPED.keys() <= set(recipes.names())


def test_a_gpu_sees_as_many_pictures_in_larger_batches_at_a_higher_rate() -> None:
    here, there = (recipes.fields("fashion_mnist-flow", device) for device in (CPU, GPU))
    method = METHODS["flow"]
    batch = here.get("batch") or method.batch
    assert there["batch"] == recipes.read("fashion_mnist-flow").large_batch > batch
    assert there["lr"] == pytest.approx(method.lr * (there["batch"] / batch) ** 0.5)
    pictures = here["steps"] * batch, there["steps"] * there["batch"]
    assert pictures[0] == pytest.approx(pictures[1], rel=1e-3)


def test_a_card_names_its_recipe_and_has_its_defaults(
    tmp_path: Path, tiny_data: TinyData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipes, "FOLDER", tmp_path)
    config = factories.CONFIGS["dcgan"]
    made = {"plan": {"method": "dcgan", "data": str(tiny_data.zip), "config": config}}
    made |= {"pictures": 3, "defaults": {"truncation": 0.7}, "why": "It is small."}
    (tmp_path / "small.json").write_text(json.dumps(made))
    factories.train(tmp_path, TrainPlan(**recipes.fields("small", CPU)))
    card = checkpoint.read_card(tmp_path / "run" / "model")
    assert card.recipe == "small" and card.defaults == {"truncation": 0.7}
    assert "--recipe small" in card.command


def test_what_is_not_for_a_recipe_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipes, "FOLDER", tmp_path)
    plan = {"method": "vae", "data": "mnist", "seconds": 60}
    made = {"plan": plan, "pictures": 3, "why": "It has a budget of time."}
    (tmp_path / "timed.json").write_text(json.dumps(made))
    with pytest.raises(BadValue, match="^plan: seconds is not for the recipe timed to say"):
        recipes.fields("timed", CPU)
    with pytest.raises(BadValue, match="^recipe: there is none called “other”; take timed"):
        recipes.read("other")
