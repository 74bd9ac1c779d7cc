"""A grid shows what `generate` makes, cell by cell, and errors name the axis."""

from __future__ import annotations

import csv
import io
import threading
from typing import Any

import pytest

from aigc_demo.errors import BadValue
from aigc_demo.pipelines import generation
from aigc_demo.pipelines.generation import BATCH
from aigc_demo.pipelines.xy_grid import GridResult
from aigc_demo.requests import GenerateRequest, GridRequest
from aigc_demo.studio import Studio
from tests import factories

FLOW, DCGAN, VAE, PLAIN = "shapes-flow", "shapes-dcgan", "shapes-vae", "plain-dcgan"
TEXT = "shapes-text2image"

GRIDS: dict[str, dict[str, Any]] = {
    "seed, label": {"model": DCGAN, "x": "seed", "x_values": (3, 9, 2**53 - 1),
                    "y": "label", "y_values": factories.SHAPES},
    "label, seed": {"model": VAE, "x": "label", "x_values": factories.SHAPES,
                    "y": "seed", "y_values": (1, 2), "temperature": 0.5},
    "guidance, evaluations": {"model": FLOW, "x": "guidance", "x_values": (1, 2.5),
                              "y": "evaluations", "y_values": (2, 4), "seed": 5},
    "truncation, model": {"model": "ignored", "x": "truncation", "x_values": (0.2, 1.0),
                          "y": "model", "y_values": (DCGAN, PLAIN), "seed": 8},
    "prompt, guidance": {"model": TEXT, "x": "prompt", "x_values": ("discs", "", "海豚 🐬"),
                         "y": "guidance", "y_values": (1.0, 3.0), "evaluations": 2},
    "temperature, seed": {"model": VAE, "x": "temperature", "x_values": (0.1, 1.2),
                          "y": "seed", "y_values": tuple(range(8)), "label": "discs"},
}  # fmt: skip


@pytest.mark.parametrize("name", GRIDS)
def test_a_cell_is_the_image_that_generate_makes(studio: Studio, name: str) -> None:
    request = GridRequest(**GRIDS[name])
    result = studio.grid(request)
    assert len(result.cells) == len(request.x_values) * len(request.y_values)
    for cell in result.cells:
        alone = GenerateRequest(**cell.settings, count=1)
        assert cell.image.tobytes() == studio.generate(alone).images[0].tobytes()
        for axis, values, place in (
            (request.x, request.x_values, cell.column),
            (request.y, request.y_values, cell.row),
        ):
            assert cell.settings[axis] == values[place]


def test_other_settings_stay_as_they_were_asked(studio: Studio) -> None:
    result = studio.grid(GridRequest(**GRIDS["guidance, evaluations"], label="squares"))
    assert {(c.settings["seed"], c.settings["label"]) for c in result.cells} == {(5, "squares")}
    assert len({cell.image.tobytes() for cell in result.cells}) == 4


def test_it_fills_and_never_loses_a_cell(studio: Studio) -> None:
    fields = {"model": VAE, "x": "temperature", "x_values": (0.2, 0.6, 1.0)}
    request = GridRequest(**fields, y="seed", y_values=(1, 2, 3))
    grids = list(studio.grid_steps(request))
    assert [round(g.share * 9) for g in grids] == [0, 3, 6, 9]
    for before, after in zip(grids, grids[1:], strict=False):
        assert set(map(id, before.cells)) < set(map(id, after.cells))
    assert [(c.row, c.column) for c in grids[-1].cells] == [
        (r, c) for r in range(3) for c in range(3)
    ]


def test_images_of_the_same_options_share_a_batch(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    sample = generation.sample
    monkeypatch.setattr(generation, "sample", lambda *a: sizes.append(len(a[2])) or sample(*a))
    studio.grid(GridRequest(model=DCGAN, x="seed", x_values=tuple(range(7)), y="label",
                            y_values=factories.SHAPES))  # fmt: skip
    assert sizes == [BATCH, 14 - BATCH]


def test_a_consumer_that_goes_away_stops_it_and_leaves_the_studio_free(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    painted: list[int] = []
    sample = generation.sample
    monkeypatch.setattr(generation, "sample", lambda *a: painted.append(len(a[2])) or sample(*a))
    filling = studio.grid_steps(GridRequest(**GRIDS["guidance, evaluations"]))
    next(filling), next(filling)
    filling.close()
    assert painted == [1]
    free = threading.Thread(target=studio.generate, args=(GenerateRequest(model=DCGAN, count=1),))
    free.start()
    free.join(30)
    assert not free.is_alive()


UNFIT = [
    ({"model": DCGAN, "x": "guidance", "x_values": (1.0,)}, "x: shapes-dcgan has no guidance"),
    ({"model": DCGAN, "x": "label", "x_values": ("discs", "cubes")}, "x: label: .*“cubes”"),
    ({"model": PLAIN, "x": "label", "x_values": ("discs",)}, "x: label: .*unconditional"),
    ({"model": VAE, "x": "prompt", "x_values": ("discs",)}, "x: prompt: .*is not conditioned"),
    ({"model": VAE, "x": "model", "x_values": (VAE, "none")}, "x: model: .*“none”"),
    ({"model": VAE, "x": "model", "x_values": (VAE, PLAIN), "label": "discs"}, "x: label: "),
    ({"model": "none", "x": "truncation", "x_values": (0.5,)}, "model: .*“none”"),
    ({"model": DCGAN, "x": "truncation", "x_values": (0.5,), "label": "cubes"}, "label: "),
]


def test_what_the_model_cannot_do_is_refused_before_anything_is_generated(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generation, "sample", lambda *a: pytest.fail("it sampled"))
    for fields, message in UNFIT:
        with pytest.raises(BadValue, match=f"^{message}"):
            studio.grid(GridRequest(y="seed", y_values=(1, 2), **fields))


def test_the_csv_holds_a_line_a_cell_that_generates_it_again(studio: Studio) -> None:
    result = studio.grid(GridRequest(**GRIDS["prompt, guidance"]))
    lines = list(csv.DictReader(io.StringIO(result.csv())))
    assert [(int(x["row"]), int(x["column"])) for x in lines] == [
        (row, column) for row in (1, 2) for column in (1, 2, 3)
    ]
    for line, cell in zip(lines, result.cells, strict=True):
        assert (line["model"], line["prompt"]) == (TEXT, cell.settings["prompt"])
        assert float(line["guidance"]) == cell.settings["guidance"]
        assert float(line["seconds"]) >= 0


def test_a_grid_that_is_not_full_knows_its_share() -> None:
    assert GridResult("seed", "label", ["1", "2"], ["a"]).share == 0
