"""The Restore tab: layout and wiring. What a click does is in `repairing`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from aigc_demo.imaging.degradations import DEGRADATIONS
from aigc_demo.pipelines.restoration import TOOLS
from aigc_demo.studio import Studio
from aigc_demo.ui.components import crf_panel, example_images, send_to
from aigc_demo.ui.components.editor import picture_of, placed
from aigc_demo.ui.components.events import DEVICE, PRIVATE, QUIET
from aigc_demo.ui.i18n import T
from aigc_demo.ui.restore import callbacks as repairing
from aigc_demo.ui.restore.callbacks import Form, Truth
from aigc_demo.ui.server.handlers import bind


@dataclass(frozen=True)
class Inputs:
    """The controls that decide what is done, in the order of `repairing.Form`."""

    editor: gr.ImageEditor
    mask_file: gr.Image
    marked: gr.Radio
    invert: gr.Checkbox
    grow: gr.Slider
    feather: gr.Slider
    method: gr.Dropdown
    estimate: gr.Checkbox
    sigma: gr.Slider
    factor: gr.Radio
    truth: gr.State

    def all(self) -> list[Any]:
        """Return them in order."""
        return list(vars(self).values())


def build(
    studio: Studio, tab: gr.Tab, tabs: gr.Tabs, offers: send_to.Offers, gallery: gr.Gallery
) -> None:
    """Add the tab's contents; connect the buttons that send pictures here, and the one that sends
    the result to `gallery`.
    """
    gr.Markdown(T("restore_intro"), elem_id="restore_intro")
    with gr.Row():
        with gr.Column(scale=1, min_width=300):
            inputs, chosen = _inputs(studio)
            with gr.Row():
                go = gr.Button(T("restore_go"), variant="primary", elem_id="restore_go")
                all_go = gr.Button(T("compare_all"), elem_id="compare_all")
        with gr.Column(scale=1, min_width=300):
            pair = gr.ImageSlider(
                label=T("before_after"), type="filepath", format="png", interactive=False,
                elem_id="before_after", max_height=560, buttons=["fullscreen"],
            )  # fmt: skip
            details = gr.Textbox(
                label=T("details"), interactive=False, elem_id="restore_details", max_lines=3
            )
            with gr.Row():
                file = gr.DownloadButton(
                    T("result_file"), elem_id="result_file", size="sm", min_width=90
                )
                again = gr.Button(T("go_on"), elem_id="go_on", size="sm", min_width=90)
                back = gr.Button(
                    T("send_generate"), elem_id="send_generate", size="sm", min_width=90
                )
            marked = gr.Image(
                label=T("mask_shown"), type="filepath", format="png", interactive=False,
                visible=False, elem_id="mask_shown", buttons=["fullscreen"], height=260,
            )  # fmt: skip
    compared = gr.Gallery(
        label=T("compared"), format="png", columns=4, height="auto", object_fit="contain",
        elem_id="compared", buttons=["download", "fullscreen"], interactive=False, visible=False,
    )  # fmt: skip
    (chosen_go,) = offers.add(compared, to=("restore",), text="go_on_chosen")
    table = gr.Dataframe(
        headers=list(repairing.HEADERS), interactive=False, label=T("compared_table"),
        elem_id="compared_table", visible=False,
    )  # fmt: skip
    problems = gr.Markdown(elem_id="compared_problems", elem_classes="quiet")
    with gr.Accordion(T("how"), open=False, elem_id="how_restore"):
        gr.Markdown(T("how_restore"))
    result = gr.State(None)
    with chosen["smart"]:
        crf_panel.build_mask(studio, inputs.editor, inputs.mask_file, inputs.marked, marked)

    # Restore, compare, look at the mask.
    go.click(
        bind(_restore, studio, gpu=True), inputs.all(), [pair, result, details, marked, file],
        **PRIVATE, **DEVICE,
    )  # fmt: skip
    all_go.click(
        bind(_compare, studio, gpu=True), inputs.all(), [compared, chosen_go, table, problems],
        **PRIVATE, **DEVICE,
    )  # fmt: skip
    for changed in (inputs.method.change, inputs.estimate.change):
        changed(
            _fit, [inputs.method, inputs.estimate], [inputs.sigma, inputs.estimate, inputs.factor],
            **QUIET,
        )  # fmt: skip
    chosen["show_mask"].click(bind(_show_mask, studio), inputs.all(), marked, **QUIET)

    # Damage on purpose.
    chosen["damage"].click(
        bind(_spoil, studio), [*inputs.all(), *chosen["harm"]],
        [inputs.editor, inputs.mask_file, inputs.truth, details, inputs.method], **PRIVATE,
    )  # fmt: skip
    chosen["undamaged"].click(
        bind(_undamaged, studio), inputs.truth, [inputs.editor, inputs.mask_file, inputs.truth],
        **QUIET,
    )  # fmt: skip

    # Pictures that come and go.
    reset = [inputs.editor, inputs.mask_file, inputs.truth]
    # The editor calls it an upload, too, when a picture is placed there by a button.
    inputs.editor.upload(
        bind(_forget, studio), [inputs.editor, inputs.truth], [inputs.mask_file, inputs.truth],
        **QUIET,
    )  # fmt: skip
    for name, button in chosen["examples"].items():
        button.click(bind(_example(name), studio), None, reset, **QUIET)
    again.click(bind(_go_on, studio), [result, inputs.truth], [*reset, pair], **QUIET)
    for offer in offers.to("restore"):
        offer.button.click(
            bind(_receive, studio), [offer.source, offer.chosen], [tabs, *reset], **QUIET
        )
    back.click(bind(_send_back, studio), [result, gallery], [tabs, gallery], **QUIET)
    tab.select(lambda: gr.Dropdown(repairing.choices(studio)), None, inputs.method, **QUIET)
    _add_api(studio)


def _inputs(studio: Studio) -> tuple[Inputs, dict[str, Any]]:
    """Add the controls on the left; return those that decide, and the buttons among them."""
    chosen: dict[str, Any] = {}
    editor = gr.ImageEditor(
        label=T("restore_picture"), type="filepath", format="png", image_mode="RGBA",
        sources=["upload", "webcam", "clipboard"], layers=False, transforms=None, height=480,
        brush=gr.Brush(default_size="auto", colors=["#e11d48", "#2563eb"], color_mode="fixed"),
        eraser=gr.Eraser(), elem_id="restore_picture",
    )  # fmt: skip
    with gr.Row(elem_id="restore_examples"):
        chosen["examples"] = {
            name: gr.Button(
                T(f"photo_{name.lower()}"), size="sm", elem_id=f"example_{name}", min_width=90
            )
            for name in example_images.EXAMPLES
        }
    here = repairing.usable(studio)
    method = gr.Dropdown(
        repairing.choices(studio), value=here[0], label=T("restore_method"),
        info=T("restore_method_info"), elem_id="restore_method",
    )  # fmt: skip
    tool = TOOLS[here[0]]
    estimate = gr.Checkbox(
        True, label=T("estimate"), elem_id="restore_estimate", visible=tool.needs_sigma
    )
    sigma = gr.Slider(0, 100, 25, step=1, label=T("sigma"), elem_id="restore_sigma", visible=False)
    factor = gr.Radio(
        [2, 4], value=2, label=T("factor"), elem_id="restore_factor", visible=tool.enlarges
    )
    chosen["smart"] = gr.Column()
    with gr.Accordion(T("mask_more"), open=False, elem_id="mask_more"):
        mask_file = gr.Image(
            label=T("mask_file"), type="filepath", format="png", image_mode=None,
            sources=["upload", "clipboard"], height=180, elem_id="mask_file",
        )  # fmt: skip
        marked = gr.Radio(
            [(T(f"marked_{name}"), name) for name in ("auto", "white", "black")], value="auto",
            label=T("marked"), elem_id="mask_marked",
        )  # fmt: skip
        invert = gr.Checkbox(False, label=T("invert"), elem_id="mask_invert")
        grow = gr.Slider(0, repairing.MAX_GROW, 0, step=1, label=T("grow"), elem_id="mask_grow")
        feather = gr.Slider(
            0, repairing.MAX_GROW, 0, step=1, label=T("feather"), elem_id="mask_feather"
        )
        chosen["show_mask"] = gr.Button(T("show_mask"), size="sm", elem_id="show_mask")
    with gr.Accordion(T("damage_more"), open=False, elem_id="damage_more"):
        gr.Markdown(T("damage_intro"))
        kind = gr.Dropdown(
            [(T(f"kind_{name}"), name) for name in DEGRADATIONS], value="scratches",
            label=T("damage_kind"), elem_id="damage_kind",
        )  # fmt: skip
        strength = gr.Slider(
            0.05, 1, 0.4, step=0.05, label=T("damage_strength"), elem_id="damage_strength"
        )
        seed = gr.Number(0, label=T("seed"), precision=0, elem_id="damage_seed")
        with gr.Row():
            chosen["damage"] = gr.Button(
                T("damage_go"), size="sm", elem_id="damage_go", min_width=90
            )
            chosen["undamaged"] = gr.Button(
                T("undamaged"), size="sm", elem_id="undamaged", min_width=90
            )
        chosen["harm"] = [kind, strength, seed]
    truth = gr.State(None)
    inputs = Inputs(
        editor, mask_file, marked, invert, grow, feather, method, estimate, sigma, factor, truth
    )
    return inputs, chosen


def _fit(method: str, estimate: bool) -> list[Any]:
    """Show the settings that the method has; of a model that was trained here, all."""
    tool = TOOLS.get(method)
    noise, enlarges = tool is None or tool.needs_sigma, tool is None or tool.enlarges
    return [
        gr.Slider(visible=noise and not estimate),
        gr.Checkbox(visible=noise),
        gr.Radio(visible=enlarges),
    ]


def _restore(
    studio: Studio,
    *values: Any,
    progress: gr.Progress = gr.Progress(),  # noqa: B008
) -> Iterator[list[Any]]:
    for step in repairing.restore(studio, Form(*values)):
        if isinstance(step, float):
            progress(min(1.0, step))
        else:
            pair, after, details, marked = step
            shown = gr.Image(marked, visible=marked is not None)
            yield [pair, after, details, shown, gr.DownloadButton(value=after)]


def _compare(studio: Studio, *values: Any) -> Iterator[list[Any]]:
    for gallery, rows, problems in repairing.compare(studio, Form(*values)):
        yield [
            gr.Gallery(gallery, visible=True),
            gr.Button(visible=True),
            gr.Dataframe(rows, visible=True),
            problems,
        ]


def _show_mask(studio: Studio, *values: Any) -> Any:
    return gr.Image(repairing.shown_mask(Form(*values)), visible=True)


def _spoil(studio: Studio, *values: Any) -> list[Any]:
    truth, mask, what, remedy = repairing.spoil(Form(*values[:-3]), *values[-3:])
    method = remedy if remedy in repairing.usable(studio) else gr.skip()
    return [placed(truth.shown), mask, truth, what, method]


def _forget(studio: Studio, editor: Any, truth: Truth | None) -> list[Any]:
    """Forget the mask file and the truth where the picture in the editor is another one."""
    known = truth is not None and truth.of(picture_of(editor)) is not None
    return [gr.skip(), gr.skip()] if known else [None, None]


def _undamaged(studio: Studio, truth: Truth | None) -> list[Any]:
    return [placed(send_to.file_of(truth.file if truth else None)), None, None]


def _example(name: str) -> Any:
    def show(studio: Studio) -> list[Any]:
        """Put an example into the editor."""
        return [placed(example_images.example(name)), None, None]

    return show


def _go_on(studio: Studio, result: str | None, truth: Truth | None) -> list[Any]:
    file = send_to.file_of(result)
    return [placed(file), None, replace(truth, shown=file) if truth else None, None]


def _receive(studio: Studio, source: Any, number: int) -> list[Any]:
    return [gr.Tabs(selected="restore"), placed(send_to.file_of(source, number)), None, None]


def _send_back(studio: Studio, result: str | None, gallery: Any) -> list[Any]:
    pictures = [(file, caption) for file, caption in gallery or []]
    return [gr.Tabs(selected="generate"), [*pictures, (send_to.file_of(result), "restored")]]


def _add_api(studio: Studio) -> None:
    """Let programs restore files: the bytes that they send are the picture, not a copy."""
    asked = [
        gr.File(label="image", visible=False),
        gr.File(label="mask", visible=False),
        gr.Textbox("inpaint", label="method", visible=False),
        gr.Number(None, label="sigma", visible=False),
        gr.Number(2, label="factor", visible=False),
    ]
    answer = [gr.File(label="result", visible=False), gr.JSON(label="details", visible=False)]
    gr.Button(visible=False).click(
        bind(repairing.restore_file, studio, gpu=True), asked, answer, api_name="restore", **DEVICE
    )
