"""Models are made again by their recipes, and only better ones are shipped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aigc_demo.cli import checkpoints as command
from aigc_demo.methods import checkpoint
from aigc_demo.metrics import feature_extractors
from aigc_demo.training import recipes, runs
from aigc_demo.training.events import Finished, Step
from tests import factories
from tests.conftest import TinyData

pytestmark = pytest.mark.usefixtures("one_thread")
NAME = "shapes-dcgan"


@pytest.fixture
def small(tmp_path: Path, tiny_data: TinyData, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder for runs and checkpoints, with a recipe of a few steps."""
    folder = tmp_path / "extractor" / "compact"
    model = factories.model("classifier")
    classes = ("shapes/discs", "shapes/squares")
    card = checkpoint.Card(method="classifier", config=model.config.model_dump(), classes=classes)
    checkpoint.save(folder, model, card)
    monkeypatch.setattr(feature_extractors, "COMPACT", folder)
    monkeypatch.setenv("AIGC_CACHE", str(tmp_path / "cache"))
    plan = {"method": "dcgan", "data": str(tiny_data.zip), "batch": 4}
    plan["config"] = factories.CONFIGS["dcgan"]
    recipe = {"plan": plan, "pictures": 40, "count": 20, "why": "It is small."}
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / f"{NAME}.json").write_text(json.dumps(recipe))
    monkeypatch.setattr(recipes, "FOLDER", tmp_path / "recipes")
    command.judges_of.cache_clear()
    return tmp_path


def follow(folder: Path, *more: str) -> int:
    flags = ("--runs", str(folder / "runs"), "--checkpoints", str(folder / "shipped"))
    return command.main([*flags, *more])


def test_a_run_that_was_cut_off_goes_on_and_its_model_is_shipped_with_its_scores(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = command.run_of(NAME, None, small / "runs")
    for event in factories.follow(directory):
        if isinstance(event, Step) and event.step == 3:
            runs.stop(directory)
    assert event.reason == "stopped"
    assert follow(small) == 0
    ends = [e for e in runs.events(directory) if isinstance(e, Finished)]
    assert [(e.reason, e.step) for e in ends] == [("stopped", 3), ("done", 10)]
    card = checkpoint.read_card(small / "shipped" / NAME)
    assert (card.recipe, card.images_seen) == (NAME, 40)
    assert card.metrics["fid_compact_20"] > 0
    assert f"{NAME}: shipped: FID compact" in capsys.readouterr().out
    checkpoint.load(small / "shipped" / NAME)


@pytest.mark.parametrize(
    ("now", "before", "ships"),
    [((1.0, 1.9), (2.0, 3.0), True), ((1.0, 2.1), (2.0, 3.0), False)],
)
def test_a_model_is_replaced_by_one_that_is_better_for_all_samples(
    small: Path,
    monkeypatch: pytest.MonkeyPatch,
    now: tuple[float, float],
    before: tuple[float, float],
    ships: bool,
) -> None:
    assert follow(small) == 0
    shipped = small / "shipped" / NAME
    (shipped / "directions.safetensors").write_text("of the weights that were here")
    values = iter((*before, *now))  # in this order they are asked for
    monkeypatch.setattr(command, "fid", lambda scores: next(values))
    assert follow(small) == 0
    assert (shipped / "directions.safetensors").exists() is not ships


def test_a_budget_is_shared_and_a_run_of_another_kind_is_left_alone(
    small: Path, tiny_data: TinyData, capsys: pytest.CaptureFixture[str]
) -> None:
    assert runs.read_plan(command.run_of(NAME, 5, small / "timed")).seconds == 300
    runs.create(small / "runs", factories.plan("dcgan", tiny_data.zip), NAME)
    assert follow(small) == 2
    assert "is a run without this recipe; move it away" in capsys.readouterr().err
