"""The command measures models, writes their cards, and says what is wrong in a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from aigc_demo import data
from aigc_demo.cli import evaluate, score_report
from aigc_demo.cli.evaluate import Evaluator
from aigc_demo.methods import checkpoint
from aigc_demo.metrics import feature_extractors
from tests import factories
from tests.conftest import TinyData

CLASSES = ("shapes/discs", "shapes/squares")


@pytest.fixture(autouse=True)
def small_compact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put an untrained classifier in the place of the shipped one, and the cache elsewhere."""
    folder = tmp_path / "extractor" / "compact"
    model = factories.model("classifier")
    config = model.config.model_dump()
    checkpoint.save(
        folder, model, checkpoint.Card(method="classifier", config=config, classes=CLASSES)
    )
    monkeypatch.setattr(feature_extractors, "COMPACT", folder)
    monkeypatch.setenv("AIGC_CACHE", str(tmp_path / "cache"))
    return folder


def run(checkpoints: Path, shapes: Path | str, *more: str) -> int:
    flags = ["--checkpoints", str(checkpoints), "--data", str(shapes), "-n", "20", *more]
    return evaluate.main(flags)


def metrics_in(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "card.json").read_text())["metrics"]


def test_the_scores_of_a_model_are_written_into_its_card(
    checkpoints: Path, tiny_data: TinyData, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = checkpoints / "shapes-dcgan"
    score_report.write_card(folder, {"fid_compact_5k": 1, "fid_inception_5k": 3, "other": 2})
    assert run(checkpoints, tiny_data.zip, "--model", "shapes-dcgan") == 0
    found = metrics_in(folder)
    names = ("fid_compact_20", "is_compact_20", "agreement_compact_20", "memorised_compact_20")
    assert set(names) <= set(found)
    assert found["reference"] == "shapes train, 22"
    assert found["fid_compact_20"] > 0 and 0 <= found["agreement_compact_20"] <= 1
    assert found["floor_agreement_compact_2"] <= 1, "two pictures are held out"
    assert found["other"] == 2 and found["fid_inception_5k"] == 3
    assert "fid_compact_5k" not in found, "a score of before"
    table = capsys.readouterr().out
    assert "kid_compact_20" in table and "needs 100 pictures on both sides" in table
    assert not [name for name in found if name.startswith("kid_")]
    checkpoint.read_card(folder)


def test_all_generative_models_are_scored_unless_some_are_named_and_cards_can_be_left_alone(
    checkpoints: Path, tiny_data: TinyData, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (checkpoints / "shapes-vae" / "card.json").read_bytes()
    assert run(checkpoints, tiny_data.zip, "--no-write") == 0
    assert (checkpoints / "shapes-vae" / "card.json").read_bytes() == before
    table = capsys.readouterr().out
    assert all(f"shapes-{name} " in table for name in factories.GENERATE)
    assert "plain-dcgan " in table and "shapes-classifier" not in table


def test_a_model_without_classes_has_no_agreement(checkpoints: Path, tiny_data: TinyData) -> None:
    assert run(checkpoints, tiny_data.zip, "--model", "plain-dcgan") == 0
    found = metrics_in(checkpoints / "plain-dcgan")
    assert "fid_compact_20" in found and "agreement_compact_20" not in found


def test_the_closest_samples_are_shown_above_their_originals(
    checkpoints: Path, tiny_data: TinyData, tmp_path: Path
) -> None:
    sheet = tmp_path / "sheet.png"
    assert run(checkpoints, tiny_data.zip, "--model", "shapes-dcgan", "--sheet", str(sheet)) == 0
    from PIL import Image

    with Image.open(sheet) as image:
        assert image.size == (8 * 130 + 2, 4 * 130 + 2)


def test_the_score_of_a_classifier_is_its_accuracy_on_real_test_images(
    checkpoints: Path, tiny_data: TinyData
) -> None:
    model = factories.model("classifier")
    model.head.weight.zero_()
    model.head.bias.copy_(torch.tensor([0.0, 1.0]))  # sees squares everywhere
    card = factories.card(model, "classifier").model_copy(update={"classes": factories.SHAPES})
    checkpoint.save(checkpoints / "judge", model, card)
    assert run(checkpoints, tiny_data.zip, "--model", "judge") == 0
    test = data.load(str(tiny_data.zip), "test")
    assert metrics_in(checkpoints / "judge")["accuracy_shapes"] == pytest.approx(
        (test.labels == 1).double().mean().item(), rel=1e-5
    )


def test_the_memorisation_rate_is_one_for_copies_and_a_half_for_unseen_images(
    tiny_data: TinyData,
) -> None:
    train, test = (data.load(str(tiny_data.zip), split) for split in ("train", "test"))
    evaluator = Evaluator(feature_extractors.compact(), train, test, 20)

    def memorisation_rate(pixels: torch.Tensor) -> float:
        return evaluator.score(pixels, None, None)[-1].value

    assert memorisation_rate(train.images) == 1
    assert memorisation_rate(test.images) == pytest.approx(0.5)
    assert memorisation_rate(255 - train.images) == 0


def test_what_cannot_be_done_is_reported(
    checkpoints: Path,
    tiny_data: TinyData,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = ["--model", "shapes-dcgan", "--data-root", str(tiny_data.root)]
    factories.save(checkpoints / "denoise", "repair", classes=0)
    for flags, message in (
        ("--model none", "model: there is no model “none”"),
        ("--data nowhere", "data: there is no data set or folder “nowhere”"),
        ("--data mnist", "data: mnist has no class “discs”"),
        ("-n 1", "n: 1 pictures cannot be drawn; give 2 to 50,000"),
        ("--model shapes-vae --sheet x.png", "sheet: it shows one generator, not 2"),
        ("--sheet gone/x.png", "sheet: its folder is not there"),
        ("--inception-weights a.pth --download-inception", "inception-weights: they are not"),
        ("--model denoise", "model: denoise neither draws images nor classifies"),
        ("--checkpoints gone", "model: there is no model “shapes-dcgan”"),
        ("--inception-weights none.pth", "none.pth is missing"),
    ):
        assert run(checkpoints, tiny_data.zip, *given, *flags.split()) == 2
        assert f"evaluate: {message}" in capsys.readouterr().err
    monkeypatch.setattr(feature_extractors, "COMPACT", tmp_path / "compact")
    assert run(checkpoints, tiny_data.zip, "--model", "shapes-dcgan") == 2
    assert "compact has no card.json" in capsys.readouterr().err
    factories.save(checkpoints / "compact2", "classifier")
    flags = ["--model", "compact2", "--checkpoints", str(checkpoints), "--download-inception"]
    assert evaluate.main(flags) == 2
    assert "download-inception: a classifier is scored without it" in capsys.readouterr().err
    assert evaluate.main(["--checkpoints", str(tmp_path / "gone")]) == 2
    assert "model: there are none that draw images" in capsys.readouterr().err
