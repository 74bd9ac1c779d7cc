"""The user data set of the Train tab (“Your own pictures”): files are checked and shown, then a
run learns from them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import gradio as gr
from pydantic import Field

from aigc_demo.data.archives import TABLES, TEXTS
from aigc_demo.data.uploads import validation
from aigc_demo.data.uploads.user_dataset import PREFIX, Report, UserDataset
from aigc_demo.errors import BadValue, UserError
from aigc_demo.imaging.formats import SUFFIXES
from aigc_demo.requests import Label, Minutes, Request, Whole
from aigc_demo.training import admission
from aigc_demo.training.presets import USER_PRESETS, UserPreset, user_plan
from aigc_demo.ui.components import file_inputs, page_cache
from aigc_demo.ui.components.controls import button, labelled
from aigc_demo.ui.components.events import PRIVATE
from aigc_demo.ui.components.pictures import png_file
from aigc_demo.ui.components.workspace import Workspace
from aigc_demo.ui.i18n import T, language_of, say
from aigc_demo.ui.server.handlers import Components, Updates, connect
from aigc_demo.ui.train.callbacks import select_run

SIZES = (32, 64, 128)
MINUTES = 8
SHEET_SIZE = 64  # pixels of a picture of the contact sheet
SHEET_COLUMNS = 8
MAX_LISTED = 12  # of the files that were left out
FILE_TYPES = [".zip", *sorted(SUFFIXES | TABLES | TEXTS)]
ONE_AT_A_TIME = {"concurrency_id": "user_dataset", "concurrency_limit": 1, **PRIVATE}


class UploadForm(Request):
    """The values of the controls below the files."""

    files: list[str] | None = None
    preset: Label
    size: Whole
    minutes: Annotated[Minutes, Field(gt=0)] = MINUTES
    mirror: bool = True


def layout() -> dict[str, Any]:
    """Add the section and return its components by name."""
    found: dict[str, Any] = {}
    shown, trains = {"interactive": False, "visible": False}, bool(admission.max_runs())
    with gr.Accordion(T("own"), open=False, elem_id="own"):
        gr.Markdown(T("own_intro"), elem_id="own_intro")
        found["files"] = file_inputs.File(
            file_count="multiple", file_types=FILE_TYPES, height=140, **labelled("own_files")
        )
        # Plain text: names of files and folders come from users and must not become markup.
        found["report"] = gr.Textbox(lines=3, max_lines=16, **shown, **labelled("own_report"))
        picture = {"type": "filepath", "format": "png", "buttons": ["fullscreen"]}
        found["sheet"] = gr.Image(**picture, **shown, **labelled("own_sheet"))
        found["preset"] = gr.Dropdown([], visible=False, **labelled("own_preset"))
        with gr.Row(visible=False) as found["row"]:
            sizes = [(str(size), size) for size in SIZES]
            found["size"] = gr.Radio(sizes, value=64, min_width=120, **labelled("own_size"))
            limits = {"minimum": 0, "maximum": admission.max_minutes(), "min_width": 100}
            found["minutes"] = gr.Number(MINUTES, **limits, **labelled("own_minutes"))
        found["mirror"] = gr.Checkbox(True, visible=False, **labelled("own_mirror"))
        settings = {"variant": "primary", "visible": False, "interactive": trains}
        found["start"] = button("own_start", "own_start_button", **settings)
    return found


def wire(workspace: Workspace, controls: Components, run: gr.Dropdown) -> Any:
    """Connect the components; return the event of a run that has been queued."""

    def of(*names: str) -> Components:
        return {name: controls[name] for name in names}

    checked = of("report", "sheet", "preset", "row", "size", "mirror", "start")
    follow = {"show_progress": "hidden", "trigger_mode": "always_last", **ONE_AT_A_TIME}
    for event in (controls["files"].upload, controls["files"].delete, controls["files"].clear):
        connect(event, check, workspace, of("files"), checked, **follow)
    chosen = of("preset", "size")
    connect(controls["preset"].input, fit_size, workspace, chosen, of("size"), **PRIVATE)
    values, settings = of(*UploadForm.model_fields), {"show_progress": "minimal", **ONE_AT_A_TIME}
    return connect(controls["start"].click, start, workspace, values, {"run": run}, **settings)


# --- The check -----------------------------------------------------------------------------------


def check(workspace: Workspace, files: list[str] | None, request: gr.Request) -> Iterator[Updates]:
    """Yield how far the check is, then the report, a contact sheet and what can be trained."""
    language = language_of(request)
    hidden = {"sheet": gr.Image(None, visible=False), **_visible(False)}
    if not files:
        yield hidden | {"report": gr.Textbox("", visible=False)}
        return
    pictures, reported = None, 0.0
    try:
        for step in validation.validate_steps([Path(f) for f in files], size=SHEET_SIZE):
            if isinstance(step, UserDataset):
                pictures = step
            elif time.monotonic() - reported > 0.5:
                reported = time.monotonic()
                progress = say("own_reading", language, share=f"{step:.0%}")
                yield hidden | {"report": gr.Textbox(progress, visible=True)}
    except UserError as problem:
        yield hidden | {"report": gr.Textbox(str(problem), visible=True)}
        return
    assert pictures is not None
    name = f"{page_cache.upload_of(files[0])}.png"  # it is deleted with the upload
    sheet = png_file(pictures.sheet(columns=SHEET_COLUMNS), name)
    presets = presets_for(pictures.report, workspace)
    choices = [(say(f"preset_{name}", language), name) for name in presets]
    yield {
        **_visible(True),
        "report": gr.Textbox(report_text(pictures.report, language), visible=True),
        "sheet": gr.Image(sheet, visible=True),
        "preset": gr.Dropdown(choices, value=presets[0], visible=True),
        **fit_size(workspace, presets[0], SHEET_SIZE),
    }


def _visible(visible: bool) -> Updates:
    """Show or hide what is asked of the training."""
    return {
        "preset": gr.Dropdown(visible=visible),
        "row": gr.Row(visible=visible),
        "mirror": gr.Checkbox(visible=visible),
        "start": gr.Button(visible=visible),
    }


def presets_for(report: Report, workspace: Workspace) -> list[str]:
    """Return the presets that suit the pictures, the best first; one that starts from a shipped
    model only where that is here.
    """
    checkpoints = workspace.studio.checkpoints
    suitable = [
        name
        for name, preset in USER_PRESETS.items()
        if report.serves(preset.needs, captioned=preset.text_conditioned)
        and all((checkpoints / init).is_dir() for init in preset.pretrained.values())
    ]
    best = "own_words" if report.captions else None
    if not best and (report.layout == "pairs" or list(report.counts) == ["A", "B"]):
        # Whoever uploads trainA and trainB, or pairs, wants to translate.
        best = {"two": "own_cyclegan", "pairs": "own_pix2pix"}.get(report.layout)
    return sorted(suitable, key=lambda name: name != best)


def report_text(report: Report, language: str) -> str:
    """Return the report as lines of plain text."""
    layout = say(f"own_layout_{report.layout}", language, n=len(report.counts))
    lines = [say("own_found", language, title=report.title, count=report.count, layout=layout)]
    if report.layout != "one":
        lines += [f"  {count:,} × {name}" for name, count in report.counts.items()]
    if report.captions:
        lines.append(say("own_captions", language, count=report.captions, of=report.count))
    lines += [f"⚠ {say(f'own_warning_{k}', language, **v)}" for k, v in report.warnings]
    if left := len(report.skipped):
        lines.append(say("own_left_out", language, count=left))
        for skipped in report.skipped[:MAX_LISTED]:
            lines.append(f"  {skipped.name}: {say(f'own_reason_{skipped.reason}', language)}")
        if left > MAX_LISTED:
            lines.append("  " + say("own_more", language, count=left - MAX_LISTED))
    return "\n".join(lines)


def fit_size(workspace: Workspace, preset: str, size: int) -> Updates:
    """Set the size to the nearest that a preset can make.

    All sizes stay choices: Gradio refuses a value that a change of the choices has overtaken.
    """
    if preset not in USER_PRESETS:
        raise BadValue(f"preset: choose one of {', '.join(USER_PRESETS)}.")
    wanted = size if isinstance(size, int) else SHEET_SIZE
    nearest = min(USER_PRESETS[preset].sizes, key=lambda s: abs(s - wanted))
    return {"size": gr.Radio(value=nearest)}


# --- The run -------------------------------------------------------------------------------------


def start(workspace: Workspace, form: UploadForm) -> Updates:
    """Queue a run and choose it."""
    return select_run(workspace, queue(workspace, form))


def queue(workspace: Workspace, form: UploadForm) -> str:
    """Read the pictures at the size of the run, queue the run and return its name."""
    if not form.files:
        raise BadValue("pictures: there are none; bring a zip or several pictures first.")
    folder = os.path.relpath(workspace.studio.checkpoints)
    settings = {"minutes": form.minutes, "folder": folder}
    user_plan(form.preset, PREFIX, form.size, classes=0, **settings)  # refuses before the reading
    pictures = validation.validate([Path(f) for f in form.files], size=form.size)
    _check_suitable(USER_PRESETS[form.preset], pictures.report)
    title, classes = PREFIX + pictures.report.title, len(pictures.classes)
    plan = user_plan(form.preset, title, form.size, classes=classes, **settings)
    pictures = replace(pictures, flip=form.mirror)
    directory = admission.submit(workspace.root, plan, pictures=pictures)
    page_cache.note_uploads(directory, form.files)
    workspace.workers.ensure()
    return directory.name


def _check_suitable(preset: UserPreset, report: Report) -> None:
    if preset.text_conditioned and not report.serves(preset.needs, captioned=True):
        raise BadValue(
            "preset: these pictures have neither captions.csv nor class folders; add one, or "
            "choose another."
        )
    if not report.serves(preset.needs):
        raise BadValue(
            f"preset: these pictures are no {preset.needs}; bring two folders"
            + (" with equal names" if preset.needs == "pairs" else "")
            + ", or choose another."
        )
