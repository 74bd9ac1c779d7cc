"""The Translate tab: layout and wiring. What a click does is in `translating`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from aigc_demo.errors import BadValue
from aigc_demo.imaging import facade_labels, images
from aigc_demo.studio import Studio
from aigc_demo.ui.components import example_images, send_to
from aigc_demo.ui.components.editor import placed
from aigc_demo.ui.components.events import DEVICE, PRIVATE, QUIET
from aigc_demo.ui.components.workspace import Trained, Workspace
from aigc_demo.ui.i18n import T
from aigc_demo.ui.server.handlers import bind, downloadable
from aigc_demo.ui.translate import callbacks as translating, label_map_editor
from aigc_demo.ui.translate.callbacks import Form
from aigc_demo.ui.translate.controls import controls

# The browser draws the emoji, in whatever style the person's own system has.
DRAW_EMOJI_JS = """(text) => {
  const canvas = document.createElement('canvas'); canvas.width = canvas.height = 288;
  const pen = canvas.getContext('2d');
  pen.fillStyle = '#ffffff'; pen.fillRect(0, 0, 288, 288);
  const [first] = new Intl.Segmenter().segment(text || '🐬');
  pen.fillStyle = '#000000'; pen.textAlign = 'center'; pen.textBaseline = 'middle';
  pen.font = '220px sans-serif'; pen.fillText(first.segment, 144, 158);
  return canvas.toDataURL('image/png');
}"""


def build(
    studio: Studio,
    tab: gr.Tab,
    tabs: gr.Tabs,
    offers: send_to.Offers,
    trained: Trained | None = None,
) -> None:
    """Add the tab's contents; connect the buttons that send pictures and models here."""
    gr.Markdown(T("translate_intro"), elem_id="translate_intro")
    with gr.Row():
        with gr.Column(scale=1, min_width=300):
            inputs, chosen = controls(studio)
            with gr.Row():
                go = gr.Button(T("translate_go"), variant="primary", elem_id="translate_go")
                styles = gr.Button(
                    T("all_styles"), elem_id="all_styles", visible=chosen["labels"], min_width=120
                )
        with gr.Column(scale=1, min_width=300):
            pair = gr.ImageSlider(
                label=T("translate_pair"), type="filepath", format="png", interactive=False,
                elem_id="translate_pair", max_height=560, buttons=["fullscreen"],
            )  # fmt: skip
            details = gr.Textbox(
                label=T("details"), interactive=False, elem_id="translate_details", max_lines=3
            )
            gallery = gr.Gallery(
                label=T("side_by_side"), format="png", columns=2, height="auto",
                object_fit="contain", elem_id="cycle", buttons=["download", "fullscreen"],
                interactive=False,
            )  # fmt: skip
            offers.add(gallery, to=("restore",))
            file = gr.DownloadButton(
                T("result_file"), elem_id="translate_file", size="sm", interactive=False
            )
            to_board = gr.Button(
                T("plan_to_board"), elem_id="plan_to_board", size="sm", visible=False
            )
    with gr.Accordion(T("batch_more"), open=False, elem_id="batch_more"):
        files = gr.File(
            label=T("batch_files"), file_count="multiple", file_types=["image"],
            type="filepath", elem_id="batch_files", height=160,
        )  # fmt: skip
        batch_go = gr.Button(T("batch_go"), elem_id="batch_go")
        batch_zip = gr.DownloadButton(T("batch_zip"), elem_id="batch_zip", visible=False)
        batch_told = gr.Markdown(elem_id="batch_told", elem_classes="quiet")
    with gr.Accordion(T("how"), open=False, elem_id="how_translate"):
        gr.Markdown(T("how_translate"))

    # Translate.
    told = [pair, gallery, file, details]
    run = {"fn": bind(_translate, studio, gpu=True), "inputs": inputs.all(), "outputs": told}
    go.click(**run, **PRIVATE, **DEVICE)
    # A building follows each stroke; a result follows the slider.
    inputs.board.input(**run, trigger_mode="always_last", **QUIET, **DEVICE)
    for slider in (inputs.strength, inputs.field):
        slider.release(
            bind(_again, studio, gpu=True), [inputs.editor, *inputs.all()], told, **QUIET, **DEVICE
        )
    styles.click(
        bind(_all_styles, studio, gpu=True), inputs.all(), [gallery, details], **PRIVATE, **DEVICE
    )
    batch_go.click(
        bind(_batch, studio, gpu=True), [*inputs.all(), files], [batch_zip, batch_told],
        **PRIVATE, **DEVICE,
    )  # fmt: skip

    # Show what belongs to the model.
    fitted = [
        inputs.way, inputs.editor, inputs.board, inputs.strength, inputs.cycle,
        chosen["plans"], chosen["photos"], chosen["emoji"], styles, inputs.field, to_board,
    ]  # fmt: skip
    fitted += told  # results of another pair or picture go
    inputs.model.input(bind(_fit_model, studio), inputs.model, fitted, **QUIET)
    inputs.way.input(bind(_fit_way, studio), [inputs.model, inputs.way], fitted[1:], **QUIET)
    # A plan that was made of a photograph is edited, and built from.
    placed = to_board.click(bind(_to_board, studio), pair, [inputs.model, *fitted], **QUIET)
    placed.success(**run, **QUIET, **DEVICE)
    tab.select(bind(_models, studio), inputs.model, inputs.model, **QUIET)

    # Pictures that come.
    for name, button in chosen["examples"].items():
        button.click(bind(_example(name), studio), None, [inputs.editor, *told], **QUIET)
    chosen["landscape"].click(
        bind(_landscape, studio, gpu=True), None, [inputs.editor, *told], **PRIVATE, **DEVICE
    )
    for name in ("example", "blank"):
        shown = chosen[name].click(bind(_plan(name), studio), None, inputs.board, **QUIET)
        shown.success(**run, **QUIET, **DEVICE)
    read = chosen["plan_file"].upload(
        bind(_plan_file, studio), chosen["plan_file"], inputs.board, **QUIET
    )
    read.success(**run, **QUIET, **DEVICE)
    chosen["emoji_go"].click(
        None, chosen["emoji_text"], chosen["drawn"], js=DRAW_EMOJI_JS, **PRIVATE
    ).then(bind(_emoji, studio), chosen["drawn"], [inputs.editor, *told], **QUIET)
    for offer in offers.to("translate"):
        offer.button.click(
            bind(_receive, studio), [offer.source, offer.chosen, inputs.model],
            [tabs, inputs.model, *fitted, inputs.editor], **QUIET,
        )  # fmt: skip
    if trained is not None:
        trained.button.click(
            bind(_open(studio), trained.workspace), trained.picker, [tabs, inputs.model, *fitted],
            **QUIET,
        )  # fmt: skip
    _add_api(studio)


def _translate(
    studio: Studio,
    *values: Any,
    progress: gr.Progress = gr.Progress(),  # noqa: B008
) -> Iterator[list[Any]]:
    for step in translating.translate(studio, Form(*values)):
        if isinstance(step, float):
            progress(min(1.0, step))
        else:
            pair, gallery, after, details = step
            yield [pair, gallery, gr.DownloadButton(value=after, interactive=True), details]


def _again(studio: Studio, editor: Any, *values: Any) -> Iterator[list[Any]]:
    """Translate anew where there is a picture."""
    if (editor or {}).get("composite") or (editor or {}).get("background"):
        yield from _translate(studio, *values, progress=_silent)
    else:
        yield _nothing()


def _silent(share: float) -> None:
    """Show no progress."""


def _nothing() -> list[Any]:
    """Return empty results: before and after, side by side, file, details."""
    return [None, [], gr.DownloadButton(value=None, interactive=False), ""]


def _all_styles(studio: Studio, *values: Any) -> tuple[list[tuple[str, str]], str]:
    return translating.all_styles(studio, Form(*values))


def _batch(
    studio: Studio,
    *values: Any,
    progress: gr.Progress = gr.Progress(),  # noqa: B008
) -> Iterator[list[Any]]:
    for step in translating.translate_all(studio, Form(*values[:-1]), values[-1]):
        if isinstance(step, float):
            progress(min(1.0, step))
        else:
            yield [gr.DownloadButton(value=step[0], visible=True), step[1]]


def _models(studio: Studio, model: str | None) -> gr.Dropdown:
    """List the models anew; those of runs come and go."""
    there = translating.choices(studio)
    names = [name for _, name in there]
    return gr.Dropdown(there, value=model if model in names else (names or [None])[0])


def _fit_model(studio: Studio, model: str) -> list[Any]:
    """Show the model's directions and what belongs to them."""
    info = studio.info(model)
    way = translating.first_way(info)
    return [gr.Radio(translating.ways(info), value=way), *_fit_way(studio, model, way)]


def _fit_way(studio: Studio, model: str, way: str) -> list[Any]:
    """Show what the direction of the model needs: the board, the editor, emoji."""
    info = studio.info(model)
    plans, emoji = translating.takes_plan(info, way), info.data in translating.EMOJI
    return [
        gr.ImageEditor(visible=not plans),
        gr.HTML(visible=plans),
        gr.Slider(visible=not plans),
        gr.Checkbox(visible=not info.labels and len(info.directions) == 2),
        gr.Row(visible=plans),
        gr.Row(visible=not plans and not emoji),
        gr.Row(visible=emoji),
        gr.Button(visible=bool(info.labels)),
        gr.Slider(visible=translating.draws_plan(info)),
        gr.Button(visible=translating.draws_plan(info)),
        *_nothing(),
    ]


def _example(name: str) -> Any:
    def show(studio: Studio) -> list[Any]:
        """Put an example into the editor."""
        return [placed(example_images.example(name)), *_nothing()]

    return show


def _landscape(studio: Studio) -> list[Any]:
    image = translating.landscape(studio)
    return [placed(downloadable(images.encode_png(image), "landscape.png")), *_nothing()]


def _plan(name: str) -> Any:
    def show(studio: Studio) -> str:
        """Put a plan onto the board."""
        return label_map_editor.as_value(getattr(facade_labels, name)())

    return show


def _plan_file(studio: Studio, path: str) -> str:
    return label_map_editor.as_value(label_map_editor.fitted(images.open_image(path)))


def _to_board(studio: Studio, pair: Any) -> list[Any]:
    """Choose the model that builds from plans, and put the plan of a result onto the board."""
    if not pair or not pair[1]:
        raise BadValue("plan: there is none yet; translate a photograph first.")
    info = translating.builder(studio)
    found = label_map_editor.as_value(label_map_editor.fitted(images.open_image(Path(pair[1]))))
    way, editor, _, *rest = _fit_model(studio, info.name)
    return [info.name, way, editor, gr.HTML(found, visible=True), *rest]


def _emoji(studio: Studio, drawn: str) -> list[Any]:
    image = label_map_editor.plan_of(drawn)
    return [placed(downloadable(images.encode_png(image), "emoji.png")), *_nothing()]


def _receive(studio: Studio, source: Any, number: int, model: str | None) -> list[Any]:
    """Take a picture from another tab; a plan is drawn, so a model of pictures takes its place."""
    file = send_to.file_of(source, number)
    there = [m.name for m in translating.usable(studio)]
    if not there:
        raise BadValue("model: there is none that translates; train one with train.py.")
    model = model if model in there else there[0]
    info = studio.info(model)
    if translating.takes_plan(info, translating.first_way(info)):
        model = there[0]
    return [
        gr.Tabs(selected="translate"), model, *_fit_model(studio, model), placed(file)
    ]  # fmt: skip


def _open(studio: Studio) -> Any:
    def handler(workspace: Workspace, run: str | None) -> list[Any]:
        """Open the tab with the model of a run."""
        model = workspace.model(run)
        there = gr.Dropdown(translating.choices(studio), value=model)
        return [gr.Tabs(selected="translate"), there, *_fit_model(studio, model)]

    return handler


def _add_api(studio: Studio) -> None:
    """Let programs translate files: the bytes that they send are the picture, not a copy."""
    asked = [
        gr.File(label="image", visible=False),
        gr.Textbox(translating.FIRST[0], label="model", visible=False),
        gr.Textbox("AtoB", label="direction", visible=False),
        gr.Textbox(None, label="style", visible=False),
        gr.Number(1.0, label="strength", visible=False),
        gr.Number(1.0, label="field", visible=False),
    ]
    answer = [gr.File(label="result", visible=False), gr.JSON(label="details", visible=False)]
    gr.Button(visible=False).click(
        bind(translating.translate_file, studio, gpu=True), asked, answer,
        api_name="translate", **DEVICE,
    )  # fmt: skip
