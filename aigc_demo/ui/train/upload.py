"""“Your own pictures” in the Train tab: what somebody brings is checked and shown, then a run
learns from it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from aigc_demo.data.uploads import validation
from aigc_demo.data.uploads.user_dataset import PREFIX, Report, UserDataset
from aigc_demo.errors import BadValue, UserError
from aigc_demo.imaging import images
from aigc_demo.training import worker
from aigc_demo.training.presets import USER_PRESETS, user_plan
from aigc_demo.ui.components.workspace import Workspace
from aigc_demo.ui.i18n import T, language_of, say
from aigc_demo.ui.server.handlers import bind, downloadable
from aigc_demo.ui.train import callbacks as training

SIZES = (32, 64, 128)
MINUTES = 8
SHEET_SIZE = 64  # pixels of a picture of the sheet
LISTED = 12  # files that were left out and are named
TYPES = [".zip", ".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"]
QUIET = {"api_visibility": "private"}
ONE_AT_A_TIME = {"concurrency_id": "bringing", "concurrency_limit": 1}


def build() -> dict[str, Any]:
    """Add the section and return its parts by name."""
    with gr.Accordion(T("own"), open=False, elem_id="own"):
        gr.Markdown(T("own_intro"), elem_id="own_intro")
        files = gr.File(
            label=T("own_files"), file_count="multiple", file_types=TYPES, type="filepath",
            elem_id="own_files", height=140,
        )  # fmt: skip
        # Plain text: names of files and folders are somebody's, and must not become markup.
        report = gr.Textbox(
            label=T("own_report"), lines=3, max_lines=16, interactive=False, visible=False,
            elem_id="own_report",
        )  # fmt: skip
        sheet = gr.Image(
            label=T("own_sheet"), format="png", interactive=False, visible=False, type="filepath",
            buttons=["fullscreen"], elem_id="own_sheet",
        )  # fmt: skip
        preset = gr.Dropdown(
            [], label=T("own_preset"), visible=False, elem_id="own_preset", min_width=120
        )
        with gr.Row(visible=False) as row:
            size = gr.Radio(
                [(str(s), s) for s in SIZES], value=64, label=T("own_size"), elem_id="own_size",
                min_width=120,
            )  # fmt: skip
            minutes = gr.Number(
                MINUTES, label=T("own_minutes"), minimum=0, maximum=worker.max_minutes(),
                elem_id="own_minutes", min_width=100,
            )  # fmt: skip
        mirror = gr.Checkbox(True, label=T("own_mirror"), visible=False, elem_id="own_mirror")
        go = gr.Button(
            T("own_start_button"), variant="primary", visible=False, elem_id="own_start",
            interactive=bool(worker.max_runs()),
        )  # fmt: skip
    return locals()


def wire(workspace: Workspace, own: dict[str, Any], picker: gr.Dropdown) -> Any:
    """Connect the parts; return the event of a run that has been queued."""
    shown = [own[n] for n in ("report", "sheet", "size", "preset", "row", "mirror", "go")]
    settings = QUIET | ONE_AT_A_TIME
    for event in (own["files"].upload, own["files"].delete, own["files"].clear):
        event(
            bind(check, workspace), own["files"], shown, show_progress="hidden", **settings,
            trigger_mode="always_last",
        )  # fmt: skip
    own["preset"].input(bind(fit, workspace), [own["preset"], own["size"]], own["size"], **QUIET)
    values = [own[n] for n in ("files", "preset", "size", "minutes", "mirror")]
    return own["go"].click(
        bind(_begin, workspace), values, picker, show_progress="minimal", **settings
    )


def check(
    workspace: Workspace, files: list[str] | None, request: gr.Request
) -> Iterator[list[Any]]:
    """Yield how far the check is, then the report, a sheet and what can be trained."""
    language = language_of(request)
    hidden = [
        gr.Image(None, visible=False),
        gr.skip(),
        *(_seen(kind, False) for kind in _CONTROLS),
    ]
    if not files:
        yield [gr.Textbox("", visible=False), *hidden]
        return
    own, told = None, 0.0
    try:
        for step in validation.validate_steps([Path(f) for f in files], size=SHEET_SIZE):
            if isinstance(step, UserDataset):
                own = step
            elif time.monotonic() - told > 0.5:
                told = time.monotonic()
                words = say("own_reading", language, share=f"{step:.0%}")
                yield [gr.Textbox(words, visible=True), *hidden]
    except UserError as problem:
        yield [gr.Textbox(str(problem), visible=True), *hidden]
        return
    assert own is not None
    path = downloadable(images.encode_png(own.sheet(columns=8)), "pictures.png")
    names = presets_for(own.report, workspace)
    yield [
        gr.Textbox(words_of(own.report, language), visible=True),
        gr.Image(path, visible=True),
        fit(workspace, names[0], SHEET_SIZE),
        gr.Dropdown(
            [(say(f"preset_{n}", language), n) for n in names], value=names[0], visible=True
        ),
        *(_seen(kind, True) for kind in _CONTROLS[1:]),
    ]


_CONTROLS = (gr.Dropdown, gr.Row, gr.Checkbox, gr.Button)


def _seen(kind: Any, visible: bool) -> Any:
    return kind(visible=visible)


def presets_for(report: Report, workspace: Workspace) -> list[str]:
    """Return the presets that suit the pictures, the best first; one that begins with a shipped
    model only where that is here.
    """
    there = workspace.studio.checkpoints
    fitting = [
        name
        for name, p in USER_PRESETS.items()
        if report.serves(p.needs, captioned=p.text_conditioned)
        and all((there / start).is_dir() for start in p.pretrained.values())
    ]
    # Who brings trainA and trainB, or pairs, wants to translate.
    wanted = {"two": "own_cyclegan", "pairs": "own_pix2pix"}.get(report.layout)
    domains = report.layout == "pairs" or list(report.counts) == ["A", "B"]
    if report.captions:
        return sorted(fitting, key=lambda n: n != "own_words")
    return sorted(fitting, key=lambda n: n != wanted) if domains else fitting


def words_of(report: Report, language: str) -> str:
    """Return the report as lines of plain text."""
    layout = say(f"own_layout_{report.layout}", language, n=len(report.counts))
    about = {"title": report.title, "count": report.count, "layout": layout}
    lines = [say("own_found", language, **about)]
    if report.layout != "one":
        lines += [f"  {count:,} × {name}" for name, count in report.counts.items()]
    if report.captions:
        lines.append(say("own_captions", language, count=report.captions))
    lines += [f"⚠ {say(f'own_warning_{k}', language, **v)}" for k, v in report.warnings]
    if left := len(report.skipped):
        lines.append(say("own_left_out", language, count=left))
        for skipped in report.skipped[:LISTED]:
            lines.append(f"  {skipped.name}: {say(f'own_reason_{skipped.reason}', language)}")
        if left > LISTED:
            lines.append("  " + say("own_more", language, count=left - LISTED))
    return "\n".join(lines)


def fit(workspace: Workspace, preset: str, size: int) -> gr.Radio:
    """Return the size that was chosen where a preset can make it, else the nearest that it can.

    All sizes stay choices: Gradio refuses a value that a change of the choices has overtaken.
    """
    if preset not in USER_PRESETS:
        raise BadValue(f"preset: choose one of {', '.join(USER_PRESETS)}.")
    wanted = size if isinstance(size, int) else SHEET_SIZE
    return gr.Radio(value=min(USER_PRESETS[preset].sizes, key=lambda s: abs(s - wanted)))


def start(
    workspace: Workspace,
    files: list[str] | None,
    preset: str,
    size: int,
    minutes: float,
    mirror: bool,
) -> str:
    """Read the pictures at the size of the run, queue the run and return its name."""
    if not files:
        raise BadValue("pictures: there are none; bring a zip or several pictures first.")
    if isinstance(minutes, bool) or not isinstance(minutes, int | float) or not minutes > 0:
        raise BadValue(f"minutes: “{str(minutes)[:40]}” cannot be used; take more than 0.")
    folder = os.path.relpath(workspace.studio.checkpoints)
    about = {"classes": 0, "minutes": float(minutes), "folder": folder}
    user_plan(preset, PREFIX, size, **about)  # a mistake is told before anything is read
    own = validation.validate([Path(f) for f in files], size=size)
    needs, reads = USER_PRESETS[preset].needs, USER_PRESETS[preset].text_conditioned
    if reads and not own.report.serves(needs, captioned=True):
        raise BadValue(
            "preset: these pictures have neither captions.csv nor class folders; add one, or "
            "choose another."
        )
    if not own.report.serves(needs):
        raise BadValue(
            f"preset: these pictures are no {needs}; bring two folders"
            + (" with equal names" if needs == "pairs" else "")
            + ", or choose another."
        )
    about["classes"] = len(own.classes)
    plan = user_plan(preset, PREFIX + own.report.title, size, **about)
    own = replace(own, flip=mirror is True)
    directory = worker.submit(workspace.root, plan, pictures=own)
    workspace.workers.ensure()
    return directory.name


def _begin(workspace: Workspace, *values: Any) -> gr.Dropdown:
    name = start(workspace, *values)
    return gr.Dropdown(training.choices(workspace.reader.views(fresh=True)), value=name)
