"""Where runs are trained and watched: a studio with a folder of runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aigc_demo.errors import BadValue
from aigc_demo.studio import RUN_PREFIX, Studio
from aigc_demo.training import runs, worker
from aigc_demo.training.run_monitor import RunMonitor


@dataclass(frozen=True)
class Workspace:
    """The runs of a studio, the workers that train them, and what reads how they do."""

    studio: Studio
    root: Path
    workers: worker.Workers
    monitor: RunMonitor

    @staticmethod
    def of(studio: Studio) -> Workspace:
        """Return the workspace of a studio that has a folder of runs."""
        assert studio.runs_root is not None
        root = studio.runs_root
        return Workspace(studio, root, worker.Workers(root), RunMonitor(root))

    def directory(self, name: str | None) -> Path:
        """Return the folder of a run."""
        if not name:
            raise BadValue("run: none is chosen; start one or choose one.")
        return runs.find(self.root, name)

    def saved(self, name: str | None) -> Path:
        """Return the folder of a run that has saved its model."""
        directory = self.directory(name)
        if not (directory / "model" / "card.json").is_file():
            raise BadValue(
                f"run: {directory.name} has no model yet; wait until it has been saved."
            )
        return directory

    def model(self, name: str | None) -> str:
        """Return the name that the studio gives to the model of a run."""
        return RUN_PREFIX + self.saved(name).name
