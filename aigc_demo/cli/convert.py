"""Convert published CycleGAN weights to a model folder:

    python -m aigc_demo convert latest_net_G.pth --name horse2zebra-cyclegan --domains horse zebra

With ``--back`` the generator of the other direction is added. The files are read without running
any code of theirs.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from pydantic import ValidationError
from torch import Tensor

from aigc_demo import device
from aigc_demo.cli import batch_runner
from aigc_demo.errors import BadCheckpoint, BadValue, UserError
from aigc_demo.methods import METHODS, checkpoint
from aigc_demo.nn.generators import rename_weights, width_and_blocks
from aigc_demo.requests import explain

MAX_DOMAIN = 80  # characters of a name


def main(arguments: list[str] | None = None) -> int:
    """Write the folder that the arguments describe; return 0, or 2 where that cannot be done."""
    p = batch_runner.command_parser("convert", __doc__)
    p.add_argument("forth", help="weights of the generator from A to B")
    p.add_argument("--back", help="weights of the generator from B to A")
    p.add_argument("--name", required=True, help="of the folder")
    p.add_argument("--domains", nargs=2, default=("A", "B"), help="names of A and B")
    p.add_argument("--size", type=int, default=256, help="side of its training images")
    given = p.parse_args(arguments)
    device.set_threads(given.threads)
    try:
        folder = checkpoint.folder_called(given.checkpoints, given.name)
        if folder.exists():
            raise BadValue(f"name: {folder.name} is there already; choose another name.")
        convert(
            folder, [Path(f) for f in (given.forth, given.back) if f], given.domains, given.size
        )
    except UserError as error:
        return batch_runner.report("convert", error)
    print(f"written: {folder}")
    return 0


def convert(folder: Path, files: list[Path], domains: tuple[str, str], size: int = 256) -> None:
    """Write a model folder with the generator A → B and perhaps B → A of `files`; raises
    BadCheckpoint where they are of another network.
    """
    for i, domain in enumerate(domains):
        if not 0 < len(domain.strip()) <= MAX_DOMAIN:
            raise BadValue(f"domains.{i}: a name has 1 to {MAX_DOMAIN} characters; change it.")
    found = dict(zip(("AtoB", "BtoA"), (read(file) for file in files), strict=False))
    try:
        (width, blocks), *others = {width_and_blocks(weights) for weights in found.values()}
        if others:
            raise BadCheckpoint("back: its network has another size than the first one's.")
        config = {"network": "reference", "norm": "instance", "width": width, "blocks": blocks}
        config |= {"directions": list(found), "size": size, "crop": min(128, size) // 4 * 4}
        model = METHODS["cyclegan"].build(config)
        for way, weights in found.items():
            model.generators[way].load_state_dict(weights)
    except ValidationError as error:
        raise BadValue(explain(error)) from None
    except (KeyError, RuntimeError):
        raise BadCheckpoint(
            "These weights are not those of a residual generator of CycleGAN; use the file of a "
            "generator (…_net_G.pth)."
        ) from None
    card = checkpoint.Card(
        method="cyclegan",
        title=f"{domains[0]} and {domains[1]} · CycleGAN (published weights)",
        config=model.config.model_dump(mode="json"),
        data=folder.name,
        data_title=f"{domains[0]}, {domains[1]}",
        data_licence="as published",
        domains=tuple(domains),
    )
    try:
        checkpoint.save(folder, model, card)
    except OSError as error:
        raise BadValue(f"checkpoints: {error.strerror}; name another folder.") from None


def read(file: Path) -> dict[str, Tensor]:
    """Return the weights in a file of torch's, under the names they have here."""
    if not file.is_file():
        raise BadCheckpoint(f"{file.name}: there is no such file; name one that is there.")
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError):
        raise BadCheckpoint(f"{file.name} cannot be read; give a file of weights alone.") from None
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise BadCheckpoint(f"{file.name} holds more than weights; give a file of weights alone.")
    return rename_weights(state)
