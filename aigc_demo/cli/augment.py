"""Make random variants of a folder of images:

    python -m aigc_demo augment --pipeline steps.json -n 4 --seed 7 in/ out/

Results are PNG files, NAME-0.png, NAME-1.png and so on; nothing is overwritten. The pipeline is
JSON, or a file of it: a list of steps such as {"name": "rotate", "p": 0.5, "degrees": 15}.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from PIL import Image

from aigc_demo import augment
from aigc_demo.cli import batch_runner
from aigc_demo.errors import BadValue, UserError
from aigc_demo.imaging import images
from aigc_demo.pipelines.augmentation import run
from aigc_demo.requests import AugmentRequest


def main(arguments: list[str] | None = None) -> int:
    """Augment what the arguments name; return 0, 1 where an image failed, 2 where all did."""
    p = batch_runner.folder_parser("augment", __doc__, models=False)
    p.add_argument("--pipeline", required=True, help="the steps, as JSON or the name of its file")
    p.add_argument("-n", type=int, default=4, help="variants of each image")
    p.add_argument("--seed", type=int, default=0, help="of the first variant of the first image")
    p.add_argument("--partner", help="the other image, for steps that mix two")
    given = p.parse_args(arguments)
    seeds = count(given.seed, given.n)
    try:
        steps = augment.parse(augment.read(given.pipeline))
        partner = partner_at(Path(given.partner)) if given.partner else None
        if partner is not None and not any(step.mixes for step in steps):
            raise BadValue("partner: no step of the pipeline mixes images; leave it out.")
    except UserError as error:
        return batch_runner.report("augment", error)
    pipeline = augment.data(steps)

    def work(file: Path, image: Image.Image) -> Iterator[float | Image.Image]:
        request = AugmentRequest(
            image=image, pipeline=pipeline, n=given.n, seed=next(seeds), partner=partner
        )
        yield from run(request).images

    return batch_runner.run("augment", "pictures augmented", given, work)


def partner_at(path: Path) -> Image.Image:
    """Return the second image of steps that mix; raises UserError."""
    if not path.is_file():
        raise BadValue("partner: there is no such file; name one that is there.")
    return images.open_image(path)
