"""The endpoints of the Train tab; names, types and sentences here become the API's own."""

from __future__ import annotations

from typing import Any

from aigc_demo.errors import BadValue
from aigc_demo.ui.components.workspace import Workspace
from aigc_demo.ui.train.callbacks import discard, queue, send
from aigc_demo.ui.train.form import TrainForm

COMMANDS = ("pause", "resume", "slow", "stop", "discard")


def train(
    workspace: Workspace,
    method: str,
    data: str,
    minutes: float = 3,
    steps: float = 0,
    batch: float = 32,
    lr: float = 6e-4,
    width: float = 64,
    loss: str = "",
    r1: float = 0.1,
    diffaugment: bool = False,
    ema: bool = True,
    seed: float = 0,
    download: bool = False,
    augment: str = "",
    latent: float = 0,
    title: str = "",
) -> str:
    """Queue a training run and return its name; its model will be called ``yours-NAME``.

    `loss` may be left empty, and `latent` (dimensions of the noise) be 0: the method's own.
    `augment` is JSON: a list of steps such as {"name": "rotate", "p": 0.5, "degrees": 15}.
    `title` is what the page calls the run.
    """
    form = TrainForm(
        method=method,
        data=data,
        minutes=minutes,
        steps=steps,
        batch=batch,
        lr=lr,
        width=width,
        loss=loss,
        r1=r1,
        diffaugment=diffaugment,
        ema=ema,
        seed=seed,
        download=download,
        augment=augment,
        latent=latent,
        title=title,
    )
    return queue(workspace, form)


def steer(workspace: Workspace, run: str, command: str) -> str:
    """Send a command to a run of your own, and return how the run is doing then.

    `command` is ``pause``, ``resume``, ``slow``, ``stop`` or ``discard``. A run belongs to whoever
    sent the same secret, as the header ``x-aigc-key``, when it was started.
    """
    if command not in COMMANDS:
        said = str(command)[:40]
        raise BadValue(f"command: “{said}” is none; take one of {', '.join(COMMANDS)}.")
    if command == "discard":
        discard(workspace, run, run)
        return "discarded"
    send(workspace, run, command)
    return workspace.view(run).status


def list_runs(workspace: Workspace) -> list[dict[str, Any]]:
    """Return the runs, the newest first: name, status, step, seconds and last scores."""
    return [
        {
            "name": v.name,
            "status": v.status,
            "step": v.log.step,
            "seconds": round(v.log.elapsed, 1),
            "scores": v.last_scores(),
        }
        for v in workspace.views(fresh=True)
    ]
