"""Restore a folder of pictures: ``python -m aigc_demo.restore --method denoise in/ out/``.

Results are PNG files of the same names. A picture that cannot be restored is told and left out;
the others are made.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from aigc_demo import device, images, masks
from aigc_demo.errors import BadValue, UserError
from aigc_demo.requests import RestoreRequest
from aigc_demo.restoration import TOOLS
from aigc_demo.studio import Studio

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"}


def main(arguments: list[str] | None = None) -> int:
    """Restore what the arguments name; return 0, 1 where a picture failed, 2 where all did."""
    given = parser().parse_args(arguments)
    device.set_threads(given.threads)
    try:
        files = pictures(Path(given.source))
        target = Path(given.target)
        if target.resolve() == Path(given.source).resolve():
            raise BadValue("out: it is the folder of the pictures themselves; name another one.")
        studio = Studio(given.checkpoints)
        target.mkdir(parents=True, exist_ok=True)
    except UserError as error:
        print(f"restore: {error}", file=sys.stderr)
        return 2
    failed = 0
    with tqdm(total=len(files), unit="picture") as bar:
        for file in files:
            bar.set_postfix_str(file.name)
            try:
                restore(studio, file, target / f"{file.stem}.png", given, bar)
            except (UserError, OSError) as error:
                failed += 1
                reason = error if isinstance(error, UserError) else type(error).__name__
                tqdm.write(f"restore: {file.name}: {reason}", file=sys.stderr)
            bar.update()
    print(f"{len(files) - failed} of {len(files)} restored: {target}")
    return 0 if not failed else 2 if failed == len(files) else 1


def parser() -> argparse.ArgumentParser:
    """Return the parser."""
    p = argparse.ArgumentParser(
        prog="python -m aigc_demo.restore",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("source", metavar="in", help="folder of pictures, or one picture")
    p.add_argument("target", metavar="out", help="folder for the results")
    p.add_argument("--method", default="denoise", choices=list(TOOLS), help="what to do")
    p.add_argument(
        "--mask", help="mask for all pictures, or folder of masks with the pictures' names"
    )
    p.add_argument(
        "--marked", default="white", choices=["white", "black", "auto"],
        help="colour of what the mask marks; auto: the rarer one",
    )  # fmt: skip
    p.add_argument("--grow", type=int, default=0, help="pixels to add around the mask")
    p.add_argument("--sigma", type=float, help="noise in grey levels; estimated unless given")
    p.add_argument("--factor", type=int, default=2, choices=[2, 4], help="of upscale and bicubic")
    p.add_argument("--checkpoints", default="checkpoints", help="folder of models")
    p.add_argument("--threads", type=int, help="CPU threads")
    return p


def pictures(source: Path) -> list[Path]:
    """Return the pictures of a folder in order of name, or the one that is named."""
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise BadValue("in: there is no such folder or picture; name one that is there.")
    found = sorted(p for p in source.iterdir() if p.is_file() and p.suffix.lower() in SUFFIXES)
    if not found:
        raise BadValue("in: the folder holds no pictures; use PNG, JPEG, WebP, BMP or GIF files.")
    return found


def restore(
    studio: Studio, file: Path, target: Path, given: argparse.Namespace, bar: tqdm[None]
) -> None:
    """Restore one picture and write it whole; `bar` tells the share that is done."""
    image = images.open_image(file)
    mask = mask_for(file, image, given)
    request = RestoreRequest(
        image=image, mask=mask, method=given.method, sigma=given.sigma, factor=given.factor
    )
    for step in studio.restore_steps(request):
        if isinstance(step, float):
            bar.set_postfix_str(f"{file.name} {step:.0%}")
        else:
            part = target.with_name(f".{target.name}.{os.getpid()}")
            part.write_bytes(images.encode_png(step.image))
            os.replace(part, target)


def mask_for(file: Path, image: Image.Image, given: argparse.Namespace) -> Image.Image | None:
    """Return the mask of a picture, or None where none is given."""
    if not given.mask:
        return None
    path = Path(given.mask)
    if path.is_dir():
        named = [p for p in path.iterdir() if p.stem == file.stem and p.suffix.lower() in SUFFIXES]
        if not named:
            raise BadValue(f"mask: the folder of masks has none called {file.stem}; add it.")
        path = named[0]
    if not path.is_file():
        raise BadValue("mask: there is no such file or folder; name one that is there.")
    found = masks.from_file(images.open_image(path), given.marked, image.size)
    return masks.to_image(masks.grow(found, given.grow))


if __name__ == "__main__":
    sys.exit(main())
