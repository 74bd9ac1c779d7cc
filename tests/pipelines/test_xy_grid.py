"""A grid shows what Generate paints, cell by cell, and says which axis is at fault."""

from __future__ import annotations

import csv
import io
import threading
from typing import Any

import pytest
from PIL import Image

from aigc_demo.errors import BadValue
from aigc_demo.imaging import labelled_grid
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
def test_a_cell_is_the_picture_that_generate_paints(studio: Studio, name: str) -> None:
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


def test_pictures_of_the_same_options_are_painted_together(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    sample = generation.sample
    monkeypatch.setattr(generation, "sample", lambda *a: sizes.append(len(a[2])) or sample(*a))
    studio.grid(GridRequest(model=DCGAN, x="seed", x_values=tuple(range(7)), y="label",
                            y_values=factories.SHAPES))  # fmt: skip
    assert sizes == [BATCH, 14 - BATCH]


def test_a_reader_who_goes_away_stops_it_and_leaves_the_studio_free(
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


@pytest.mark.parametrize(("fields", "said"), UNFIT, ids=str)
def test_what_the_model_cannot_do_is_said_before_anything_is_painted(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], said: str
) -> None:
    monkeypatch.setattr(generation, "sample", lambda *a: pytest.fail("it sampled"))
    with pytest.raises(BadValue, match=f"^{said}"):
        studio.grid(GridRequest(y="seed", y_values=(1, 2), **fields))


def test_the_csv_holds_a_line_a_cell_that_paints_it_again(studio: Studio) -> None:
    result = studio.grid(GridRequest(**GRIDS["prompt, guidance"]))
    lines = list(csv.DictReader(io.StringIO(result.csv())))
    assert [(int(x["row"]), int(x["column"])) for x in lines] == [
        (row, column) for row in (1, 2) for column in (1, 2, 3)
    ]
    for line, cell in zip(lines, result.cells, strict=True):
        assert (line["model"], line["prompt"]) == (TEXT, cell.settings["prompt"])
        assert float(line["guidance"]) == cell.settings["guidance"]
        assert float(line["seconds"]) >= 0


# --- The sheet ---


def test_a_sheet_shows_every_picture_at_its_place() -> None:
    colours = {(0, 0): "red", (1, 0): "lime", (0, 1): "blue", (2, 1): "black"}
    pictures = {place: Image.new("RGB", (32, 32), c) for place, c in colours.items()}
    drawn = labelled_grid.draw(["a", "b", "c"], ["d", "e"], pictures, side=64)
    step = 64 + labelled_grid.GAP
    left, top = drawn.width - 3 * step, drawn.height - 2 * step
    for (column, row), picture in pictures.items():
        x, y = left + column * step, top + row * step
        assert drawn.crop((x, y, x + 64, y + 64)).getcolors() == [(4096, picture.getpixel((0, 0)))]
    assert drawn.getpixel((left + 2 * step + 9, top + 9)) == (220, 220, 220)


def test_captions_are_drawn_where_they_belong() -> None:
    blank, said = (labelled_grid.draw([c, ""], ["", r], {}) for c, r in (("", ""), ("2.5", "it")))
    assert blank.size == said.size
    where = [
        (x, y)
        for x in range(said.width)
        for y in range(said.height)
        if said.getpixel((x, y)) != blank.getpixel((x, y))
    ]
    left, top = (
        said.width - 2 * (96 + labelled_grid.GAP),
        said.height - 2 * (96 + labelled_grid.GAP),
    )
    above = [p for p in where if p[1] < top]
    beside = [p for p in where if p[0] < left]
    assert above and all(left <= x < left + 96 for x, _ in above)
    assert beside and all(top + 100 <= y < top + 196 for _, y in beside)
    assert len(above) + len(beside) == len(where)


@pytest.mark.parametrize(
    "text", ["海豚", "🐬 dolphin", "דולפין", "👩‍👩‍👧", "\u202ea\nb\0", "", "x" * 999], ids=ascii
)
def test_any_caption_can_be_drawn(text: str) -> None:
    drawn = labelled_grid.draw([text], [text], {}, titles=(text, text))
    assert drawn.width <= 200 + 96 + labelled_grid.GAP
    shown, font = labelled_grid.fitting(text)
    assert all(labelled_grid._has(font, c) for c in shown)


def test_a_letter_that_no_font_has_is_called_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        labelled_grid, "_fonts", lambda: (labelled_grid.ImageFont.load_default(14),)
    )
    assert labelled_grid.fitting("🐬 2")[0] == "(dolphin) 2"


def test_a_grid_that_is_not_full_is_told_so() -> None:
    assert GridResult("seed", "label", ["1", "2"], ["a"]).share == 0
