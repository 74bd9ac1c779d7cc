"""The command line: ``python -m aigc_demo COMMAND …``; ``COMMAND --help`` shows its flags."""

from __future__ import annotations

import argparse
import importlib
import sys

from aigc_demo import settings
from aigc_demo.errors import UserError

COMMANDS = {
    "restore": "fill, denoise or enlarge a folder of images",
    "translate": "translate a folder of images to another domain",
    "augment": "make random variants of a folder of images",
    "evaluate": "score models against real images, and write their cards",
    "checkpoints": "make the shipped models again, and ship those that have become better",
    "previews": "make the pictures that the page opens with",
    "directions": "find the directions in a model's latents, and keep them beside its card",
    "convert": "make a model folder from published CycleGAN weights",
}


def main(arguments: list[str] | None = None) -> int:
    """Run the command that the arguments name; return its exit status."""
    listed = "\n".join(f"  {name:<12}{text}" for name, text in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="python -m aigc_demo",
        description=f"{__doc__}\n\ncommands:\n{listed}\n\nTo train a model, use train.py.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    command = importlib.import_module(f"aigc_demo.cli.{given.command}")
    try:
        settings.check()
        return command.main(given.rest)
    except UserError as error:
        print(f"{given.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130  # as shells have it


if __name__ == "__main__":
    sys.exit(main())
