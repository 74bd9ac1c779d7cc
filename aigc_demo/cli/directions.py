"""Find the latent directions of models, and write them beside their cards:

    python -m aigc_demo directions --model fashion_mnist-dcgan mnist-vae

Without them they are found again wherever the cache is empty.
"""

from __future__ import annotations

from pathlib import Path

from aigc_demo import device
from aigc_demo.cli import batch_runner
from aigc_demo.errors import BadValue, UserError
from aigc_demo.methods import checkpoint
from aigc_demo.pipelines import latent_directions


def main(arguments: list[str] | None = None) -> int:
    """Write the directions of the models that the arguments name; return 0, or 2 where one has
    none.
    """
    parser = batch_runner.command_parser("directions", __doc__)
    parser.add_argument(
        "--model", nargs="+", action="extend", required=True, help="names of folders"
    )
    given = parser.parse_args(arguments)
    device.set_threads(given.threads)
    folders = {folder.name: folder for folder in checkpoint.folders(given.checkpoints)}
    try:
        for name in given.model:
            if name not in folders:
                known = ", ".join(folders) or "none"
                raise BadValue(f"model: there is no model “{name}”; choose one of: {known}.")
            write(folders[name])
    except UserError as error:
        return batch_runner.report("directions", error)
    return 0


def write(folder: Path) -> None:
    """Find the directions of a model and keep them in its folder; raises UserError."""
    model, _ = checkpoint.load(folder)
    if not isinstance(model, latent_directions.LinearLatents):
        raise BadValue(f"model: {folder.name} has no directions; name a GAN or a VAE.")
    found = latent_directions.compute(model)
    latent_directions.save(folder, found)
    shares = ", ".join(f"{share:.1%}" for share in found.explained_variance.tolist())
    print(
        f"{folder.name}: {len(found.vectors)} directions, {shares} of the first layer's variance"
    )
