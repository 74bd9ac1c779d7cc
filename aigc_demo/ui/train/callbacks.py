"""What the buttons of the Train tab do."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import gradio as gr

from aigc_demo import access
from aigc_demo.data import DATASETS, all_available, available, fallback, title_of
from aigc_demo.errors import BadValue
from aigc_demo.methods import METHODS
from aigc_demo.requests import GenerateRequest
from aigc_demo.studio import RUN_PREFIX
from aigc_demo.training import admission, run_control, runs
from aigc_demo.ui.components import page_cache
from aigc_demo.ui.components.workspace import Workspace
from aigc_demo.ui.i18n import language_of, say
from aigc_demo.ui.server.handlers import Updates, downloadable
from aigc_demo.ui.train import form as forms, run_text
from aigc_demo.ui.train.form import TrainForm

# --- The form ------------------------------------------------------------------------------------


def fill_preset(workspace: Workspace, preset: str) -> Updates:
    """Set the form to a preset, and say so where its pictures are not here."""
    wanted = forms.preset_form(preset)
    form = forms.with_local_data(wanted)
    return _form_updates(form) | {"stand_in": gr.Markdown(visible=form != wanted)}


def fill_method(
    workspace: Workspace, method: str, data: str | None, minutes: float | None
) -> Updates:
    """Set the form to the defaults of a method."""
    return _form_updates(forms.method_form(method, data, minutes))


def _form_updates(form: TrainForm) -> Updates:
    """Return the values of the controls, those hidden that the method does not have."""
    has = METHODS[form.method].config.model_fields
    losses = forms.losses_of(form.method)
    updates = form.model_dump(exclude={"download", "augment", "title"}) | {
        "data": gr.Dropdown(dataset_choices(form.method), value=form.data),
        "loss": gr.Dropdown(losses or [form.loss], value=form.loss, visible=bool(losses)),
        "latent": gr.Number(value=form.latent, visible="latent" in has),
        "r1": gr.Slider(value=form.r1, visible="r1" in has),
        "diffaugment": gr.Checkbox(value=form.diffaugment, visible="diffaugment" in has),
    }
    return updates | ({"augment": form.augment} if form.augment else {})


def dataset_choices(method: str) -> list[tuple[str, str]]:
    """Return the data sets that a method can learn from; an arrow: not on this machine yet."""
    local = all_available()
    return [
        (title_of(name) + ("" if name in local else " ↓"), name)
        for name in forms.datasets_for(method)
    ]


# --- A run ---------------------------------------------------------------------------------------


def queue(workspace: Workspace, form: TrainForm) -> str:
    """Queue a run and return its name; a warm worker begins at once."""
    plan = forms.plan_of(form)
    source = DATASETS.get(form.data)
    if not form.download and source and form.data not in available():
        how = "tick the download below" if source.torchvision else "copy its zip into the folder"
        other = fallback(form.data)
        raise BadValue(f"data: {form.data} is not here yet; {how}, or choose {other}.")
    directory = admission.submit(workspace.root, plan, download=form.download)
    workspace.workers.ensure()
    return directory.name


def start(workspace: Workspace, form: TrainForm) -> Updates:
    """Queue a run and choose it."""
    return select_run(workspace, queue(workspace, form))


def select_run(workspace: Workspace, name: str) -> Updates:
    """Choose a run that has just been queued."""
    views = workspace.views(fresh=True)
    return {"run": gr.Dropdown(run_text.choices(views), value=name)}


def button(command: str) -> Callable[[Workspace, str | None], Updates]:
    """Return the handler of a button that sends a command to the run that is chosen."""

    def handler(workspace: Workspace, run: str | None) -> Updates:
        send(workspace, run, command)
        return {}

    return handler


def send(workspace: Workspace, run: str | None, command: str) -> None:
    """Ask a run to pause, resume, slow down, stop or vanish, or to make one step: ``step_both``,
    or ``step_`` and one of its networks.
    """
    directory = workspace.steered(run)
    if command == "resume":
        runs.read_plan(directory)  # raises where it is damaged
        admission.resume(directory)  # where nobody trains it any more
        run_control.set_pace(directory, "run")
        workspace.workers.ensure()
    elif command in ("pause", "slow"):
        run_control.set_pace(directory, command)
    elif command == "stop":
        runs.stop(directory)
    elif command == "discard":
        runs.discard(directory)
    else:
        network = command.removeprefix("step_")
        run_control.grant_step(directory, None if network == "both" else network)


def ask_to_discard(workspace: Workspace, run: str | None, request: gr.Request) -> Updates:
    """Show the button that deletes the run, and remember which run it is about."""
    title = run_text.title(workspace.view(workspace.steered(run).name))
    words = say("discard_sure", language_of(request), run=title)
    return {"discard_sure": gr.Button(words, visible=True), "armed": run}


def disarm(workspace: Workspace) -> Updates:
    """Take back the button that deletes a run: it was about the one that was shown before."""
    return {"discard_sure": gr.Button(visible=False), "armed": None}


def discard(workspace: Workspace, run: str | None, armed: str | None) -> Updates:
    """Delete a run, its model, and what the page keeps of both."""
    if not armed or run != armed:
        raise BadValue("run: another one is shown now; press “Stop and discard” again.")
    directory = workspace.steered(run)
    needles = [directory.name, *page_cache.uploads_of(directory)]
    send(workspace, run, "discard")
    workspace.studio.cache.forget(RUN_PREFIX + directory.name)
    page_cache.erase(needles)
    # It stays armed until another run is shown: a look that comes late must know who discarded it.
    return {"run": gr.Dropdown(value=None), "discard_sure": gr.Button(visible=False)}


# --- Its model -----------------------------------------------------------------------------------


def use(workspace: Workspace, run: str | None) -> GenerateRequest:
    """Return a request to the model of a run."""
    return GenerateRequest(model=workspace.model(run))


def download(workspace: Workspace, run: str | None) -> Updates:
    """Make a zip of a run's model: weights and card."""
    access.check_steers(directory := workspace.saved(run))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted((directory / "model").glob("[a-z]*")):
            archive.write(file, f"{directory.name}/{file.name}")
    return {"model_file": downloadable(out.getvalue(), f"{directory.name}.zip")}
