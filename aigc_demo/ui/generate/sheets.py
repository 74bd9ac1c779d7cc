"""Sheets of many samples below the Generate tab: classes by seeds, models of the same data."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from aigc_demo.errors import BadValue
from aigc_demo.methods import METHODS
from aigc_demo.methods.checkpoint import in_all
from aigc_demo.requests import GenerateRequest, Request, Whole
from aigc_demo.studio import RUN_PREFIX, ModelInfo, Studio
from aigc_demo.ui.components.controls import Controls, button, labelled
from aigc_demo.ui.components.events import DEVICE, PRIVATE, QUIET
from aigc_demo.ui.components.pictures import sheet
from aigc_demo.ui.components.send_to import Offers
from aigc_demo.ui.generate.forms import ALL, SamplingForm, class_or_none
from aigc_demo.ui.generate.model_card import class_choices, fid
from aigc_demo.ui.generate.samples import PIXEL_ART, is_pixel_art, sheet_of_rows
from aigc_demo.ui.i18n import T
from aigc_demo.ui.server.handlers import Components, Updates, connect

# --- Classes by seeds ----------------------------------------------------------------------------


class ClassesForm(SamplingForm):
    """How many seeds stand beside each other."""

    columns: Whole = 8


@dataclass(frozen=True)
class ClassesControls(Controls):
    """The components of the sheet of classes by seeds."""

    columns: gr.Slider
    go: gr.Button
    sheet: gr.Image


def classes_by_seeds(studio: Studio, form: ClassesForm) -> Updates:
    """Show a row a class, or one of what the prompt says, and a column a seed."""
    info = form.info(studio)
    rows = []
    for label in info.labels or [None]:
        request = form.request(studio, label=label, count=form.columns)
        rows.append((label or info.title, studio.generate(request).images))
    return {"sheet": sheet_of_rows(rows, crisp=is_pixel_art(info))}


def layout_classes(offers: Offers) -> ClassesControls:
    """Add the controls and the sheet."""
    gr.Markdown(T("cross_intro"))
    columns = gr.Slider(2, 12, 8, step=1, **labelled("cross_columns", "columns"))
    go = button("cross_go", variant="primary")
    made = sheet("cross")
    offers.add(made)
    return ClassesControls(columns, go, made)


def wire_classes(studio: Studio, controls: ClassesControls, sampling: Components) -> None:
    """Connect the controls; `sampling` are the inputs of a `SamplingForm`."""
    inputs, outputs = sampling | controls.of("columns"), controls.of("sheet")
    settings = {"gpu": True, **PRIVATE, **DEVICE}
    connect(controls.go.click, classes_by_seeds, studio, inputs, outputs, **settings)


# --- Models of the same data ---------------------------------------------------------------------


class CompareForm(Request):
    """The data whose models are compared, with those of runs or without, a class, the first seed,
    and how many seeds.
    """

    data: str | None = None
    with_runs: bool = False
    label: str | None = ALL
    seed: Whole | None = 0
    columns: Whole = 8


@dataclass(frozen=True)
class CompareControls(Controls):
    """The components of the comparison."""

    data: gr.Dropdown
    with_runs: gr.Checkbox
    label: gr.Dropdown
    columns: gr.Slider
    go: gr.Button
    sheet: gr.Image
    table: gr.Dataframe


def compare(studio: Studio, form: CompareForm) -> Updates:
    """Show a row a model of the chosen data, and a table of speed, size, training and FID."""
    models = models_of(studio, form.data, with_runs=form.with_runs)
    if not models:
        raise BadValue("data: no model has learned from these pictures; choose another set.")
    rows, table = [], []
    for info in models:
        request = GenerateRequest(
            model=info.name, label=class_or_none(form.label), count=form.columns, seed=form.seed
        )
        studio.generate(request.model_copy(update={"count": 1}))  # so that loading is not timed
        result = studio.generate(request)
        rows.append((row_title(info), result.images))
        milliseconds = round(1000 * result.seconds / form.columns, 1)
        megabytes = round(info.megabytes, 1)
        seen = int(in_all(info.card, "images_seen"))
        title = row_title(info) if info.from_run else info.title
        table.append([title, milliseconds, megabytes, seen, fid(info) or "—"])
    return {"sheet": sheet_of_rows(rows, crisp=form.data in PIXEL_ART), "table": table}


def models_of(studio: Studio, data: str | None, *, with_runs: bool) -> list[ModelInfo]:
    """Return the usable models that were trained on a data set, those of runs only if wanted."""
    models = [m for m in studio.models("generate") if not m.problem and m.data == data]
    return [m for m in models if with_runs or not m.from_run]


def row_title(info: ModelInfo) -> str:
    """Return the method of a model and, of a run's, when that began."""
    method = METHODS[info.method].title
    if not info.from_run:
        return method
    stamp = info.name.removeprefix(RUN_PREFIX)[9:15]
    time = f"{stamp[:2]}:{stamp[2:4]}:{stamp[4:]}" if stamp.isdigit() else stamp
    return f"★ {method} {time}"


def fit_classes(studio: Studio, data: str | None) -> Updates:
    """Offer the classes of a data set."""
    models = models_of(studio, data, with_runs=True)
    return {"label": gr.Dropdown(class_choices("all_classes", *models), value=ALL)}


def layout_compare(usable: list[ModelInfo], offers: Offers) -> CompareControls:
    """Add the controls, the sheet and the table; the data with most models come first."""
    families: dict[str, list[ModelInfo]] = {}
    for info in usable:
        families.setdefault(info.data, []).append(info)
    first, *_ = names = sorted(families, key=lambda name: -len(families[name])) or [None]
    gr.Markdown(T("compare_intro"))
    with gr.Row():
        data = gr.Dropdown(
            [(families[name][0].card["data_title"], name) for name in names if name],
            value=first,
            **labelled("compare_data", "data"),
        )
        label = gr.Dropdown(
            class_choices("all_classes", *families.get(first, [])),
            value=ALL,
            **labelled("compare_label", "class"),
        )
        columns = gr.Slider(2, 12, 8, step=1, **labelled("compare_columns", "columns"))
    with_runs = gr.Checkbox(False, **labelled("compare_with_runs"))
    go = button("compare_go", variant="primary")
    made = sheet("compare_sheet")
    offers.add(made)
    table = gr.Dataframe(
        headers=["model", "ms a picture", "MB", "pictures seen in all", "FID"],
        interactive=False,
        **labelled("compare_table", "details"),
    )
    return CompareControls(data, with_runs, label, columns, go, made, table)


def wire_compare(studio: Studio, controls: CompareControls, seed: gr.Number) -> None:
    """Connect the controls; `seed` is that of the tab."""
    data, label = controls.of("data"), controls.of("label")
    connect(controls.data.change, fit_classes, studio, data, label, **QUIET)
    inputs = controls.of("data", "with_runs", "label", "columns") | {"seed": seed}
    outputs = controls.of("sheet", "table")
    connect(controls.go.click, compare, studio, inputs, outputs, gpu=True, **PRIVATE, **DEVICE)
