"""Models are found by name, described by their cards, and loaded when first asked for."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from aigc_demo.errors import BadValue
from aigc_demo.methods import METHODS, checkpoint
from aigc_demo.methods.checkpoint import CARD
from aigc_demo.pipelines.model_cache import MAX_LOADED
from aigc_demo.pipelines.model_info import options_of
from aigc_demo.requests import GenerateRequest
from aigc_demo.studio import Studio
from tests import factories

DCGAN, VAE, PLAIN, TEXT = "shapes-dcgan", "shapes-vae", "plain-dcgan", "shapes-text2image"
MODELS = [f"shapes-{method}" for method in factories.GENERATE] + [PLAIN]


def image(studio: Studio, model: str) -> bytes:
    return studio.generate(GenerateRequest(model=model, count=1)).images[0].tobytes()


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


def test_the_least_recently_used_model_is_dropped(tmp_path: Path, trained: Path) -> None:
    names = [f"m{i}" for i in range(MAX_LOADED + 3)]
    for name in names:
        shutil.copytree(trained / DCGAN, tmp_path / name)
    studio = Studio(tmp_path, device="cpu")
    made = {name: image(studio, name) for name in names}
    assert list(studio.cache.loaded) == names[-MAX_LOADED:]
    image(studio, names[-MAX_LOADED])
    assert image(studio, names[0]) == made[names[0]]
    assert names[-MAX_LOADED] in studio.cache.loaded  # used more recently than the next one
    assert names[-MAX_LOADED + 1] not in studio.cache.loaded


def test_a_replaced_checkpoint_is_loaded_anew(checkpoints: Path) -> None:
    studio = Studio(checkpoints, device="cpu")
    before = image(studio, DCGAN)
    model = factories.model("dcgan", seed=9)
    checkpoint.save(checkpoints / DCGAN, model, factories.card(model, "dcgan", title="Anew"))
    assert studio.info(DCGAN).title == "Anew"
    after = image(studio, DCGAN)
    assert before != after == image(Studio(checkpoints, device="cpu"), DCGAN)


def test_a_model_that_appears_or_goes_is_noticed(checkpoints: Path, trained: Path) -> None:
    studio = Studio(checkpoints, device="cpu")
    image(studio, DCGAN)
    shutil.rmtree(checkpoints / DCGAN)
    assert DCGAN not in [m.name for m in studio.models()]
    with pytest.raises(BadValue, match="^model: "):
        image(studio, DCGAN)
    shutil.copytree(trained / DCGAN, checkpoints / "new")
    assert image(studio, "new")


def test_models_are_described_without_being_loaded(studio: Studio) -> None:
    found = {m.name: m for m in studio.models("generate")}
    assert set(found) == set(MODELS)
    assert studio.models("restore") == []
    assert not studio.cache.loaded
    info = found[VAE]
    assert (info.method, info.task, info.condition) == ("vae", "generate", "label")
    assert (info.data, info.labels) == ("shapes", factories.SHAPES)
    assert (info.size, info.channels) == (32, 3)
    assert info.megabytes > 0 and info.card["steps"] == 3
    assert (found[PLAIN].condition, found[PLAIN].labels) == ("none", ())
    assert (found[TEXT].condition, found[TEXT].labels) == ("text", ())
    assert set(found[TEXT].examples) == set(factories.SHAPES)


def test_options_are_those_of_the_method_and_their_defaults_those_of_the_card(
    checkpoints: Path,
) -> None:
    for model in MODELS:
        card = checkpoint.read_card(checkpoints / model)
        plain = Studio(checkpoints).info(model)
        declared = METHODS[card.method].network.options
        conditional = card.classes or model == TEXT
        expected = {o.name: o.default for o in declared if conditional or o.name != "guidance"}
        assert options_of(plain, GenerateRequest(model=model)) == expected

        changed = {o.name: o.minimum for o in plain.options} | {"unknown": 3.0}
        card = card.model_copy(update={"defaults": changed})
        (checkpoints / model / CARD).write_text(card.model_dump_json())
        info = Studio(checkpoints).info(model)
        assert options_of(info, GenerateRequest(model=model)) == {
            o.name: o.minimum for o in info.options
        }
        assert [replace(o, default=0) for o in info.options] == [
            replace(o, default=0) for o in plain.options
        ]
