"""Make the previews of models, which the page opens with, and keep them beside their cards:

python -m aigc_demo previews                     # of all models that have one
python -m aigc_demo previews --model scenes-flow
"""

from __future__ import annotations

from aigc_demo import device
from aigc_demo.cli import batch_runner
from aigc_demo.errors import UserError
from aigc_demo.pipelines import previews
from aigc_demo.studio import Studio


def main(arguments: list[str] | None = None) -> int:
    """Write the previews; return 0, or 2 where one could not be made."""
    parser = batch_runner.command_parser("previews", __doc__)
    parser.add_argument("--model", nargs="+", action="extend", help="names of folders; all")
    given = parser.parse_args(arguments)
    device.set_threads(given.threads)
    studio = Studio(given.checkpoints)
    try:
        names = given.model or [m.name for m in studio.models() if not m.problem]
        for info in map(studio.info, names):
            if settings := previews.settings_of(info):
                folder = studio.checkpoints / info.name
                made = previews.make(studio, info, settings)
                previews.save(folder, made, crisp=info.data in previews.CRISP)
                print(f"{info.name}: {(folder / previews.FILE).stat().st_size / 1000:.0f} KB")
    except UserError as error:
        return batch_runner.report("previews", error)
    return 0
