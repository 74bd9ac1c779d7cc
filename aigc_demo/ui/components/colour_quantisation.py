"""Few flat colours by a CRF, below the Generate tab: form, handlers, layout and wiring."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components.plot import PlotData
from PIL import Image

from aigc_demo.errors import BadValue
from aigc_demo.imaging import images
from aigc_demo.requests import CrfRequest, Request, Whole
from aigc_demo.studio import CrfResult, Studio
from aigc_demo.ui.components import vega_lite
from aigc_demo.ui.components.controls import Controls, button, download_button, labelled
from aigc_demo.ui.components.editor import (
    EditorValue,
    is_empty,
    layers_of,
    picture_editor,
    picture_of,
    placed,
)
from aigc_demo.ui.components.endpoints import endpoint
from aigc_demo.ui.components.events import DEVICE, PRIVATE, QUIET, selection
from aigc_demo.ui.components.pictures import before_after, details_box, png_file
from aigc_demo.ui.components.send_to import file_of
from aigc_demo.ui.i18n import T
from aigc_demo.ui.server.handlers import Updates, connect

MAX_PALETTE_TEXT = 400  # characters
BRUSHES = ["#e11d48", "#f59e0b", "#16a34a", "#2563eb", "#111827", "#ffffff"]
SLIDERS = {  # least, most, at first, step
    "tolerance": (1, 40, 10, 0.5),
    "smooth": (0, 20, 2, 0.5),
    "smooth_radius": (0.5, 10, 1.5, 0.5),
    "appearance": (0, 30, 5, 0.5),
    "radius": (2, 120, 30, 1),
    "likeness": (2, 80, 15, 1),
    "iterations": (1, 30, 8, 1),
}


class CrfForm(Request):
    """The controls; their limits are those of `CrfRequest`."""

    editor: EditorValue | None = None
    colours: Whole = 8
    palette: str | None = ""
    tolerance: float = 10.0
    smooth: float = 2.0
    smooth_radius: float = 1.5
    appearance: float = 5.0
    radius: float = 30.0
    likeness: float = 15.0
    iterations: Whole = 8

    def request(self) -> CrfRequest:
        """Return the checked request; scribbles on the picture are its hints."""
        image = picture_of(self.editor)
        hints = scribbles(layers_of(self.editor, image.size))
        fields = self.model_dump(exclude={"editor", "palette"})
        return CrfRequest(image=image, palette=palette_of(self.palette), hints=hints, **fields)


@dataclass(frozen=True)
class CrfControls(Controls):
    """The components of the accordion."""

    editor: gr.ImageEditor
    take: gr.Button
    colours: gr.Slider
    palette: gr.Textbox
    sliders: dict[str, gr.Slider]
    go: gr.Button
    pair: gr.ImageSlider
    chips: gr.HTML
    details: gr.Textbox
    file: gr.DownloadButton
    energies: gr.Plot


# --- Handlers ------------------------------------------------------------------------------------


def quantise(studio: Studio, form: CrfForm) -> Updates:
    """Show the pictures before and after, the palette, a line of details, and the energies."""
    request = form.request()
    result = studio.quantise_colours(request)
    before = png_file(images.flatten(images.upright(request.image), "RGB", 255), "before.png")
    after = png_file(result.image, "flat.png")
    return {
        "pair": (before, after),
        "file": gr.DownloadButton(value=after, interactive=True),
        "chips": swatches(result.palette),
        "details": details(result),
        "energies": energies(result.energies),
    }


def requantise(studio: Studio, form: CrfForm) -> Updates:
    """Let a result follow the sliders, where there is a picture."""
    return {} if is_empty(form.editor) else quantise(studio, form)


def take_picture(studio: Studio, pictures: Any, index: int) -> Updates:
    """Put a picture of the gallery into the editor."""
    return {"editor": placed(file_of(pictures, index))}


def palette_of(text: str | None) -> tuple[str, ...] | None:
    """Return the colours that a text names, None where it names none."""
    if text and len(text) > MAX_PALETTE_TEXT:
        raise BadValue("palette: write 2 to 16 colours such as #112233, #ffffff.")
    return tuple((text or "").replace(",", " ").replace(";", " ").split()) or None


def scribbles(layers: list[Image.Image]) -> Image.Image | None:
    """Return the layers (RGBA) as one, or None where nothing was painted."""
    together = None
    for layer in layers:
        together = layer if together is None else Image.alpha_composite(together, layer)
    return together if together is not None and together.getextrema()[3][1] else None


def swatches(palette: tuple[str, ...]) -> str:
    """Return a palette as HTML."""
    chips = "".join(f'<i style="background:{c}" title="{c}"></i>' for c in palette)
    return f'<div class="swatches">{chips}</div>'


def details(result: CrfResult) -> str:
    """Return a line: size, colours, time, energy."""
    first, last = result.energies[0], result.energies[-1]
    return (
        f"{result.image.width}×{result.image.height} px · {len(result.palette)} colours · "
        f"{result.seconds:.2f} s · energy {first:.2f} → {last:.2f} · {', '.join(result.palette)}"
    )


def energies(values: tuple[float, ...]) -> PlotData | None:
    """Draw the free energy per pixel after each update of the mean field."""
    curve = vega_lite.Curve("", vega_lite.BLUE, list(enumerate(values)))
    return vega_lite.lines([curve], x="update", y="free energy")


def quantise_file(
    studio: Studio,
    image: str,
    colours: float = 8,
    palette: str = "",
    hints: str | None = None,
    smooth: float = 2.0,
    appearance: float = 5.0,
) -> tuple[str, dict[str, Any]]:
    """Turn a picture file into few flat colours and return a PNG file and its details: palette,
    free energy a pixel after each update, seconds.

    `palette` names colours (#rrggbb, …) in place of a number of them; `hints` is a picture of the
    same size whose opaque pixels have the colour that they are to get.
    """
    if not image:
        raise BadValue("image: no file has arrived; send a picture.")
    request = CrfRequest(
        image=images.open_image(Path(image)),
        colours=colours,
        palette=palette_of(palette),
        hints=images.open_image(Path(hints)) if hints else None,
        smooth=smooth,
        appearance=appearance,
    )
    result = studio.quantise_colours(request)
    found = {
        "palette": list(result.palette),
        "energies": [round(e, 4) for e in result.energies],
        "seconds": round(result.seconds, 3),
    }
    return png_file(result.image, "flat.png"), found


# --- Layout and wiring ---------------------------------------------------------------------------


def layout() -> CrfControls:
    """Add the accordion."""
    with gr.Accordion(T("field_more"), open=False, elem_id="field_more"):
        gr.Markdown(T("field_intro"))
        with gr.Row():
            with gr.Column(scale=1, min_width=300):
                inputs = _layout_inputs()
            with gr.Column(scale=1, min_width=300):
                pair = before_after("field_pair", height=420)
                chips = gr.HTML(elem_id="field_chips")
                line = details_box("field_details")
                file = download_button("field_file", "result_file", interactive=False)
                gr.Markdown(T("field_energy"), elem_classes="quiet")
                chart = vega_lite.chart("field_energies")
        gr.Markdown(T("how_field"), elem_classes="quiet")
    return CrfControls(**inputs, pair=pair, chips=chips, details=line, file=file, energies=chart)


def _layout_inputs() -> dict[str, Any]:
    take = button("field_take", size="sm")
    editor = picture_editor(
        "field_picture",
        height=380,
        colours=BRUSHES,
        choose_colour=True,
        sources=["upload", "clipboard"],
    )
    colours = gr.Slider(2, 16, 8, step=1, **labelled("field_colours"))
    palette = gr.Textbox(
        "", max_lines=1, max_length=MAX_PALETTE_TEXT, **labelled("field_palette", info=True)
    )
    with gr.Accordion(T("field_weights"), open=False, elem_id="field_weights"):
        sliders = {
            name: gr.Slider(low, high, value, step=step, **labelled(f"field_{name}"))
            for name, (low, high, value, step) in SLIDERS.items()
        }
    go = button("field_go", variant="primary")
    return {
        "take": take,
        "editor": editor,
        "colours": colours,
        "palette": palette,
        "sliders": sliders,
        "go": go,
    }


def wire(studio: Studio, controls: CrfControls, gallery: gr.Gallery) -> None:
    """Connect the controls; a picture may be taken from `gallery`."""
    source = {"pictures": gallery, "index": selection(gallery)}
    connect(controls.take.click, take_picture, studio, source, controls.of("editor"), **QUIET)
    inputs = controls.of("editor", "colours", "palette") | controls.sliders
    outputs = controls.of("pair", "file", "chips", "details", "energies")
    device = {"gpu": True, **DEVICE}
    connect(controls.go.click, quantise, studio, inputs, outputs, **PRIVATE, **device)
    for slider in controls.sliders.values():
        connect(slider.release, requantise, studio, inputs, outputs, **QUIET, **device)
    answer = [gr.File(label="result", visible=False), gr.JSON(label="details", visible=False)]
    files = ("image", "hints")
    endpoint(quantise_file, studio, "clean_up", files=files, outputs=answer, gpu=True)
