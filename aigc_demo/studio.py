"""`Studio`: a request in, images out. Usable from Python, without a browser and without gradio.

    from aigc_demo.requests import GenerateRequest
    from aigc_demo.studio import Studio

    result = Studio("checkpoints").generate(
        GenerateRequest(model="fashion_mnist-flow", label="Bag", count=16, seed=7)
    )
    result.images[0].save("bag.png")

What a request goes through is in `pipelines`. Every method raises `UserError` where a request does
not fit its model; those that end in ``_steps`` yield what is ready so far, the result last.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from aigc_demo import device as devices
from aigc_demo.crf import colour_quantisation, scribble_segmentation
from aigc_demo.crf.colour_quantisation import CrfResult as CrfResult
from aigc_demo.crf.scribble_segmentation import MaskResult
from aigc_demo.pipelines import generation, previews, restoration, translation, xy_grid
from aigc_demo.pipelines.generation import GenerateResult as GenerateResult
from aigc_demo.pipelines.model_cache import ModelCache
from aigc_demo.pipelines.model_info import RUN_PREFIX as RUN_PREFIX, ModelInfo
from aigc_demo.pipelines.previews import Preview as Preview
from aigc_demo.pipelines.restoration import RestoreResult
from aigc_demo.pipelines.translation import TranslateResult
from aigc_demo.pipelines.xy_grid import GridResult
from aigc_demo.requests import (
    AugmentRequest,
    CrfRequest,
    DirectionRequest,
    GenerateRequest,
    GridRequest,
    MaskRequest,
    MorphRequest,
    RestoreRequest,
    TranslateRequest,
)

if TYPE_CHECKING:
    from aigc_demo.methods.base import Task
    from aigc_demo.pipelines.augmentation import AugmentResult


class Studio:
    """Answers requests with the models of folders, one at a time; threads may share it."""

    def __init__(
        self,
        checkpoints: str | Path = "checkpoints",
        *,
        runs_root: str | Path | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        self.checkpoints = Path(checkpoints)
        self.runs_root = Path(runs_root) if runs_root else None
        self.device = torch.device(device) if device else devices.default_device()
        self.cache = ModelCache(self.checkpoints, self.runs_root, self.device)

    def models(self, task: str | None = None) -> list[ModelInfo]:
        """Return every model, the broken ones (whose task is unknown) with their reason: first
        those of training runs, the newest first, then the shipped ones in order of name.
        """
        return self.cache.models(task)

    def info(self, name: str, task: Task | None = None) -> ModelInfo:
        """Return the model called `name`.

        Raises BadValue where there is none or it is for another `task`, and BadCheckpoint where it
        is broken.
        """
        return self.cache.info(name, task)

    def preview(self, name: str) -> Preview | None:
        """Return what is kept of a shipped model's pictures, or None where nothing is."""
        return previews.load(self.checkpoints / name) if name in self.cache.folders() else None

    def generate(self, request: GenerateRequest) -> GenerateResult:
        """Return `request.count` images."""
        *_, result = self.generate_steps(request, every_step=False)
        return result

    def generate_steps(
        self, request: GenerateRequest, *, every_step: bool = True
    ) -> Iterator[GenerateResult]:
        """Yield all `request.count` images as they form."""
        yield from generation.generate(request, self.cache, every_step=every_step)

    def morph(self, request: MorphRequest) -> GenerateResult:
        """Return images that interpolate between two seeds and conditions."""
        return generation.morph(request, self.cache)

    def traverse(self, request: DirectionRequest) -> GenerateResult:
        """Return the image, or the strip of images, of a seed moved along latent directions."""
        return generation.traverse(request, self.cache)

    def grid(self, request: GridRequest) -> GridResult:
        """Return a table of images; an error names the axis that does not fit."""
        *_, result = self.grid_steps(request)
        return result

    def grid_steps(self, request: GridRequest) -> Iterator[GridResult]:
        """Yield the table as it fills, the empty one first."""
        yield from xy_grid.run(request, self.cache)

    def restore(self, request: RestoreRequest) -> RestoreResult:
        """Return the restored image."""
        *_, result = self.restore_steps(request)
        assert isinstance(result, RestoreResult)
        return result

    def restore_steps(self, request: RestoreRequest) -> Iterator[float | RestoreResult]:
        """Yield the share that is done, from 0 to 1, then the result."""
        yield from restoration.run(request, self.cache)

    def translate(self, request: TranslateRequest) -> TranslateResult:
        """Return the image in the other domain."""
        *_, result = self.translate_steps(request)
        assert isinstance(result, TranslateResult)
        return result

    def translate_steps(self, request: TranslateRequest) -> Iterator[float | TranslateResult]:
        """Yield the share that is done, from 0 to 1, then the result."""
        yield from translation.run(request, self.cache)

    def augment(self, request: AugmentRequest) -> AugmentResult:
        """Return random variants of an image."""
        # No other request needs the many modules of transforms.
        from aigc_demo.pipelines import augmentation

        return augmentation.run(request)

    def quantise_colours(self, request: CrfRequest) -> CrfResult:
        """Return the image in a few flat colours."""
        with self.cache.lock.held():
            return colour_quantisation.quantise(request, self.device)

    def segment_scribbles(self, request: MaskRequest) -> MaskResult:
        """Return the mask of the object that scribbles mark."""
        with self.cache.lock.held():
            return scribble_segmentation.segment(request, self.device)
