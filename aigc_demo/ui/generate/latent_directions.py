"""Latent directions below the Generate tab: sliders that move one picture."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import gradio as gr

from aigc_demo.errors import BadValue
from aigc_demo.imaging import labelled_grid
from aigc_demo.requests import MAX_DIRECTIONS, DirectionRequest, Whole
from aigc_demo.studio import Studio
from aigc_demo.ui.components.controls import Controls, button, labelled
from aigc_demo.ui.components.events import DEVICE, PRIVATE, QUIET
from aigc_demo.ui.components.pictures import picture, sheet
from aigc_demo.ui.components.send_to import Offers
from aigc_demo.ui.generate.forms import ALL, SamplingForm
from aigc_demo.ui.generate.samples import enlarged, is_pixel_art
from aigc_demo.ui.generate.settings import SettingsControls
from aigc_demo.ui.i18n import T
from aigc_demo.ui.server.handlers import Updates, connect

NUMBERS = range(1, MAX_DIRECTIONS + 1)


class DirectionsForm(SamplingForm):
    """The offsets are in standard deviations."""

    direction_1: float = 0
    direction_2: float = 0
    direction_3: float = 0
    direction_4: float = 0
    direction_5: float = 0
    direction_6: float = 0
    component: Whole = 1  # the direction of the strip

    def direction_request(self, studio: Studio, component: int | None = None) -> DirectionRequest:
        """Return the checked request for one picture, or for a strip along a direction."""
        shared = {"model", "label", "seed", "truncation", "temperature"}
        fields = self.request(studio).model_dump(include=shared)
        offsets = tuple(getattr(self, f"direction_{i}") for i in NUMBERS)
        return DirectionRequest(**fields, offsets=offsets, component=component)


@dataclass(frozen=True)
class DirectionsControls(Controls):
    """The components of the directions."""

    none: gr.Markdown  # instead of the column, where a model has no directions
    column: gr.Column
    sliders: dict[str, gr.Slider]
    reset: gr.Button
    picture: gr.Image
    component: gr.Radio
    go: gr.Button
    strip: gr.Image


def move(studio: Studio, form: DirectionsForm) -> Updates:
    """Show the picture of the tab's settings, moved along the directions."""
    (image,) = studio.traverse(form.direction_request(studio)).images
    return {"picture": enlarged(image, form.info(studio))}


def fit(studio: Studio, form: DirectionsForm) -> Updates:
    """Show the picture of the tab's settings, or that the model has no directions."""
    has = form.model is not None and studio.info(form.model).has_latent_directions
    shown = {"none": gr.Markdown(visible=not has), "column": gr.Column(visible=has)}
    if not has:
        return shown | {"picture": None}
    if form.label not in studio.info(form.model).labels:  # that of the model before
        form = form.model_copy(update={"label": ALL})
    with contextlib.suppress(BadValue):  # a seed that is being typed; Generate tells
        return shown | move(studio, form)
    return shown | {"picture": None}


def strip(studio: Studio, form: DirectionsForm) -> Updates:
    """Show pictures in a row on which one direction goes from -3 to 3, with captions."""
    made = studio.traverse(form.direction_request(studio, form.component)).images
    columns = [f"{-3 + 6 * i / (len(made) - 1):.3g}" for i in range(len(made))]
    cells = {(i, 0): image for i, image in enumerate(made)}
    crisp = is_pixel_art(form.info(studio))
    return {"strip": labelled_grid.draw(columns, [str(form.component)], cells, crisp=crisp)}


def layout(offers: Offers) -> DirectionsControls:
    """Add the sliders and results."""
    none = gr.Markdown(T("no_directions"), elem_id="no_directions", visible=False)
    with gr.Column() as column:
        gr.Markdown(T("directions_intro"))
        with gr.Row():
            with gr.Column(scale=2, min_width=280):
                names = [f"direction_{i}" for i in NUMBERS]
                sliders = {n: gr.Slider(-3, 3, 0, step=0.1, label=T(n), elem_id=n) for n in names}
                reset = button("directions_reset", size="sm")
            with gr.Column(scale=2, min_width=280):
                moved = picture("steered")
                offers.add(moved)
        with gr.Row():
            component = gr.Radio(list(NUMBERS), value=1, **labelled("strip_component"))
            go = button("strip_go", variant="primary")
        row = sheet("direction_strip")
    return DirectionsControls(none, column, sliders, reset, moved, component, go, row)


def wire(
    studio: Studio, controls: DirectionsControls, tab: gr.Tab, settings: SettingsControls
) -> None:
    """Connect the controls; `tab` is theirs, `settings` are those of the Generate tab."""
    # While somebody drags, only the last place of a slider is worth a picture.
    live = {"gpu": True, "trigger_mode": "always_last", **QUIET, **DEVICE}
    inputs = settings.sampling() | controls.sliders
    fitted, moved = controls.of("none", "column", "picture"), controls.of("picture")
    changes = [settings.model.change, settings.label.change, settings.seed.change]
    for event in (tab.select, *changes):
        connect(event, fit, studio, inputs, fitted, **live)
    for slider in controls.sliders.values():
        connect(slider.input, move, studio, inputs, moved, **live)
    sliders = list(controls.sliders.values())
    event = controls.reset.click(lambda: [0] * len(sliders), None, sliders, **QUIET)
    connect(event.then, move, studio, inputs, moved, **live)
    inputs, outputs = inputs | controls.of("component"), controls.of("strip")
    connect(controls.go.click, strip, studio, inputs, outputs, gpu=True, **PRIVATE, **DEVICE)
