"""Where runs are trained and watched: a studio with a folder of runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from aigc_demo import access
from aigc_demo.errors import BadValue
from aigc_demo.studio import RUN_PREFIX, Studio
from aigc_demo.training import runs, worker
from aigc_demo.training.run_monitor import RunMonitor, RunView

# A run that ships with the page: it is watched where there is no other, and belongs to nobody.
RECORDED = Path(__file__).parents[1] / "train" / "recorded" / "recording"


@dataclass(frozen=True)
class Workspace:
    """The runs of a studio, the workers that train them, and what reads how they do.

    Every method is about what whoever asks may see or steer.
    """

    studio: Studio
    root: Path
    workers: worker.Workers
    monitor: RunMonitor
    recordings: RunMonitor = field(default_factory=lambda: RunMonitor(RECORDED.parent))

    @staticmethod
    def of(studio: Studio) -> Workspace:
        """Return the workspace of a studio that has a folder of runs."""
        assert studio.runs_root is not None
        root = studio.runs_root
        return Workspace(studio, root, worker.Workers(root), RunMonitor(root))

    def directory(self, name: str | None) -> Path:
        """Return the folder of a run that may be seen."""
        if not name:
            raise BadValue("run: none is chosen; start one or choose one.")
        if name == RECORDED.name:
            return RECORDED
        directory = runs.find(self.root, name)
        if not access.may_see(directory):
            raise runs.unknown(name)
        return directory

    def steered(self, name: str | None) -> Path:
        """Return the folder of a run that may be steered."""
        directory = self.directory(name)
        if directory == RECORDED:
            raise BadValue("run: it is a recording; start one of your own.")
        access.check_steers(directory)
        return directory

    def view(self, name: str) -> RunView:
        """Return how a run does."""
        directory = self.directory(name)
        monitor = self.recordings if directory == RECORDED else self.monitor
        return monitor.view(directory.name)

    def views(self, *, fresh: bool = False) -> list[RunView]:
        """Return the newest runs that may be seen; `fresh` reads them again in any case."""
        views = self.monitor.views(fresh=fresh)
        return [view for view in views if access.may_see(self.root / view.name)]

    def watchable(self, *, fresh: bool = False) -> list[RunView]:
        """Return the newest runs that may be seen, or the recording where there is none."""
        return self.views(fresh=fresh) or self.recordings.views()

    def may_steer(self, view: RunView) -> bool:
        """Tell whether who asks may steer a run."""
        return view.name != RECORDED.name and access.may_steer(self.root / view.name)

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
