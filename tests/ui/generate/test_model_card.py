"""How a model is described in a line."""

from __future__ import annotations

from aigc_demo.pipelines.model_info import ModelInfo
from aigc_demo.ui.generate.model_card import describe


def test_a_score_stands_with_its_number_of_pictures() -> None:
    metrics = {"fid_compact_5k": 4.118, "floor_fid_compact_5k": 0.09, "kid_compact_5k": 0.07}
    info = ModelInfo("a", "Fashion · GAN", size=32, megabytes=2.2, card={"metrics": metrics})
    assert describe(info) == "Fashion · GAN · 32 px · 2 MB · FID 4.1 (N 5k)"
