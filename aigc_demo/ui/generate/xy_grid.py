"""The X/Y grid below the Generate tab: any two settings against each other."""

from __future__ import annotations

import re
import time
import typing
from collections.abc import Iterator
from typing import Any, NamedTuple

import gradio as gr
from PIL import Image

from aigc_demo.errors import BadValue
from aigc_demo.imaging import images, labelled_grid
from aigc_demo.pipelines.xy_grid import GridResult
from aigc_demo.requests import MAX_SEED, Axis, GridRequest
from aigc_demo.studio import ModelInfo, Studio
from aigc_demo.ui.components.events import QUIET
from aigc_demo.ui.components.send_to import Offers
from aigc_demo.ui.generate.callbacks import PIXEL_ART, request_of
from aigc_demo.ui.i18n import T, language_of, say
from aigc_demo.ui.server.handlers import bind, downloadable

MANY = 8  # values along an axis
EVERY = 0.7  # seconds between two looks at a grid that fills
NUMBERS = {"seed": int, "evaluations": int}
SPOKEN = ("label", "prompt", "model")
NAMES = {"label": "class", "model": "checkpoint"}  # of texts that are called otherwise


class Made(NamedTuple):
    """A grid as it is now: a line of progress, the picture, the files."""

    progress: str
    picture: Image.Image
    png: str
    csv: str


def axes_of(studio: Studio, name: str) -> list[str]:
    """Return the fields that can be an axis for the model called `name`."""
    info = studio.info(name)
    found = ["seed", *["label"] * bool(info.labels), *["prompt"] * (info.condition == "text")]
    found += [option.name for option in info.options]
    return [*found, *["model"] * (len(_family(studio, info)) > 1)]


def suggest(studio: Studio, model: str, axis: str, seed: int, prompt: str | None = None) -> str:
    """Return values for an axis that suit the model, one a line."""
    info = studio.info(model)
    options = {option.name: option for option in info.options}
    if axis == "seed":
        start = seed if type(seed) is int and 0 <= seed <= MAX_SEED else 0
        values = [str((start + i) % (MAX_SEED + 1)) for i in range(5)]
    elif axis == "label":
        values = list(info.labels[:MANY])
    elif axis == "prompt":
        values = list(dict.fromkeys([*[prompt] * bool(prompt), *info.examples]))[:5]
    elif axis == "model":
        values = _family(studio, info)[:MANY]
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
    """Return the models that take the same requests: of the same size and classes, or words."""
    same = (info.size, info.condition, info.labels)
    found = [m for m in studio.models("generate") if not m.problem]
    return [m.name for m in found if (m.size, m.condition, m.labels) == same]


def values_of(place: str, axis: str, text: str | None) -> tuple[str | int | float, ...]:
    """Read the values of an axis; raises BadValue, which names the place."""
    lines = (text if isinstance(text, str) else "").splitlines()
    if axis in SPOKEN:
        return tuple(line.strip() for line in lines if line.strip())
    found: list[int | float] = []
    for word in re.split(r"[\s,;，；、]+", " ".join(lines).strip()):
        try:
            found += [NUMBERS.get(axis, float)(word)] if word else []
        except ValueError:
            raise BadValue(
                f"{place}: “{word[:40]}” cannot be used for {axis}; write numbers"
                f"{' without a fraction' * (axis in NUMBERS)}."
            ) from None
    return tuple(found)


def make(
    studio: Studio,
    language: str,
    x: tuple[str, str],
    y: tuple[str, str],
    settings: tuple[Any, ...],
    prompt: str | None = None,
) -> Iterator[Made]:
    """Yield the grid as it fills; `x` and `y` are an axis and its values as text, `settings` the
    model, class, seed and options of the tab.
    """
    model, label, seed, *options = settings
    fixed = request_of(studio, model, label, 1, seed, False, *options, prompt=prompt)
    fields = fixed.model_dump(exclude={"count"})
    along = {"x_values": values_of("x", *x), "y_values": values_of("y", *y)}
    info, before = studio.info(model), 0.0
    for result in studio.grid_steps(GridRequest(**fields, x=x[0], y=y[0], **along)):
        if result.share == 1 or time.monotonic() - before > EVERY:
            before = time.monotonic()
            yield _shown(result, info, language)


def _shown(result: GridResult, info: ModelInfo, language: str) -> Made:
    pictures = {(cell.column, cell.row): cell.image for cell in result.cells}
    side = max([128 if len(result.columns) < 6 else 96, *(p.width for p in pictures.values())])
    titles = tuple(say(NAMES.get(axis, axis), language) for axis in (result.x, result.y))
    picture = labelled_grid.draw(
        result.columns, result.rows, pictures, titles=titles, side=side,
        crisp=info.data in PIXEL_ART,
    )  # fmt: skip
    done, count = len(result.cells), len(result.columns) * len(result.rows)
    progress = say("grid_progress", language, done=done, all=count, seconds=result.seconds)
    name = f"{info.name}-{result.x}-{result.y}"
    png = downloadable(images.encode_png(picture), f"{name}.png")
    csv = downloadable(result.csv().encode("utf-8-sig"), f"{name}.csv")  # which Excel reads
    return Made(progress, picture, png, csv)


# --- Layout --------------------------------------------------------------------------------------


def build(
    studio: Studio,
    tab: gr.Tab,
    chosen: list[gr.Component],
    prompt: gr.Textbox,
    private: dict[str, Any],
    offers: Offers,
) -> None:
    """Add the grid to `tab`; `chosen` are the controls of the page: model, class, seed and the
    options.
    """
    model, _, seed, *_ = chosen
    every = [(T(NAMES.get(axis, axis)), axis) for axis in typing.get_args(Axis)]
    language = gr.State("en")
    gr.Markdown(T("grid_intro"))
    axes, values = [], []
    with gr.Row():
        for place in "xy":
            with gr.Column(min_width=260):
                axes.append(
                    gr.Dropdown(
                        every, value="seed", label=T(f"grid_{place}"), elem_id=f"grid_{place}",
                    )
                )  # fmt: skip
                values.append(
                    gr.Textbox(
                        label=T("grid_values"), info=T("grid_values_info"), lines=4, max_lines=8,
                        elem_id=f"grid_{place}_values",
                    )
                )  # fmt: skip
    with gr.Row():
        go = gr.Button(T("grid_go"), variant="primary", elem_id="grid_go")
        stop = gr.Button(T("grid_stop"), elem_id="grid_stop", visible=False)
    progress = gr.Textbox(label=T("details"), interactive=False, elem_id="grid_progress")
    picture = gr.Image(
        label=T("grid"), show_label=False, format="png", interactive=False, elem_id="grid",
        buttons=["fullscreen"],
    )  # fmt: skip
    with gr.Row():
        png = gr.DownloadButton(T("grid_png"), elem_id="grid_png", size="sm", interactive=False)
        csv = gr.DownloadButton(T("grid_csv"), elem_id="grid_csv", size="sm", interactive=False)
    offers.add(picture)

    def fit(
        studio: Studio, name: str, seed: int, said: str | None, request: gr.Request
    ) -> list[Any]:
        """Offer the axes that the model has, with values."""
        if not isinstance(name, str):
            return [gr.skip()] * 5
        found = axes_of(studio, name)
        x, y = found[1 if len(found) > 1 else 0], "seed"
        choices = [(T(NAMES.get(axis, axis)), axis) for axis in found]
        return [
            *(gr.Dropdown(choices, value=axis) for axis in (x, y)),
            *(suggest(studio, name, axis, seed, said) for axis in (x, y)),
            language_of(request),
        ]

    def follow(studio: Studio, seed: int, name: str, x: str, y: str) -> list[Any]:
        """Keep the seeds of an axis those that begin with the page's."""
        return [
            suggest(studio, name, axis, seed) if axis == "seed" else gr.skip() for axis in (x, y)
        ]

    def fill(
        studio: Studio, language: str, x: str, y: str, x_values: str, y_values: str, *rest: Any
    ) -> Iterator[list[Any]]:
        """Show the grid filling, with a button that stops it."""
        said, *settings = rest
        for now in make(studio, language, (x, x_values), (y, y_values), tuple(settings), said):
            files = [gr.DownloadButton(value=f, interactive=True) for f in (now.png, now.csv)]
            yield [now.progress, now.picture, *files, *_running(True)]
        yield [*[gr.skip()] * 4, *_running(False)]

    fitted = [*axes, *values, language]
    tab.select(bind(fit, studio), [model, seed, prompt], fitted, **QUIET)
    model.change(bind(fit, studio), [model, seed, prompt], fitted, **QUIET)
    seed.change(bind(follow, studio), [seed, model, *axes], values, **QUIET)
    for axis, box in zip(axes, values, strict=True):
        axis.input(bind(_suggested, studio), [model, axis, seed, prompt], box, **QUIET)
    # Not “once”: a page takes an event that was stopped to be running still, and skips a click.
    painting = go.click(
        bind(fill, studio, gpu=True), [language, *axes, *values, prompt, *chosen],
        [progress, picture, png, csv, go, stop], trigger_mode="multiple", **private,
    )  # fmt: skip
    painting.failure(lambda: _running(False), None, [go, stop], **QUIET)
    stop.click(_stopped, None, [progress, go, stop], cancels=[painting], **QUIET)


def _suggested(studio: Studio, model: str, axis: str, seed: int, said: str | None) -> str:
    return suggest(studio, model, axis, seed, said)


def _stopped(request: gr.Request) -> list[Any]:
    return [say("grid_stopped", language_of(request)), *_running(False)]


def _running(running: bool) -> list[Any]:
    """Show the button that can be of use: that which starts, or that which stops."""
    return [gr.Button(visible=not running), gr.Button(visible=running)]
