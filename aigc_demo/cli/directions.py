"""Find the latent directions of models, and write them beside their cards:

    python -m aigc_demo directions --model fashion_mnist-dcgan mnist-vae

Without them they are found again wherever the cache is empty.
"""

from __future__ import annotations

from pathlib import Path

from aigc_demo.cli import batch_runner
from aigc_demo.errors import UserError
from aigc_demo.methods import checkpoint
from aigc_demo.pipelines import latent_directions


def main(arguments: list[str] | None = None) -> int:
    """Write the directions of the models that the arguments name; return 0."""
    parser = batch_runner.command_parser("directions", __doc__)
    parser.add_argument("--model", nargs="+", required=True, help="names of folders")
    given = parser.parse_args(arguments)
    for name in given.model:
        folder = Path(given.checkpoints) / name
        try:
            model, _ = checkpoint.load(folder)
        except UserError as problem:
            parser.error(str(problem))
        if not isinstance(model, latent_directions.LinearLatents):
            parser.error(f"{name} has no directions; name a GAN or a VAE.")
        found = latent_directions.compute(model)
        latent_directions.save(folder, found)
        shares = ", ".join(f"{share:.1%}" for share in found.explained_variance.tolist())
        print(f"{name}: {len(found.vectors)} directions, {shares} of the first layer's variance")
    return 0
