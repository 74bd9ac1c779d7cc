"""The X/Y grid below the Generate tab: any two settings against each other."""

from __future__ import annotations

import re
import time
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from aigc_demo.errors import BadValue
from aigc_demo.imaging import images, labelled_grid
from aigc_demo.pipelines.xy_grid import GridResult
from aigc_demo.requests import MAX_SEED, Axis, GridRequest, Label, Listed
from aigc_demo.studio import ModelInfo, Studio
from aigc_demo.ui.components.controls import Controls, button, download_button, labelled
from aigc_demo.ui.components.events import DEVICE, PRIVATE, QUIET
from aigc_demo.ui.components.pictures import details_box, sheet
from aigc_demo.ui.components.send_to import Offers
from aigc_demo.ui.generate.forms import SamplingForm
from aigc_demo.ui.generate.samples import is_pixel_art
from aigc_demo.ui.generate.settings import SettingsControls
from aigc_demo.ui.i18n import T, language_of, say
from aigc_demo.ui.server.handlers import Updates, connect, downloadable

MAX_SUGGESTED = 8  # values along an axis
UPDATE_SECONDS = 0.7  # between two pictures of a grid that fills
INTEGERS = ("seed", "evaluations")
TEXTS = ("label", "prompt", "model")
TITLES = {"label": "class", "model": "checkpoint"}  # keys of texts; other axes are their own


class GridForm(SamplingForm):
    """The axes, and their values as text."""

    x: Label = "seed"
    y: Label = "label"
    x_values: Listed | None = None
    y_values: Listed | None = None
    language: str = "en"


class SuggestForm(SamplingForm):
    """The axis for which values are listed."""

    axis: Label = "seed"


@dataclass(frozen=True)
class GridControls(Controls):
    """The components of the grid; the language is that of the browser."""

    x: gr.Dropdown
    y: gr.Dropdown
    x_values: gr.Textbox
    y_values: gr.Textbox
    go: gr.Button
    stop: gr.Button
    progress: gr.Textbox
    picture: gr.Image
    png: gr.DownloadButton
    csv: gr.DownloadButton
    language: gr.State


# --- Axes and their values -----------------------------------------------------------------------


def axes_of(studio: Studio, name: str) -> list[str]:
    """Return the fields that can be an axis for the model called `name`."""
    info = studio.info(name)
    found = ["seed", *["label"] * bool(info.labels), *["prompt"] * (info.condition == "text")]
    found += [option.name for option in info.options]
    return [*found, *["model"] * (len(_family(studio, info)) > 1)]


def suggest(
    studio: Studio, model: str, axis: str, seed: int | None, prompt: str | None = None
) -> str:
    """Return values for an axis that suit the model, one a line."""
    info = studio.info(model)
    options = {option.name: option for option in info.options}
    if axis == "seed":
        start = seed if seed is not None and 0 <= seed <= MAX_SEED else 0
        values = [str((start + i) % (MAX_SEED + 1)) for i in range(5)]
    elif axis == "label":
        values = list(info.labels[:MAX_SUGGESTED])
    elif axis == "prompt":
        values = list(dict.fromkeys([*[prompt] * bool(prompt), *info.examples]))[:5]
    elif axis == "model":
        values = _family(studio, info)[:MAX_SUGGESTED]
    elif axis == "guidance":
        values = ["1", "2", "3", "4"]
    elif axis == "evaluations":
        values = ["4", "8", "16", "32"]
    elif axis in options:
        low, high = options[axis].minimum, min(1.0, options[axis].maximum)
        values = [f"{low + (high - low) * i / 4:.3g}" for i in range(5)]
    else:
        raise BadValue(f"axis: {info.name} has no “{str(axis)[:40]}”; choose another.")
    return "\n".join(values)


def _family(studio: Studio, info: ModelInfo) -> list[str]:
    """Return the models that have the same size, classes and conditioning."""
    same = (info.size, info.condition, info.labels)
    found = [m for m in studio.models("generate") if not m.problem]
    return [m.name for m in found if (m.size, m.condition, m.labels) == same]


def parse(place: str, axis: str, text: str | None) -> tuple[str | int | float, ...]:
    """Return the values of an axis that a text lists; raises BadValue, which names the place."""
    lines = (text or "").splitlines()
    if axis in TEXTS:
        return tuple(line.strip() for line in lines if line.strip())
    number = int if axis in INTEGERS else float
    found: list[int | float] = []
    for word in re.split(r"[\s,;，；、]+", " ".join(lines).strip()):
        try:
            found += [number(word)] if word else []
        except ValueError:
            raise BadValue(
                f"{place}: “{word[:40]}” cannot be used for {axis}; write numbers"
                f"{' without a fraction' * (axis in INTEGERS)}."
            ) from None
    return tuple(found)


# --- What a click does ---------------------------------------------------------------------------


def fit_axes(studio: Studio, form: SamplingForm, request: gr.Request) -> Updates:
    """Offer the axes that the model has, with values."""
    if form.model is None:
        return {}
    axes = axes_of(studio, form.model)
    choices = [(_title(axis), axis) for axis in axes]
    x, y = axes[min(1, len(axes) - 1)], "seed"
    return {
        "x": gr.Dropdown(choices, value=x),
        "y": gr.Dropdown(choices, value=y),
        "x_values": suggest(studio, form.model, x, form.seed, form.prompt),
        "y_values": suggest(studio, form.model, y, form.seed, form.prompt),
        "language": language_of(request),
    }


def follow_seed(studio: Studio, form: GridForm) -> Updates:
    """Let the seeds of an axis begin with the tab's."""
    axes = {"x_values": form.x, "y_values": form.y}
    values = suggest(studio, form.info(studio).name, "seed", form.seed)
    return {place: values for place, axis in axes.items() if axis == "seed"}


def suggest_values(studio: Studio, form: SuggestForm) -> Updates:
    """List values for the axis that was chosen."""
    name = form.info(studio).name
    return {"values": suggest(studio, name, form.axis, form.seed, form.prompt)}


def fill(studio: Studio, form: GridForm) -> Iterator[Updates]:
    """Show the grid filling, with a button that stops it."""
    fields = form.request(studio).model_dump(exclude={"count"})
    request = GridRequest(
        **fields,
        x=form.x,
        y=form.y,
        x_values=parse("x", form.x, form.x_values),
        y_values=parse("y", form.y, form.y_values),
    )
    info, before = form.info(studio), 0.0
    for result in studio.grid_steps(request):
        if result.share == 1 or time.monotonic() - before > UPDATE_SECONDS:
            before = time.monotonic()
            yield _shown(result, info, form.language) | _buttons(running=True)
    yield _buttons(running=False)


def _shown(result: GridResult, info: ModelInfo, language: str) -> Updates:
    cells = {(cell.column, cell.row): cell.image for cell in result.cells}
    picture = labelled_grid.draw(
        result.columns,
        result.rows,
        cells,
        titles=tuple(say(TITLES.get(axis, axis), language) for axis in (result.x, result.y)),
        side=max([128 if len(result.columns) < 6 else 96, *(c.width for c in cells.values())]),
        crisp=is_pixel_art(info),
    )
    name = f"{info.name}-{result.x}-{result.y}"
    png = downloadable(images.encode_png(picture), f"{name}.png")
    csv = downloadable(result.csv().encode("utf-8-sig"), f"{name}.csv")  # which Excel reads
    count = len(result.columns) * len(result.rows)
    return {
        "progress": say(
            "grid_progress", language, done=len(cells), all=count, seconds=result.seconds
        ),
        "picture": picture,
        "png": gr.DownloadButton(value=png, interactive=True),
        "csv": gr.DownloadButton(value=csv, interactive=True),
    }


def tell_stopped(studio: Studio, request: gr.Request) -> Updates:
    """Say that the grid was stopped."""
    return {"progress": say("grid_stopped", language_of(request)), **_buttons(running=False)}


def offer_start(studio: Studio) -> Updates:
    """Show the button that starts, after an error."""
    return _buttons(running=False)


def _buttons(*, running: bool) -> Updates:
    """Show the button that can be of use: that which starts, or that which stops."""
    return {"go": gr.Button(visible=not running), "stop": gr.Button(visible=running)}


# --- Layout and wiring ---------------------------------------------------------------------------


def _title(axis: str) -> Any:
    return T(TITLES.get(axis, axis))


def layout(offers: Offers) -> GridControls:
    """Add the controls and results."""
    every = [(_title(axis), axis) for axis in typing.get_args(Axis)]
    gr.Markdown(T("grid_intro"))
    axes = {}
    with gr.Row():
        for place in "xy":
            with gr.Column(min_width=260):
                axes[place] = gr.Dropdown(every, value="seed", **labelled(f"grid_{place}"))
                named = labelled(f"grid_{place}_values", "grid_values", info=True)
                axes[f"{place}_values"] = gr.Textbox(lines=4, max_lines=8, **named)
    with gr.Row():
        go = button("grid_go", variant="primary")
        stop = button("grid_stop", visible=False)
    progress = details_box("grid_progress")
    picture = sheet("grid", buttons=["fullscreen"])
    with gr.Row():
        png = download_button("grid_png", interactive=False)
        csv = download_button("grid_csv", interactive=False)
    offers.add(picture)
    shown = {"progress": progress, "picture": picture, "png": png, "csv": csv}
    return GridControls(**axes, **shown, go=go, stop=stop, language=gr.State("en"))


def wire(studio: Studio, controls: GridControls, tab: gr.Tab, settings: SettingsControls) -> None:
    """Connect the controls; `tab` is theirs, `settings` are those of the Generate tab."""
    sampling = settings.sampling()
    first = {name: sampling[name] for name in ("model", "seed", "prompt")}
    axes, values = controls.of("x", "y"), controls.of("x_values", "y_values")
    fitted = axes | values | controls.of("language")
    for event in (tab.select, settings.model.change):
        connect(event, fit_axes, studio, first, fitted, **QUIET)
    inputs = {**settings.of("seed", "model"), **axes}
    connect(settings.seed.change, follow_seed, studio, inputs, values, **QUIET)
    for place in "xy":
        axis, outputs = axes[place], {"values": values[f"{place}_values"]}
        connect(axis.input, suggest_values, studio, first | {"axis": axis}, outputs, **QUIET)
    buttons = controls.of("go", "stop")
    # Not “once”: a page takes an event that was stopped to be running still, and skips a click.
    filling = connect(
        controls.go.click,
        fill,
        studio,
        sampling | fitted,
        controls.of("progress", "picture", "png", "csv") | buttons,
        gpu=True,
        trigger_mode="multiple",
        **PRIVATE,
        **DEVICE,
    )
    connect(filling.failure, offer_start, studio, {}, buttons, **QUIET)
    outputs = controls.of("progress") | buttons
    connect(controls.stop.click, tell_stopped, studio, {}, outputs, cancels=[filling], **QUIET)
