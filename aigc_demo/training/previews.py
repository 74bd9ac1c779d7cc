"""The previews of a run: contact sheets of the same noise, or of the same images, each time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import torch
from PIL import Image
from torch import Tensor

from aigc_demo.imaging import images
from aigc_demo.methods.base import Batch, Generative
from aigc_demo.nn import byte_tokenizer
from aigc_demo.training.events import Event, Preview
from aigc_demo.training.session import Session

PREVIEWS = "previews"  # the folder in the run directory
COLUMNS, MAX_ROWS, ROWS_WITHOUT_CLASSES = 8, 10, 4


class PreviewWriter:
    """Writes a contact sheet of eight columns: of a generative model, samples with one row a class
    (at most ten); of another, the rows that it shows of fixed images.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self._fixed_batch = session.fixed_batch()
        self._written_at = -1
        (session.directory / PREVIEWS).mkdir(parents=True, exist_ok=True)

    def write(self) -> Iterator[Event]:
        """Write the sheet, unless it has been since the last step."""
        model, step = self.session.model, self.session.trainer.steps
        if self._written_at == step:
            return
        self.session.finish_model()
        self._written_at = step
        if isinstance(model, Generative):
            sheet = contact_sheet(
                model, self._fixed_batch.captions if model.text_conditional else None
            )
        elif rows := model.preview_rows(_first(self._fixed_batch, COLUMNS)):
            sheet = images.grid(images.to_pil(torch.cat(rows)), columns=COLUMNS)
        else:
            return
        path = f"{PREVIEWS}/{step:08d}.png"
        (self.session.directory / path).write_bytes(images.encode_png(sheet))
        yield Preview(step, path)


def contact_sheet(model: Generative, captions: Tensor | None = None) -> Image.Image:
    """Return samples from the seeds 0, 1, …: the same seeds in a row for each class, or one sample
    for each of `captions` (B, L).
    """
    if captions is not None:
        samples = images.to_pil(model.sample(model.noise(range(len(captions))), captions=captions))
        texts = byte_tokenizer.decode(captions)
        return images.grid(list(map(images.captioned, samples, texts)), COLUMNS)
    labels, noise = None, model.noise(range(ROWS_WITHOUT_CLASSES * COLUMNS))
    if classes := min(model.config.classes, MAX_ROWS):
        noise = noise[:COLUMNS].repeat(classes, *[1] * len(model.noise_shape))
        labels = torch.arange(classes, device=noise.device).repeat_interleave(COLUMNS)
    return images.grid(images.to_pil(model.sample(noise, labels)), COLUMNS)


def _first(batch: Batch, count: int) -> Batch:
    """Return the first images of a batch."""
    parts = {f.name: getattr(batch, f.name) for f in fields(batch)}
    return Batch(**{name: None if x is None else x[:count] for name, x in parts.items()})
