"""The Generate tab: layout and wiring. What a click does is in `painting`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from aigc_demo.requests import MAX_COUNT, GenerateRequest
from aigc_demo.studio import ModelInfo, Studio
from aigc_demo.ui.components.displays import LATEX
from aigc_demo.ui.components.events import DEVICE, QUIET
from aigc_demo.ui.components.navigation import Opener
from aigc_demo.ui.components.send_to import Offers
from aigc_demo.ui.generate import callbacks as painting, model_card, prompts, variations
from aigc_demo.ui.generate.callbacks import ALL
from aigc_demo.ui.generate.variations import choices_of
from aigc_demo.ui.i18n import T
from aigc_demo.ui.server.handlers import Updates, bind

OPTIONS = ("guidance", "evaluations", "truncation", "temperature")
RANGES = {  # the widest of any method; a model narrows them
    "guidance": (1, 5, 2, 0.1),
    "evaluations": (2, 64, 16, 2),
    "truncation": (0.1, 1, 1, 0.05),
    "temperature": (0.1, 1.2, 1, 0.05),
}
FIRST = "fashion_mnist-flow"
LINK_JS = """(query) => {
  const address = window.location.origin + window.location.pathname + (query ? '?' + query : '');
  window.history.replaceState(null, '', address);
  return [query, address];
}"""
CLICK_JS = "() => { setTimeout(() => document.querySelector('#zip_file').click(), 100); }"


@dataclass(frozen=True)
class Controls:
    """The controls of the tab that more than one event uses."""

    model: gr.Dropdown
    label: gr.Dropdown
    count: gr.Slider
    seed: gr.Number
    random_seed: gr.Checkbox
    options: tuple[gr.Slider, ...]
    words: prompts.Words
    watch: gr.Checkbox
    embed: gr.Checkbox

    def asked(self) -> list[Any]:
        """Return what decides which pictures are made."""
        first = [self.model, self.label, self.count, self.seed, self.random_seed]
        return [*first, *self.options]


def build(
    studio: Studio, demo: gr.Blocks, tabs: gr.Tabs, tab: gr.Tab, offers: Offers
) -> tuple[Opener[GenerateRequest], gr.Gallery]:
    """Add the tab's contents to the page that is being built."""
    models = [m for m in studio.models("generate")]
    usable = [m for m in models if not m.problem]
    broken = [m for m in models if m.problem]
    if not usable:
        gr.Markdown(T("no_models"), elem_id="no_models")
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            controls = _controls(studio, usable)
            go = gr.Button(T("go"), variant="primary", elem_id="go", interactive=bool(usable))
            for m in broken:
                gr.Markdown(f"⚠ {m.problem}", elem_classes="quiet", elem_id=f"broken_{m.name}")
        with gr.Column(scale=3, min_width=300):
            forming = gr.Image(
                label=T("forming"), format="png", visible=False, interactive=False,
                elem_id="forming", buttons=[],
            )  # fmt: skip
            gallery = gr.Gallery(
                label=T("pictures"), format="png", columns=4, height="auto", object_fit="contain",
                elem_id="gallery", buttons=["download", "fullscreen"], interactive=False,
            )  # fmt: skip
            details = gr.Textbox(
                label=T("details"), interactive=False, elem_id="details", max_lines=2
            )
            with gr.Row():
                reuse = gr.Button(T("reuse"), elem_id="reuse", size="sm")
                zip_button = gr.Button(T("download_all"), elem_id="download_all", size="sm")
                zip_file = gr.DownloadButton("zip", elem_id="zip_file", visible="hidden")
            offers.add(gallery)
            with gr.Row(visible=enlarges(studio)):
                factor = gr.Radio([2, 4], value=4, label=T("factor"), elem_id="enlarge_factor")
                enlarge = gr.Button(T("enlarge"), elem_id="enlarge", size="sm")
            link = gr.Textbox(label=T("link"), interactive=False, buttons=["copy"], elem_id="link")
            dropped = gr.File(
                label=T("restore"), file_types=[".png"], elem_id="restore", height=120
            )
    settings = gr.Textbox(label="settings", visible="hidden", elem_id="settings")
    query = gr.Textbox(visible="hidden", elem_id="query")
    made_seed = gr.Number(label="seed", visible="hidden", elem_id="made_seed", precision=0)
    asked = [*controls.asked(), controls.embed]
    made = [gallery, details, made_seed, settings]
    words = controls.words

    # Generate: live in the browser, all at once for programs.
    event = go.click(
        bind(_live, studio, gpu=True), [*asked, controls.watch, words.box], [forming, *made],
        api_visibility="private", **DEVICE,
    )  # fmt: skip
    event.success(lambda s: s, made_seed, controls.seed, **QUIET)
    event.success(painting.query, settings, query, **QUIET).then(
        None, query, [query, link], js=LINK_JS
    )
    pictures = gr.JSON(label="pictures", visible=False)
    answer = [pictures, details, made_seed, settings]
    # Programs may name a model that is new, and its classes.
    named = [gr.Textbox(v, label=n, visible=False) for n, v in (("model", ""), ("label", ALL))]
    gr.Button(visible=False).click(
        bind(painting.generate, studio, gpu=True), [*named, *asked[2:], words.box], answer,
        api_name="generate", **DEVICE,
    )  # fmt: skip
    reuse.click(
        lambda s, old: (old if s is None else int(s), False), [made_seed, controls.seed],
        [controls.seed, controls.random_seed], api_visibility="private", show_progress="hidden",
    )  # fmt: skip
    zip_button.click(
        bind(painting.make_zip, studio, gpu=True),
        settings,
        zip_file,
        api_visibility="private",
        **DEVICE,
    ).success(None, js=CLICK_JS)

    enlarge.click(
        bind(painting.enlarge, studio, gpu=True), [settings, factor], [gallery, details],
        api_visibility="private", **DEVICE,
    )  # fmt: skip

    chosen = [controls.model, controls.label, controls.seed, *controls.options]
    prompts.build_more(studio, words, [chosen[0], *chosen[2:]], DEVICE, offers)
    to_label = variations.build(studio, usable, chosen, words.box, DEVICE, offers)
    with gr.Accordion(T("how"), open=False, elem_id="how"):
        lessons = {
            name: gr.Markdown(
                T(f"how_{name}"),
                visible=bool(usable) and _first(usable).method == name,
                latex_delimiters=LATEX,
                elem_id=f"how_{name}",
            )  # fmt: skip
            for name in ("dcgan", "vae", "flow", "text2image")
        }
        card = gr.Markdown(model_card.card(_first(usable)) if usable else "", elem_id="card")

    # Keep the controls in step with the model, a dropped picture or the address.
    fitted = [
        *(controls.label, to_label, *controls.options, controls.watch, *lessons.values(), card),
        *words.outputs(),
    ]

    def fit(name: str) -> list[Any]:
        """Show the classes, sliders and lesson of the model."""
        return [*_fit(studio, name, list(lessons)), *words.fit(studio.info(name))]

    def put(request: GenerateRequest) -> list[Any]:
        """Set every control to `request`."""
        values = {o: getattr(request, o) for o in OPTIONS}
        model = gr.Dropdown(model_card.choices(studio), value=request.model)
        return [
            model, request.count, request.seed, False,
            *_fit(studio, request.model, list(lessons), label=request.label or ALL, values=values),
            *words.fit(studio.info(request.model), request.prompt or ""),
        ]  # fmt: skip

    def put_dropped(studio: Studio, path: str | None) -> list[Any]:
        """Set every control to what the dropped picture says."""
        return put(painting.read_dropped(studio, path))

    def open_link(studio: Studio, request: gr.Request) -> list[Any]:
        """Set every control to what the address says, or to the first model's defaults."""
        found = painting.from_query(studio, dict(request.query_params))
        if found is None and usable:
            found = GenerateRequest(model=_first(usable).name, seed=painting.new_seed())
            return [*put(found)[:3], True, *put(found)[4:]]
        return put(found) if found else [gr.skip()] * (4 + len(fitted))

    everything = [controls.model, controls.count, controls.seed, controls.random_seed, *fitted]
    controls.model.input(bind(_only(fit), studio), controls.model, fitted, **QUIET)
    tab.select(lambda: gr.Dropdown(model_card.choices(studio)), None, controls.model, **QUIET)
    dropped.upload(bind(put_dropped, studio), dropped, everything, **QUIET)
    demo.load(bind(open_link, studio), None, everything, **QUIET)
    components = {str(i): c for i, c in enumerate(everything)}

    def updates(request: GenerateRequest) -> Updates:
        return dict(zip(components, put(request), strict=True))

    return Opener(tabs, "generate", components, updates), gallery


def enlarges(studio: Studio) -> bool:
    """Tell whether the model is here that enlarges pictures."""
    return any(m.name == "upscale" and not m.problem for m in studio.models("restore"))


def _only(function: Any) -> Any:
    """Let a function without the studio be bound like the others."""

    def handler(studio: Studio, name: str) -> Any:
        return function(name)

    return handler


def _live(studio: Studio, *values: Any) -> Any:
    """Show the sheet of forming pictures while there is one, then the gallery."""
    for sheet, *rest in painting.generate_live(studio, *values):
        if sheet is None:
            yield [gr.Image(visible=False), gr.Gallery(rest[0], visible=True), *rest[1:]]
        else:
            unchanged = [gr.skip()] * 3
            yield [gr.Image(sheet, visible=True), gr.Gallery(visible=False), *unchanged]


def _first(usable: list[ModelInfo]) -> ModelInfo:
    """Return the model that the page opens with."""
    return next((m for m in usable if m.name == FIRST), usable[-1])


def _controls(studio: Studio, usable: list[ModelInfo]) -> Controls:
    """Add the controls that decide which pictures are made."""
    first = _first(usable) if usable else None
    model = gr.Dropdown(
        [(model_card.describe(m), m.name) for m in usable], value=first.name if first else None,
        label=T("model"), info=T("model_info"), elem_id="model",
    )  # fmt: skip
    # At first all classes of all models are choices, so that programs may name any of them.
    classes = choices_of("all_classes", *usable)
    label = gr.Dropdown(classes, value=ALL, label=T("class"), elem_id="label")
    words = prompts.build_box(studio, model, first)
    count = gr.Slider(1, MAX_COUNT, 16, step=1, label=T("count"), elem_id="count")
    with gr.Group():
        seed = gr.Number(
            0,
            label=T("seed"),
            info=T("seed_info"),
            precision=0,
            elem_id="seed",
        )
        random_seed = gr.Checkbox(False, label=T("random_seed"), elem_id="random_seed")
    options = tuple(
        gr.Slider(
            low, high, value, step=step, label=T(name), info=T(f"{name}_info"), elem_id=name,
            visible=bool(first) and any(o.name == name for o in first.options),
        )
        for name, (low, high, value, step) in RANGES.items()
    )  # fmt: skip
    watch = gr.Checkbox(True, label=T("watch"), elem_id="watch")
    embed = gr.Checkbox(True, label=T("embed"), elem_id="embed")
    return Controls(model, label, count, seed, random_seed, options, words, watch, embed)


def _fit(
    studio: Studio,
    name: str,
    lessons: list[str],
    *,
    label: str = ALL,
    values: dict[str, Any] | None = None,
) -> list[Any]:
    """Return updates that make the controls fit the model called `name`."""
    info, values = studio.info(name), values or {}
    updates: list[Any] = [
        gr.Dropdown(choices_of("all_classes", info), value=label, visible=bool(info.labels)),
        gr.Dropdown(choices_of("same_class", info), value=ALL, visible=bool(info.labels)),
    ]
    has = {o.name: o for o in info.options}
    for option in OPTIONS:
        if o := has.get(option):
            value = values.get(option) or o.default
            updates.append(gr.Slider(o.minimum, o.maximum, value, step=o.step, visible=True))
        else:
            updates.append(gr.Slider(visible=False))
    updates.append(gr.Checkbox(visible="evaluations" in has))
    updates += [gr.Markdown(visible=info.method == lesson) for lesson in lessons]
    return [*updates, model_card.card(info)]
