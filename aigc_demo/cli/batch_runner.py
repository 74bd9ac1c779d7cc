"""What the commands share: flags, error messages, and the loop over a folder of images."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from aigc_demo import device
from aigc_demo.errors import BadValue, UserError
from aigc_demo.imaging import formats, images
from aigc_demo.imaging.output_names import Different, key, output_names
from aigc_demo.methods import checkpoint

Work = Callable[[Path, Image.Image], Iterator[float | Image.Image]]


def command_parser(
    command: str, description: str | None, *, models: bool = True
) -> argparse.ArgumentParser:
    """Return a parser of the flags that all commands have; `models` where it uses some."""
    p = argparse.ArgumentParser(
        prog=f"python -m aigc_demo {command}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if models:
        told = "folder of models (%(default)s)"
        p.add_argument("--checkpoints", default=checkpoint.root(), type=Path, help=told)
    p.add_argument("--threads", type=threads, help="CPU threads")
    return p


def threads(text: str) -> int:
    """Parse a number of threads; 0 would be none."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text} cannot be used; give 1 or more")
    return int(text)


def folder_parser(
    command: str, description: str | None, *, models: bool = True
) -> argparse.ArgumentParser:
    """Return a parser of a command that makes images of a folder's images."""
    p = command_parser(command, description, models=models)
    p.add_argument("source", metavar="in", help="folder of images, or one image")
    p.add_argument("target", metavar="out", help="folder for the results")
    return p


def report(command: str, error: UserError | str) -> int:
    """Print why a command cannot be done and return its exit status, 2."""
    print(f"{command}: {error}", file=sys.stderr)
    return 2


def run(command: str, done: str, given: argparse.Namespace, work: Work) -> int:
    """Do `work` on each image: it yields the share that is done, then the results.

    Results are PNG files called as `output_names` says; of several, with a number behind. An image
    that fails is reported and skipped. Returns 0, 1 where an image failed, 2 where all did.
    """
    device.set_threads(given.threads)
    try:
        files = image_paths(Path(given.source))
        folder = OutputFolder(Path(given.target), Path(given.source))
    except UserError as error:
        return report(command, error)
    if others := other_files(Path(given.source), besides=folder.path):
        more = f" and {len(others) - 5} more" if len(others) > 5 else ""
        print(f"{command}: left out, no pictures: {', '.join(others[:5])}{more}", file=sys.stderr)
    failed = written = 0
    with tqdm(total=len(files), unit="image") as bar:
        for file, name in zip(files, output_names([f.name for f in files]), strict=True):
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
                    path = folder.write(image, name + number)
                    written += 1
                    if path.stem != file.stem + number:
                        tqdm.write(f"{command}: {file.name} → {path.name}", file=sys.stderr)
            except (UserError, OSError) as error:
                failed += 1
                reason = error if isinstance(error, UserError) else error.strerror
                tqdm.write(f"{command}: {file.name}: {reason}", file=sys.stderr)
            bar.update()
    print(f"{len(files) - failed} of {len(files)} {done}, {written} files written: {given.target}")
    return 0 if not failed else 2 if failed == len(files) else 1


def image_paths(source: Path) -> list[Path]:
    """Return the images of a folder in order of name, or the one that is named."""
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise BadValue("in: there is no such folder or picture; name one that is there.")
    found = sorted(p for p in source.iterdir() if _is_picture(p))
    if not found:
        raise BadValue(f"in: the folder holds no pictures; use {formats.TITLES}.")
    return found


def other_files(source: Path, *, besides: Path) -> list[str]:
    """Return the names of what else is in a folder, but for the folder `besides` and what systems
    hide; folders end in a slash, pictures in a format that is not read come with what to do.
    """
    if not source.is_dir():
        return []
    names = []
    for path in sorted(source.iterdir()):
        hidden = path.name.startswith(".") or path.resolve() == besides.resolve()
        if not hidden and not _is_picture(path):
            why = formats.BY_SUFFIX.get(path.suffix.lower())
            name = path.name + "/" * path.is_dir()
            names.append(f"{name} ({': '.join(why)})" if why else name)
    return names


def _is_picture(path: Path) -> bool:
    if path.name.startswith("._"):  # a Mac's notes on the file beside it
        return False
    return path.is_file() and path.suffix.lower() in formats.SUFFIXES


class OutputFolder:
    """A folder for results, made where it is missing, in which nothing is overwritten.

    Raises BadValue where it cannot be made, or is the folder `source` of the inputs.
    """

    def __init__(self, path: Path, source: Path) -> None:
        try:
            path.mkdir(parents=True, exist_ok=True)
            taken = [key(p.name) for p in path.iterdir()]
        except OSError as error:
            raise BadValue(
                f"out: it cannot be made a folder ({error.strerror}); name another one."
            ) from None
        if path.samefile(source):
            raise BadValue("out: it is the folder of the pictures themselves; name another one.")
        self.path = path
        self._names = Different(taken, key=lambda name: key(f"{name}.png"))

    def write(self, image: Image.Image, name: str) -> Path:
        """Write an image as ``name.png``, or with a number where there is one already; return the
        path. No reader ever sees half of it, and none is left by a process that is killed.
        """
        part = self.path / f".{os.getpid()}.part"
        try:
            part.write_bytes(images.encode_png(image))
            while True:
                path = self.path / f"{self._names.name(name)}.png"
                with contextlib.suppress(FileExistsError):  # another process was quicker
                    _give_name(part, path)
                    return path
        finally:
            part.unlink(missing_ok=True)


def _give_name(part: Path, path: Path) -> None:
    """Call the file `part` `path`, too; raises FileExistsError where that is there already."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:  # some file systems have no links
        if path.exists():
            raise FileExistsError from None
        os.rename(part, path)
