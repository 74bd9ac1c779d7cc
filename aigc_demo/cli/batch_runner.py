"""What the commands share: flags, error messages, and the loop over a folder of images."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from aigc_demo import device
from aigc_demo.data.archives import SUFFIXES
from aigc_demo.errors import BadValue, UserError
from aigc_demo.imaging import images

Work = Callable[[Path, Image.Image], Iterator[float | Image.Image]]


def command_parser(command: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser of the flags that all commands have."""
    p = argparse.ArgumentParser(
        prog=f"python -m aigc_demo {command}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("--checkpoints", default="checkpoints", help="folder of models")
    p.add_argument("--threads", type=int, help="CPU threads")
    return p


def folder_parser(command: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser of a command that makes images of a folder's images."""
    p = command_parser(command, description)
    p.add_argument("source", metavar="in", help="folder of images, or one image")
    p.add_argument("target", metavar="out", help="folder for the results")
    return p


def report(command: str, error: UserError | str) -> int:
    """Print why a command cannot be done and return its exit status, 2."""
    print(f"{command}: {error}", file=sys.stderr)
    return 2


def run(command: str, done: str, given: argparse.Namespace, work: Work) -> int:
    """Do `work` on each image: it yields the share that is done, then the results.

    Results are PNG files of the same names; of several, with a number behind. An image that fails
    is reported and skipped. Returns 0, 1 where an image failed, 2 where all did.
    """
    device.set_threads(given.threads)
    try:
        files = image_paths(Path(given.source))
        target = Path(given.target)
        if target.resolve() == Path(given.source).resolve():
            raise BadValue("out: it is the folder of the pictures themselves; name another one.")
        target.mkdir(parents=True, exist_ok=True)
    except UserError as error:
        return report(command, error)
    failed = 0
    with tqdm(total=len(files), unit="image") as bar:
        for file in files:
            bar.set_postfix_str(file.name)
            try:
                made = []
                for step in work(file, images.open_image(file)):
                    if isinstance(step, float):
                        bar.set_postfix_str(f"{file.name} {step:.0%}")
                    else:
                        made.append(step)
                for i, image in enumerate(made):
                    number = f"-{i}" if len(made) > 1 else ""
                    write(image, target / f"{file.stem}{number}.png")
            except (UserError, OSError) as error:
                failed += 1
                reason = error if isinstance(error, UserError) else type(error).__name__
                tqdm.write(f"{command}: {file.name}: {reason}", file=sys.stderr)
            bar.update()
    print(f"{len(files) - failed} of {len(files)} {done}: {target}")
    return 0 if not failed else 2 if failed == len(files) else 1


def image_paths(source: Path) -> list[Path]:
    """Return the images of a folder in order of name, or the one that is named."""
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise BadValue("in: there is no such folder or picture; name one that is there.")
    found = sorted(p for p in source.iterdir() if p.is_file() and p.suffix.lower() in SUFFIXES)
    if not found:
        raise BadValue("in: the folder holds no pictures; use PNG, JPEG, WebP, BMP or GIF files.")
    return found


def write(image: Image.Image, target: Path) -> None:
    """Write an image atomically: a reader never sees half of it."""
    part = target.with_name(f".{target.name}.{os.getpid()}")
    part.write_bytes(images.encode_png(image))
    os.replace(part, target)
