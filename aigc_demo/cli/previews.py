"""Make the previews of models, which the page opens with, and keep them beside their cards:

    python -m aigc_demo previews                     # of all models that have one
    python -m aigc_demo previews --model scenes-flow

Each says how it was made, so that the page can make it again.
"""

from __future__ import annotations

from typing import Any

from aigc_demo import device
from aigc_demo.cli import batch_runner
from aigc_demo.errors import UserError
from aigc_demo.imaging import images, photographs
from aigc_demo.imaging.degradations import DEGRADATIONS
from aigc_demo.pipelines import previews
from aigc_demo.requests import GenerateRequest, RestoreRequest, TranslateRequest
from aigc_demo.studio import ModelInfo, Studio


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
                made = make(studio, info, settings)
                previews.save(folder, made, crisp=info.data in previews.CRISP)
                print(f"{info.name}: {(folder / previews.FILE).stat().st_size / 1000:.0f} KB")
    except UserError as error:
        return batch_runner.report("previews", error)
    return 0


def make(studio: Studio, info: ModelInfo, settings: dict[str, Any]) -> previews.Preview:
    """Return the preview that `settings` describe."""
    if info.task == "generate":
        found = studio.generate(GenerateRequest(**settings)).images
        return previews.Preview(images.grid(found, previews.COLUMNS, gap=0), settings)
    photograph = photographs.photograph(settings["photograph"])
    if info.task == "restore":
        how = {"strength": settings["strength"], "seed": settings["seed"]}
        damaged = DEGRADATIONS[settings["damage"]].degrade(photograph, **how)
        asked = RestoreRequest(image=damaged.image, mask=damaged.mask, method=info.name)
        return previews.Preview(studio.restore(asked).image, settings)
    way = {"direction": settings["direction"]}
    translated = studio.translate(TranslateRequest(image=photograph, model=info.name, **way))
    return previews.Preview(translated.image, settings)
