"""Models by name: their folders, what their cards say, and those that are loaded (LRU)."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import torch

from aigc_demo import access
from aigc_demo.errors import BadCheckpoint, BadValue
from aigc_demo.methods import checkpoint
from aigc_demo.methods.base import Generative, Task
from aigc_demo.pipelines.device_lock import DeviceLock
from aigc_demo.pipelines.model_info import RUN_PREFIX, ModelInfo, Stamp, describe, stamp_of

MAX_LOADED = 6
MAX_RUNS = 50  # whose models are listed, the newest first


class ModelCache:
    """The models below `checkpoints`, and those of the training runs below `runs_root`.

    Hold `lock` while a model is loaded or computes.
    """

    def __init__(self, checkpoints: Path, runs_root: Path | None, device: torch.device) -> None:
        self.checkpoints, self.runs_root, self.device = checkpoints, runs_root, device
        self.lock = DeviceLock()
        self.loaded: OrderedDict[str, tuple[Stamp, Generative]] = OrderedDict()
        self._infos: dict[str, tuple[Stamp, ModelInfo]] = {}

    def models(self, task: str | None = None) -> list[ModelInfo]:
        """Return every model, the broken ones (whose task is unknown) with their reason: first
        those of training runs, the newest first, then the shipped ones in order of name.
        """
        folders = self.folders()
        self._infos = {name: info for name, info in self._infos.items() if name in folders}
        infos = [self._describe(name, folder) for name, folder in folders.items()]
        return [m for m in infos if task is None or m.problem or m.task == task]

    def info(self, name: str, task: Task | None = None) -> ModelInfo:
        """Return the model called `name`.

        Raises BadValue where there is none or it is for another `task`, and BadCheckpoint where it
        is broken.
        """
        folders = self.folders()
        info = self._describe(name, folders[name]) if name in folders else None
        if info and info.problem:
            raise BadCheckpoint(info.problem)
        if info and task in (None, info.task):
            return info
        if info is None and name.startswith(RUN_PREFIX):
            raise BadValue("model: its run was discarded or has no model yet; choose another one.")
        usable = ", ".join(m.name for m in self.models(task) if not m.problem) or "none"
        what = f"{name} does not {task}" if info else f"there is no model “{name[:80]}”"
        raise BadValue(f"model: {what}; choose one of: {usable}.")

    def folders(self) -> dict[str, Path]:
        """Return the folder of each model by name, of the runs that who asks may see."""
        runs = checkpoint.run_directories(self.runs_root) if self.runs_root else []
        runs = [run for run in runs if access.may_see(run)][:MAX_RUNS]
        models = {RUN_PREFIX + run.name: run / checkpoint.RUN_MODEL for run in runs}
        found = {name: folder for name, folder in models.items() if folder.is_dir()}
        return found | {folder.name: folder for folder in checkpoint.folders(self.checkpoints)}

    def _describe(self, name: str, folder: Path) -> ModelInfo:
        """Read the card of a folder, once as long as its files stay the same."""
        stamp = stamp_of(folder)
        cached, info = self._infos.get(name, (None, None))
        if cached != stamp or info is None:
            try:
                info = describe(name, folder, checkpoint.inspect(folder))
            except BadCheckpoint as problem:
                info = ModelInfo(name, name, str(problem))
            self._infos[name] = (stamp, info)
        return info

    def forget(self, name: str) -> None:
        """Drop the model called `name` from memory."""
        with self.lock.held():
            self.loaded.pop(name, None)

    def load(self, name: str) -> Generative:
        """Return the model called `name` on the device; a folder whose files have changed is
        loaded anew. Call with the lock held. Raises BadCheckpoint where it is broken.
        """
        folder = self.folders().get(name, self.checkpoints / name)
        stamp = stamp_of(folder)
        if name not in self.loaded or self.loaded[name][0] != stamp:
            try:
                model, _ = checkpoint.load(folder)
            except BadCheckpoint as problem:
                self._infos[name] = (stamp, ModelInfo(name, name, str(problem)))
                raise
            model.to(self.device).to(memory_format=model.memory_format)
            self.loaded[name] = (stamp, model)
        self.loaded.move_to_end(name)
        while len(self.loaded) > MAX_LOADED:
            self.loaded.popitem(last=False)
        return self.loaded[name][1]
