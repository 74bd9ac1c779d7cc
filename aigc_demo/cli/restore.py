"""Fill, denoise, sharpen or enlarge a folder of images:

    python -m aigc_demo restore --method denoise in/ out/

Results are PNG files of the same names, or with the old ending in the name or a number where that
is taken: nothing is overwritten. An image that cannot be restored is reported and skipped.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from aigc_demo.cli import batch_runner
from aigc_demo.errors import BadValue, UserError
from aigc_demo.imaging import images, masks
from aigc_demo.imaging.formats import SUFFIXES
from aigc_demo.pipelines.restoration import TOOLS
from aigc_demo.requests import MAX_GROW, RestoreRequest
from aigc_demo.studio import Studio


def main(arguments: list[str] | None = None) -> int:
    """Restore what the arguments name; return 0, 1 where an image failed, 2 where all did."""
    p = batch_runner.folder_parser("restore", __doc__)
    p.add_argument("--method", default="denoise", choices=list(TOOLS), help="what to do")
    p.add_argument("--mask", help="mask for all images, or folder of masks with the images' names")
    p.add_argument(
        "--marked",
        choices=["white", "black", "auto"],
        help="colour of what the mask marks (white); auto: the rarer one",
    )
    p.add_argument("--grow", type=int, help="pixels to add around the mask")
    p.add_argument("--sigma", type=float, help="noise in grey levels; estimated unless given")
    p.add_argument("--factor", type=int, choices=[2, 4], help="of upscale and bicubic (2)")
    given = p.parse_args(arguments)
    try:
        check_flags(given)
    except UserError as error:
        return batch_runner.report("restore", error)
    studio = Studio(given.checkpoints)

    def work(file: Path, image: Image.Image) -> Iterator[float | Image.Image]:
        request = RestoreRequest(
            image=image,
            mask=mask_for(file, image, given),
            method=given.method,
            sigma=given.sigma,
            factor=given.factor or 2,
        )
        for step in studio.restore_steps(request):
            if isinstance(step, float):
                yield step
                continue
            if step.note:
                tqdm.write(f"restore: {file.name}: {step.note}", file=sys.stderr)
            yield step.image

    return batch_runner.run("restore", "restored", given, work)


def check_flags(given: argparse.Namespace) -> None:
    """Raise BadValue for a flag that would change nothing."""
    tool = TOOLS[given.method]
    for flag, used in (("sigma", tool.needs_sigma), ("factor", tool.enlarges)):
        if getattr(given, flag) is not None and not used:
            raise BadValue(f"{flag}: {given.method} does not use it; leave it out.")
    if given.grow is not None and not 0 <= given.grow <= MAX_GROW:
        raise BadValue(f"grow: {given.grow} cannot be used; take 0 to {MAX_GROW} pixels.")
    for flag in ("marked", "grow"):
        if getattr(given, flag) is not None and not given.mask:
            raise BadValue(f"{flag}: there is no mask that it is of; give one with --mask.")


def mask_for(file: Path, image: Image.Image, given: argparse.Namespace) -> Image.Image | None:
    """Return the mask of an image, or None where none is given."""
    if not given.mask:
        return None
    path = Path(given.mask)
    if path.is_dir():
        named = [p for p in path.iterdir() if p.stem == file.stem and p.suffix.lower() in SUFFIXES]
        named = [p for p in named if p.name == file.name] or sorted(named)
        if not named:
            raise BadValue(f"mask: the folder of masks has none called {file.stem}; add it.")
        if len(named) > 1:
            raise BadValue(
                f"mask: {named[0].name} and {named[1].name} could both be meant; keep one."
            )
        path = named[0]
    if not path.is_file():
        raise BadValue("mask: there is no such file or folder; name one that is there.")
    found = masks.from_file(images.open_image(path), given.marked or "white", image.size)
    return masks.to_image(masks.grow(found, given.grow or 0))
