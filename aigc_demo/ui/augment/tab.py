"""The Augment tab: layout and wiring. What a click does is in `augmenting`."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import gradio as gr

from aigc_demo.studio import Studio
from aigc_demo.ui.augment import (
    ablation as experimenting,
    batch as augmenting_many,
    callbacks as augmenting,
    controls as augment_controls,
)
from aigc_demo.ui.augment.callbacks import Form
from aigc_demo.ui.components import example_images, send_to
from aigc_demo.ui.components.events import PRIVATE, QUIET, selected_index
from aigc_demo.ui.components.workspace import Trained
from aigc_demo.ui.i18n import T, language_of, say
from aigc_demo.ui.server.handlers import bind


def build(
    studio: Studio,
    demo: gr.Blocks,
    tab: gr.Tab,
    tabs: gr.Tabs,
    offers: send_to.Offers,
    trained: Trained | None = None,
) -> None:
    """Add the tab's contents; connect the buttons that send pictures here, and the one that hands
    the pipeline to the Train tab.
    """
    gr.Markdown(T("augment_intro"), elem_id="augment_intro")
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            inputs, editor, shown_examples, start, go, dice = augment_controls.inputs()
        with gr.Column(scale=3, min_width=300):
            gallery = gr.Gallery(
                label=T("augment_draws"), columns=4, height="auto", object_fit="contain",
                elem_id="draws", buttons=["fullscreen"], interactive=False, allow_preview=False,
            )  # fmt: skip
            details = gr.Textbox(
                label=T("details"), interactive=False, elem_id="augment_details", max_lines=3
            )
            pair = gr.ImageSlider(
                label=T("augment_pair"), type="filepath", interactive=False,
                elem_id="augment_pair", max_height=420, buttons=["fullscreen"],
            )  # fmt: skip
            with gr.Row():
                again = gr.Button(
                    T("augment_replay"), elem_id="augment_replay", size="sm", min_width=90
                )
                file = gr.DownloadButton(
                    T("augment_file"), elem_id="augment_file", size="sm", interactive=False,
                    min_width=90,
                )  # fmt: skip
                use = gr.Button(
                    T("use_training"), elem_id="use_training", size="sm", min_width=90,
                    visible=trained is not None,
                )  # fmt: skip
            offers.add(gallery, to=("restore", "translate"))
    seeds, chosen = gr.State([]), gr.State(0)
    leaks = gr.Markdown(elem_id="leaks", elem_classes="quiet")
    sweep, code, many = (
        augment_controls.sweep(),
        augment_controls.code(),
        augment_controls.many(),
    )
    if trained is not None:
        experimenting.build(trained.workspace, demo, tab, inputs.board)
    with gr.Accordion(T("how"), open=False, elem_id="how_augment"):
        gr.Markdown(T("how_augment"))

    placed = [editor, inputs.picture]
    # Draw: when asked, and whenever the pipeline or a control has changed.
    told = [gallery, pair, seeds, chosen, details, file]
    run = {"fn": bind(_preview, studio), "inputs": inputs.all(), "outputs": told}
    go.click(**run, **PRIVATE)
    live = {"fn": bind(_live, studio), "inputs": inputs.all(), "outputs": told, **QUIET}
    about = {
        "fn": bind(_about, studio), "inputs": inputs.board,
        "outputs": [sweep["step"], leaks], **QUIET,
    }  # fmt: skip
    inputs.board.input(**live, trigger_mode="always_last")
    inputs.board.input(**about, trigger_mode="always_last")
    for changed in (inputs.n.release, inputs.marks.input, inputs.seed.submit):
        changed(**live, trigger_mode="always_last")
    dice.click(lambda: secrets.randbelow(10**6), None, inputs.seed, **QUIET).success(**live)
    filled = start.input(bind(_start, studio), start, inputs.board, **QUIET)
    filled.success(**live).success(**about)
    filled.success(bind(_told, studio), inputs.all(), code["told"], **QUIET)
    demo.load(**about)
    for name, button in shown_examples.items():
        button.click(bind(_example(name), studio), None, placed, **QUIET).success(**live)
    for changed in (editor.upload, editor.input, editor.clear):
        changed(
            bind(_changed, studio), [editor, *inputs.all()], [inputs.picture, *told],
            trigger_mode="always_last", **QUIET,
        )  # fmt: skip
    tab.select(bind(_first, studio), inputs.picture, placed, **QUIET).success(**live)

    # Look at one of them.
    gallery.select(selected_index, None, chosen, **QUIET).success(
        bind(_look, studio), [gallery, chosen, pair], [pair, details], **QUIET
    )
    again.click(
        bind(_replay, studio), [*inputs.all(), seeds, chosen], [pair, file, details], **PRIVATE
    )

    # The rest.
    sweep["go"].click(
        bind(_sweep_go, studio), [*inputs.all(), sweep["step"]], sweep["strip"], **PRIVATE
    )
    # What was typed as JSON stays when the code is brought up to date.
    code["part"].expand(bind(_printed, studio), inputs.all(), code["told"][1:], **QUIET)
    inputs.board.input(bind(_told, studio), inputs.all(), code["told"], **QUIET)
    read = code["read"].click(bind(_read, studio), code["told"][0], inputs.board, **QUIET)
    read.success(**live).success(**about)
    many["go"].click(
        bind(_all, studio), [*inputs.all(), many["files"], many["n"]],
        [many["zip"], many["said"]], **PRIVATE,
    )  # fmt: skip
    for offer in offers.to("augment"):
        offer.button.click(
            bind(_receive, studio), [offer.source, offer.chosen], [tabs, *placed], **QUIET
        ).success(**live)
    if trained is not None:
        use.click(bind(_use, studio), inputs.board, [tabs, trained.augment], **QUIET)
    _add_api(studio)


# --- Handlers that only bring values into the order of the controls ------------------------------


def _preview(studio: Studio, *values: Any) -> list[Any]:
    gallery, pair, seeds, words = augmenting.preview(studio, Form(*values))
    return [gallery, pair, seeds, 0, words, gr.DownloadButton(value=None, interactive=False)]


def _live(studio: Studio, *values: Any) -> list[Any]:
    """Draw where there is a picture."""
    if (values[0] or {}).get("background"):
        return _preview(studio, *values)
    return [gr.skip()] * 6


def _first(studio: Studio, picture: Any) -> list[Any]:
    """Put a picture into an editor that has none."""
    if (picture or {}).get("background"):
        return [gr.skip()] * 2
    return _placed(example_images.example("Cat"))


def _example(name: str) -> Any:
    def show(studio: Studio) -> list[Any]:
        """Put an example into the editor."""
        return _placed(example_images.example(name))

    return show


def _placed(file: str) -> list[Any]:
    """Return the editor's value for a picture without strokes, once for the editor and once to be
    kept.
    """
    return [{"background": file, "layers": [], "composite": None}] * 2


def _changed(studio: Studio, editor: Any, kept: Any, *values: Any) -> list[Any]:
    """Keep what the editor holds now, and draw; it tells of changes that are none, too."""
    if augmenting.digest_of(editor) == augmenting.digest_of(kept):
        return [gr.skip()] * 7
    return [editor, *_live(studio, editor, *values)]


def _start(studio: Studio, name: str) -> str:
    return augmenting.preset(name)


def _about(studio: Studio, given: str, request: gr.Request) -> list[Any]:
    """Show what depends on the pipeline alone: steps with a strength, and what would leak."""
    steps, language = augmenting.sweeps(given), language_of(request)
    names = [say(f"step_{name}", language) for name in augmenting.leaks(given)]
    key = "leaks_some" if names else "leaks_harmless" if given.strip("[] ") else "leaks_none"
    first = steps[0][1] if steps else None
    return [gr.Dropdown(steps, value=first), say(key, language, steps=", ".join(names))]


def _look(studio: Studio, shown: Any, number: int, pair: Any) -> list[Any]:
    """Show the picture before and after the variant that was chosen, and all that was drawn."""
    if not shown or not pair:
        return [gr.skip()] * 2
    after, drawn = shown[min(number, len(shown) - 1)]
    return [(pair[0], after), drawn]


def _replay(studio: Studio, *values: Any) -> list[Any]:
    *inputs, seeds, chosen = values
    form = Form(*inputs)
    seed = seeds[chosen] if seeds and 0 <= chosen < len(seeds) else form.seed
    pair, file, words = augmenting.replay(studio, form, seed)
    return [pair, gr.DownloadButton(value=file, interactive=True), words]


def _sweep_go(studio: Studio, *values: Any) -> list[tuple[str, str]]:
    return augmenting.swept(studio, Form(*values[:-1]), values[-1])


def _told(studio: Studio, *values: Any) -> tuple[str, str, str]:
    return augmenting.code(Form(*values))


def _printed(studio: Studio, *values: Any) -> tuple[str, str]:
    return augmenting.code(Form(*values))[1:]


def _read(studio: Studio, text: str) -> str:
    return augmenting.as_json(augmenting.augment.parse(text or "[]"))


def _all(
    studio: Studio,
    *values: Any,
    progress: gr.Progress = gr.Progress(),  # noqa: B008
) -> Iterator[list[Any]]:
    *inputs, files, n = values
    for step in augmenting_many.apply_to_all(studio, Form(*inputs), files, n):
        if isinstance(step, float):
            progress(min(1.0, step))
        else:
            yield [gr.DownloadButton(value=step[0], visible=True), step[1]]


def _receive(studio: Studio, source: Any, number: int) -> list[Any]:
    return [gr.Tabs(selected="augment"), *_placed(send_to.file_of(source, number))]


def _use(studio: Studio, given: str) -> list[Any]:
    return [gr.Tabs(selected="train"), _read(studio, given)]


def _add_api(studio: Studio) -> None:
    """Let programs augment files: the bytes that they send are the picture, not a copy."""
    asked = [
        gr.File(label="image", visible=False),
        gr.Textbox("[]", label="pipeline", visible=False),
        gr.Number(4, label="n", visible=False),
        gr.Number(0, label="seed", visible=False),
    ]
    answer = [
        gr.File(label="variants", file_count="multiple", visible=False),
        gr.JSON(label="draws", visible=False),
    ]
    gr.Button(visible=False).click(
        bind(augmenting.augment_file, studio), asked, answer, api_name="augment"
    )
