"""Feature extractors: the small network of this repository, and Inception.

``compact`` is the checkpoint of that name, a classifier of the registered data sets at 32×32. It
is fast enough to score while a model trains; its scores compare models of this repository with
each other, never with papers.

``inception`` is the network that published FIDs are made with (Szegedy et al., "Rethinking the
Inception Architecture for Computer Vision", 2015, https://arxiv.org/abs/1512.00567), as
torch-fidelity rebuilds it. Its weights (95 MB) are not part of the repository: a user names a file
or asks for the download, and the file must have the known SHA-256.

Knows nothing of data sets beyond the names of the classes that an extractor was trained with.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from unittest import mock

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aigc_demo import device as devices
from aigc_demo.errors import BadCheckpoint, BadData, BadImage
from aigc_demo.imaging import images
from aigc_demo.methods import METHODS, checkpoint

COMPACT = Path(__file__).parents[2] / "checkpoints" / "compact"
SECOND = "compact_b"  # beside it: another architecture and seed, in no loss and no choice
INCEPTION_FILE = "weights-inception-2015-12-05-6726825d.pth"
INCEPTION_URL = (
    f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{INCEPTION_FILE}"
)
INCEPTION_SHA256 = "6726825d"  # the first digits, which the file carries in its name


@dataclass(frozen=True)
class Features:
    """The features of N images, float32, on the CPU."""

    values: Tensor  # (N, F)
    logits: Tensor | None = None  # (N, K)

    def __len__(self) -> int:
        return len(self.values)

    @staticmethod
    def cat(parts: list[Features]) -> Features:
        """Return the features of all parts, one after the other."""
        known = [p.logits for p in parts if p.logits is not None]
        logits = torch.cat(known) if len(known) == len(parts) else None
        return Features(torch.cat([p.values for p in parts]), logits)


class Extractor(ABC):
    """Maps uint8 images to `Features`; an image's features do not depend on the others.

    The network's batches always have `chunk` images, the last one padded, since convolutions may
    round differently for batches of different sizes.
    """

    name = ""
    dimensions = 0
    chunk = 50

    def __init__(self, network: nn.Module, device: torch.device | str | None) -> None:
        self.device = torch.device(device) if device else devices.default_device()
        self.network = network.to(self.device).eval().requires_grad_(False)
        self.fingerprint = _fingerprint(network)

    @property
    def identity(self) -> str:
        """Its name and the fingerprint of its weights."""
        return f"{self.name}-{self.fingerprint}"

    @torch.no_grad()
    def __call__(self, pixels: Tensor) -> Features:
        """Return the features of uint8 images (N, C, H, W), grey or RGB, of any size.

        Raises BadImage for other tensors.
        """
        if pixels.dtype != torch.uint8 or pixels.ndim != 4 or pixels.shape[1] not in (1, 3):
            raise BadImage(
                f"Pictures are uint8 (N, 1 or 3, H, W), not {pixels.dtype} {tuple(pixels.shape)}; "
                "make them grey or RGB with 8 bits."
            )
        return Features.cat([self._chunk(part) for part in pixels.split(self.chunk)])

    def _chunk(self, pixels: Tensor) -> Features:
        n = len(pixels)
        full = F.pad(pixels, (0, 0) * 3 + (0, self.chunk - n))  # (n, …) -> (chunk, …)
        values, logits = self.extract(full.expand(-1, 3, -1, -1).to(self.device))
        return Features(values[:n].float().cpu(), logits[:n].float().cpu())

    @abstractmethod
    def extract(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Map uint8 images (chunk, 3, H, W) to features (chunk, F) and logits (chunk, K)."""

    def class_numbers(self, dataset_name: str, classes: tuple[str, ...]) -> list[int] | None:
        """Return the places of a data set's `classes` among the extractor's logits, or None where
        it does not know them all.
        """
        return None


class Compact(Extractor):
    """A classifier; images of other sizes are resized by antialiased bilinear interpolation in
    float32, without rounding to 8 bits once more.
    """

    name = "compact"
    chunk = 100

    def __init__(
        self,
        network: nn.Module,
        classes: tuple[str, ...],
        device: torch.device | str | None,
        name: str = "compact",
    ) -> None:
        super().__init__(network.to(memory_format=torch.channels_last), device)
        self.classes, self.name = classes, name
        self.dimensions = network.config.features

    def extract(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        x, size = images.from_pixels(pixels), self.network.config.size
        if x.shape[-2:] != (size, size):
            x = F.interpolate(x, (size, size), mode="bilinear", antialias=True)
        with devices.autocast(self.device):
            values = self.network.features(x)
        return values, self.network.classify(values)

    def class_numbers(self, dataset_name: str, classes: tuple[str, ...]) -> list[int] | None:
        joined = "+" in dataset_name  # its classes carry the names of their sets already
        names = [c if joined else f"{dataset_name}/{c}" for c in classes]
        places = {name: i for i, name in enumerate(self.classes)}
        return [places[n] for n in names] if names and places.keys() >= set(names) else None


class Inception(Extractor):
    """The Inception network of published scores, in float32 as there: 2048 features of images
    resized to 299×299 the way TensorFlow 1 did.
    """

    name = "inception"
    dimensions = 2048
    chunk = 10

    def extract(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        return self.network(pixels)


def compact(folder: Path | None = None, device: torch.device | str | None = None) -> Compact:
    """Return the extractor of the checkpoint `folder`, the shipped ``compact`` unless given.

    It is loaded once. Raises BadCheckpoint where it is missing, damaged or no classifier.
    """
    return _compact(folder or COMPACT, device)


def judges(device: torch.device | str | None = None) -> list[Compact]:
    """Return the extractors that models are compared by: ``compact``, and where it is here the
    second judge, so that what flatters the features of one does not pass for quality.
    """
    first, second = compact(None, device), COMPACT.with_name(SECOND)
    return [first, _compact(second, device, SECOND)] if second.is_dir() else [first]


@lru_cache(maxsize=4)
def _compact(folder: Path, device: torch.device | str | None, name: str = "compact") -> Compact:
    network, card = checkpoint.load(folder)
    if METHODS[card.method].task != "measure":
        raise BadCheckpoint(
            f"{folder.name} makes pictures and cannot measure them; name a classifier's folder."
        )
    return Compact(network, card.classes, device, name)


@lru_cache(maxsize=1)
def inception(
    weights: Path,
    device: torch.device | str | None = None,
    *,
    sha256: str = INCEPTION_SHA256,
) -> Inception:
    """Return the Inception extractor with the weights of a local file whose SHA-256 begins with
    `sha256`.

    Nothing is downloaded and no pickled code is run. Raises BadCheckpoint where the file is
    missing, another one or no weights.
    """
    from torch_fidelity import feature_extractor_inceptionv3 as original

    state = _read_checked(weights, sha256)
    # The constructor would download or unpickle; hand it what was read safely instead.
    with mock.patch.object(original, "load_state_dict_from_url", lambda *_, **__: state):
        try:
            network = original.FeatureExtractorInceptionV3(
                "inception-v3-compat", ["2048", "logits_unbiased"]
            )
        except (RuntimeError, TypeError, AttributeError):
            raise _no_inception(weights) from None
    return Inception(network, device)


def download_inception(folder: Path) -> Path:
    """Fetch the weights of Inception into `folder` unless they are there; return their file.

    Only ever called because a person asked for it. Raises BadData without a network.
    """
    path = folder / INCEPTION_FILE
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(INCEPTION_URL, str(path), INCEPTION_SHA256)
        except (OSError, RuntimeError):
            raise BadData(
                f"{INCEPTION_FILE} could not be downloaded; try again with a network, or copy the "
                "file here and name it with --inception-weights."
            ) from None
    return path


def _read_checked(weights: Path, sha256: str) -> dict[str, Tensor]:
    try:
        content = weights.read_bytes()
        found = hashlib.sha256(content).hexdigest()
        if not found.startswith(sha256):
            raise BadCheckpoint(
                f"{weights.name} has the SHA-256 {found[:16]}… and not {sha256[:16]}…; "
                f"use the file {INCEPTION_FILE} of torch-fidelity, or --download-inception."
            )
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, ValueError, pickle.UnpicklingError):
        raise _no_inception(weights) from None


def _no_inception(weights: Path) -> BadCheckpoint:
    return BadCheckpoint(
        f"{weights.name} is missing or holds no weights of Inception; "
        f"use the file {INCEPTION_FILE} of torch-fidelity, or --download-inception."
    )


def _fingerprint(network: nn.Module) -> str:
    """Return a short hash of all weights by name."""
    digest = hashlib.sha256()
    for name, value in network.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy())
    return digest.hexdigest()[:12]
