"""The previews of a run: contact sheets of the same noise, or of the same images, each time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import torch
from PIL import Image
from torch import Tensor

from aigc_demo import data
from aigc_demo.imaging import images
from aigc_demo.methods import checkpoint
from aigc_demo.methods.base import Batch, Generative
from aigc_demo.nn import byte_tokenizer
from aigc_demo.training.events import Event, Preview
from aigc_demo.training.session import Session

PREVIEWS = "previews"  # the folder in the run directory
COLUMNS, MAX_ROWS, ROWS_WITHOUT_CLASSES = 8, 10, 4
LEAST_ALIKE = 4  # images of a class, among which there can be near-copies


class PreviewWriter:
    """Writes a contact sheet of eight columns: of a generative model, samples with one row a class
    (at most ten); of another, the rows that it shows of fixed images.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self._fixed_batch = session.fixed_batch()
        generates = isinstance(session.model, Generative)
        classes = session.model.config.classes
        self._real = real_images(session.dataset, classes) if generates else None
        self._written_at = -1
        (session.directory / PREVIEWS).mkdir(parents=True, exist_ok=True)

    def write(self) -> Iterator[Event]:
        """Write the sheet, unless it has been since the last step."""
        model, step = self.session.model, self.session.trainer.steps
        if self._written_at == step:
            return
        self.session.finish_model()
        self._written_at, found = step, None
        if isinstance(model, Generative) and model.text_conditional:
            sheet = captioned_sheet(model, self._fixed_batch.captions)
        elif isinstance(model, Generative):
            samples = contact_samples(model)
            sheet = images.grid(images.to_pil(samples), COLUMNS)
            found = None if self._real is None else diversity(samples, self._real)
        elif rows := model.preview_rows(_first(self._fixed_batch, COLUMNS)):
            sheet = images.grid(images.to_pil(torch.cat(rows)), columns=COLUMNS)
        else:
            return
        path = f"{PREVIEWS}/{step:08d}.png"
        checkpoint.write_bytes(self.session.directory / path, images.encode_png(sheet))
        yield Preview(step, path, found)


def captioned_sheet(model: Generative, captions: Tensor) -> Image.Image:
    """Return samples from the seeds 0, 1, …, one for each of `captions` (B, L)."""
    samples = images.to_pil(model.sample(model.noise(range(len(captions))), captions=captions))
    texts = byte_tokenizer.decode(captions)
    return images.grid(list(map(images.captioned, samples, texts)), COLUMNS)


def contact_samples(model: Generative) -> Tensor:
    """Return samples (B, C, H, W) from the seeds 0, 1, …: the same seeds for each class in turn,
    as many of each as a sheet has columns.
    """
    labels, noise = None, model.noise(range(ROWS_WITHOUT_CLASSES * COLUMNS))
    if classes := min(model.config.classes, MAX_ROWS):
        noise = noise[:COLUMNS].repeat(classes, *[1] * len(model.noise_shape))
        labels = torch.arange(classes, device=noise.device).repeat_interleave(COLUMNS)
    return model.sample(noise, labels)


def real_images(dataset: data.Dataset, classes: int) -> Tensor | None:
    """Return real images (K, N, C, H, W) of the K classes that `contact_samples` of a model with
    `classes` shows, as many of each or as there are; None where that is too few to compare.
    """
    labels = dataset.labels if classes else torch.zeros_like(dataset.labels)
    count = COLUMNS if classes else ROWS_WITHOUT_CLASSES * COLUMNS
    kinds = range(max(1, min(classes, MAX_ROWS)))
    places = [(labels == kind).nonzero()[:count, 0] for kind in kinds]
    fewest = min(map(len, places))
    if fewest < LEAST_ALIKE:
        return None
    chosen = torch.stack([each[:fewest] for each in places])
    return images.from_pixels(dataset.images[chosen.flatten()]).unflatten(0, chosen.shape)


def diversity(samples: Tensor, real: Tensor) -> float | None:
    """Return the mean distance of samples to their nearest neighbours among the first N of their
    class, divided by that of `real` images (K, N, C, H, W); None where those are copies of each
    other. Samples (B, C, H, W) are B / K of each class in turn.

    Near-copies among few samples tell how few there are in all: Arora & Zhang, "Do GANs actually
    learn the distribution?", 2017, https://arxiv.org/abs/1706.08224.
    """
    fake = samples.float().cpu().unflatten(0, (len(real), -1))[:, : real.shape[1]]
    ours, theirs = (float(_nearest_distance(x.flatten(2))) for x in (fake, real))
    return round(ours / theirs, 4) if theirs > 0 else None


def _nearest_distance(rows: Tensor) -> Tensor:
    """Return the mean distance of rows (K, N, F) to their nearest neighbours among the N."""
    distances = torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist")
    distances.diagonal(dim1=1, dim2=2).fill_(torch.inf)
    return distances.min(dim=2).values.mean()


def _first(batch: Batch, count: int) -> Batch:
    """Return the first images of a batch."""
    parts = {f.name: getattr(batch, f.name) for f in fields(batch)}
    return Batch(**{name: None if x is None else x[:count] for name, x in parts.items()})
