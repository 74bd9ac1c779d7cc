"""Translate a folder of images into another domain:

    python -m aigc_demo translate --model monet2photo-cyclegan --direction BtoA in/ out/

Results are PNG files of the same names, or with the old ending in the name or a number where that
is taken: nothing is overwritten. An image that cannot be translated is reported and skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from aigc_demo.cli import batch_runner
from aigc_demo.errors import BadValue, UserError
from aigc_demo.requests import TranslateRequest
from aigc_demo.studio import Studio


def main(arguments: list[str] | None = None) -> int:
    """Translate what the arguments name; return 0, 1 where an image failed, 2 where all did."""
    p = batch_runner.folder_parser("translate", __doc__)
    p.add_argument("--model", required=True, help="folder of the model, in the checkpoints")
    p.add_argument("--direction", choices=["AtoB", "BtoA"], help="of the two (AtoB)")
    p.add_argument("--style", help="domain to go to, where the model knows several")
    p.add_argument("--strength", type=float, default=1.0, help="0: the image, 1: the result")
    given = p.parse_args(arguments)
    studio = Studio(given.checkpoints)
    try:
        info = studio.info(given.model)
        if info.task != "translate":
            raise BadValue(f"model: {info.name} does not translate; name one that does.")
        if given.style and given.direction:
            raise BadValue("direction: a style says where to go; leave one of the two out.")
    except UserError as error:
        return batch_runner.report("translate", error)

    def work(file: Path, image: Image.Image) -> Iterator[float | Image.Image]:
        request = TranslateRequest(
            image=image,
            model=given.model,
            direction=given.direction or "AtoB",
            style=given.style,
            strength=given.strength,
            cycle=False,
        )
        for step in studio.translate_steps(request):
            yield step if isinstance(step, float) else step.image

    return batch_runner.run("translate", "translated", given, work)
