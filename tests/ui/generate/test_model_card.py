"""How a model is described in a line."""

from __future__ import annotations

from aigc_demo.pipelines.model_info import ModelInfo
from aigc_demo.ui.generate.model_card import card, describe
from tests import factories, hostile


def test_a_score_stands_with_its_number_of_pictures() -> None:
    metrics = {"fid_compact_5k": 4.118, "floor_fid_compact_5k": 0.09, "kid_compact_5k": 0.07}
    info = ModelInfo("a", "Fashion · GAN", size=32, megabytes=2.2, card={"metrics": metrics})
    assert describe(info) == "Fashion · GAN · 32 px · 2 MB · FID 4.1 (N 5k)"


def test_a_card_shows_what_others_wrote_in_it_as_text() -> None:
    model = factories.model("dcgan", classes=2)
    given = factories.card(model, "dcgan")
    written = ("title", "data_title", "data_licence", "command", "commit", "device")
    given = given.model_copy(
        update=dict.fromkeys(written, hostile.TEXT)
        | {"classes": (hostile.TEXT, "b"), "versions": {"torch": hostile.TEXT}}
    )
    info = ModelInfo(hostile.TEXT, hostile.TEXT, card=given.model_dump(mode="json"))
    shown = hostile.shown(card(info))
    assert shown.count(hostile.TEXT) == len(written) - 1 + 3  # the title is not in the table
