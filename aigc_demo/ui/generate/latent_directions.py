"""Directions of latents below the Generate tab: sliders that change one picture."""

from __future__ import annotations

import contextlib
from typing import Any

import gradio as gr
from PIL import Image

from aigc_demo.errors import BadValue
from aigc_demo.imaging import images, labelled_grid
from aigc_demo.requests import MAX_DIRECTIONS, DirectionRequest
from aigc_demo.studio import Studio
from aigc_demo.ui.components.send_to import Offers
from aigc_demo.ui.generate.callbacks import ALL, PIXEL_ART, SHOWN_SIDE, request_of
from aigc_demo.ui.i18n import T
from aigc_demo.ui.server.handlers import bind

NUMBERS = list(range(1, MAX_DIRECTIONS + 1))


def steer(studio: Studio, settings: tuple[Any, ...], offsets: tuple[float, ...]) -> Image.Image:
    """Return the picture of the tab's `settings` (model, class, seed, options), moved."""
    request = _asked(studio, settings, offsets)
    (image,) = studio.traverse(request).images
    crisp = studio.info(request.model).data in PIXEL_ART
    return images.enlarge(image, SHOWN_SIDE, crisp=crisp)


def strip(
    studio: Studio, settings: tuple[Any, ...], component: int, offsets: tuple[float, ...]
) -> Image.Image:
    """Return pictures in a row on which one direction goes from -3 to 3, with captions."""
    request = _asked(studio, settings, offsets, component=component)
    made = studio.traverse(request).images
    columns = [f"{-3 + 6 * i / (len(made) - 1):.3g}" for i in range(len(made))]
    crisp = studio.info(request.model).data in PIXEL_ART
    cells = {(i, 0): image for i, image in enumerate(made)}
    return labelled_grid.draw(columns, [str(component)], cells, crisp=crisp)


def settled(studio: Studio, settings: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the tab's settings with any class, where theirs is that of the model before."""
    model, label, *rest = settings
    return (model, label if label in studio.info(model).labels else ALL, *rest)


def _asked(
    studio: Studio, settings: tuple[Any, ...], offsets: tuple[float, ...], **more: Any
) -> DirectionRequest:
    model, label, seed, *options = settings
    for number, offset in enumerate(offsets, 1):
        if type(offset) not in (int, float):
            raise BadValue(f"direction {number}: {str(offset)[:40]!r} is no number; give one.")
    plain = request_of(studio, model, label, 1, seed, False, *options)
    fields = plain.model_dump(include={"model", "label", "seed", "truncation", "temperature"})
    return DirectionRequest(**fields, offsets=tuple(map(float, offsets)), **more)


# --- Layout --------------------------------------------------------------------------------------


def build(
    studio: Studio,
    tab: gr.Tab,
    chosen: list[gr.Component],
    private: dict[str, Any],
    offers: Offers,
) -> None:
    """Add the sliders to `tab`; `chosen` are the controls of the page: model, class, seed and the
    options.
    """
    none = gr.Markdown(T("no_directions"), elem_id="no_directions", visible=False)
    with gr.Column() as room:
        gr.Markdown(T("directions_intro"))
        with gr.Row():
            with gr.Column(scale=2, min_width=280):
                sliders = [
                    gr.Slider(
                        -3, 3, 0, step=0.1, label=T(f"direction_{i}"), elem_id=f"direction_{i}"
                    )
                    for i in NUMBERS
                ]
                reset = gr.Button(T("directions_reset"), elem_id="directions_reset", size="sm")
            with gr.Column(scale=2, min_width=280):
                picture = gr.Image(
                    label=T("steered"), format="png", interactive=False, elem_id="steered",
                    buttons=["download", "fullscreen"],
                )  # fmt: skip
                offers.add(picture)
        with gr.Row():
            component = gr.Radio(
                NUMBERS, value=1, label=T("strip_component"), elem_id="strip_component"
            )
            go = gr.Button(T("strip_go"), variant="primary", elem_id="strip_go")
        row = gr.Image(
            label=T("direction_strip"), show_label=False, format="png", interactive=False,
            buttons=["download", "fullscreen"], elem_id="direction_strip",
        )  # fmt: skip
    n = len(chosen)

    def fit(studio: Studio, *values: Any) -> list[Any]:
        """Show the picture of the controls, or that the model has no directions."""
        has = isinstance(values[0], str) and studio.info(values[0]).has_latent_directions
        made = None
        if has:
            with contextlib.suppress(BadValue):  # a seed that is being typed; Generate tells
                made = steer(studio, settled(studio, values[:n]), values[n:])
        return [gr.Markdown(visible=not has), gr.Column(visible=has), made]

    def move(studio: Studio, *values: Any) -> Any:
        return steer(studio, values[:n], values[n:])

    def show(studio: Studio, number: int, *values: Any) -> Image.Image:
        return strip(studio, values[:n], number, values[n:])

    # While somebody drags, only the last place of a slider is worth a picture.
    live = {**private, "show_progress": "hidden", "trigger_mode": "always_last"}
    asked = [*chosen, *sliders]
    for changed in (tab.select, *(control.change for control in chosen[:3])):
        changed(bind(fit, studio, gpu=True), asked, [none, room, picture], **live)
    for slider in sliders:
        slider.input(bind(move, studio, gpu=True), asked, picture, **live)
    reset.click(
        lambda: [0] * len(NUMBERS), None, sliders, api_visibility="private", show_progress="hidden"
    ).then(bind(move, studio, gpu=True), asked, picture, **live)
    go.click(bind(show, studio, gpu=True), [component, *asked], row, **private)
