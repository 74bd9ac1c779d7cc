"""`Studio`: a request in, pictures out. Usable from Python, without a browser and without gradio.

    from aigc_demo.requests import GenerateRequest
    from aigc_demo.studio import Studio

    result = Studio("checkpoints").generate(
        GenerateRequest(model="fashion_mnist-flow", label="Bag", count=16, seed=7)
    )
    result.images[0].save("bag.png")

Its models stand on a `Shelf`. One request computes at a time. Networks see batches of `CHUNK`: a
picture is the same to the byte alone or among many.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from aigc_demo import device as devices
from aigc_demo.crf import colour_quantisation, scribble_segmentation
from aigc_demo.crf.colour_quantisation import CrfResult
from aigc_demo.crf.scribble_segmentation import MaskResult
from aigc_demo.errors import OutOfMemory
from aigc_demo.imaging import images
from aigc_demo.methods.base import Generative, Model
from aigc_demo.nn import byte_tokenizer
from aigc_demo.nn.interpolation import slerp
from aigc_demo.pipelines import augmentation, latent_directions, restoration, translation, xy_grid
from aigc_demo.pipelines.augmentation import AugmentResult
from aigc_demo.pipelines.model_cache import Shelf
from aigc_demo.pipelines.model_info import (
    YOURS as YOURS,
    ModelInfo,
    check_prompt,
    labels_of,
    options_of,
)
from aigc_demo.pipelines.restoration import RestoreResult
from aigc_demo.pipelines.translation import TranslateResult
from aigc_demo.pipelines.xy_grid import GridResult
from aigc_demo.requests import (
    MAX_SEED,
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

CHUNK = 8


@dataclass(frozen=True)
class GenerateResult:
    """Pictures at the model's own resolution, with the seed of each and its class or prompt (""
    without).
    """

    images: list[Image.Image]
    seeds: list[int]
    labels: list[str]
    seconds: float


class Studio:
    """Answers requests with the models of folders; safe to share between threads."""

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
        self._lock = threading.RLock()
        self.shelf = Shelf(self.checkpoints, self.runs_root, self.device)

    def models(self, task: str | None = None) -> list[ModelInfo]:
        """Return every model, the broken ones (whose task is unknown) with their reason: first
        those of training runs, the newest first, then the shipped ones in order of name.
        """
        return self.shelf.models(task)

    def info(self, name: str) -> ModelInfo:
        """Return the model called `name`.

        Raises BadValue where there is none and BadCheckpoint where it is broken.
        """
        return self.shelf.info(name)

    def generate(self, request: GenerateRequest) -> GenerateResult:
        """Return `request.count` pictures; raises UserError where the request does not fit the
        model.
        """
        *_, result = self.generate_steps(request, every_step=False)
        return result

    def generate_steps(
        self, request: GenerateRequest, *, every_step: bool = True
    ) -> Iterator[GenerateResult]:
        """Yield the pictures as they form, all `request.count` of them at a time, the finished
        ones last.
        """
        start = time.perf_counter()
        info = self.info(request.model)
        labels = labels_of(info, request.label, request.count)
        seeds = [(request.seed + i) % (MAX_SEED + 1) for i in range(request.count)]
        options = options_of(info, request)
        numbers = [info.labels.index(label) if label else 0 for label in labels]
        check_prompt(info, request.prompt)
        if info.condition == "text":
            labels = [request.prompt or ""] * request.count
        done: list[Image.Image] = []
        for first in range(0, request.count, CHUNK):
            part = slice(first, first + CHUNK)
            for pixels in self._chunk(request, seeds[part], numbers[part], options, every_step):
                formed = images.to_pil(pixels)
                blank = Image.new(formed[0].mode, formed[0].size)
                waiting = [blank] * (request.count - len(done) - len(formed))
                if every_step:
                    yield GenerateResult(
                        [*done, *formed, *waiting],
                        seeds,
                        labels,
                        time.perf_counter() - start,
                    )
            done += formed
        yield GenerateResult(done, seeds, labels, time.perf_counter() - start)

    def morph(self, request: MorphRequest) -> GenerateResult:
        """Return `request.frames` pictures on the way from one seed and class to another."""
        start = time.perf_counter()
        info = self.info(request.model)
        ends = [
            labels_of(info, request.label, 1)[0],
            labels_of(info, request.to_label or request.label, 1)[0],
        ]
        numbers = [info.labels.index(e) if e else 0 for e in ends]
        to_prompt = request.prompt if request.to_prompt is None else request.to_prompt
        prompts = [request.prompt or "", to_prompt or ""]
        check_prompt(info, max(prompts, key=len))
        options = options_of(info, request)
        done: list[Image.Image] = []
        with self._lock:
            model = self._model(request.model)
            rest = [0] * (CHUNK - 2)
            labels = torch.tensor(numbers + rest, device=self.device) if info.labels else None
            a, b, *_ = model.latents(model.noise([request.seed, request.to_seed, *rest]), labels)
            classes = self._told(model, labels, [*prompts, *[""] * len(rest)])
            way = torch.linspace(0, 1, request.frames, device=self.device)
            for part in way.split(CHUNK):
                t = torch.cat([part, part[-1:].expand(CHUNK - len(part))])
                mixed = (
                    None if classes is None else torch.lerp(classes[:1], classes[1:2], t[:, None])
                )
                with _room():
                    x = model.decode(slerp(a, b, t), mixed, **options)
                done += images.to_pil(x[: len(part)])
        ends = prompts if info.condition == "text" else ends
        n, label = request.frames, ends[0] if ends[0] == ends[1] else f"{ends[0]} → {ends[1]}"
        return GenerateResult(done, [request.seed] * n, [label] * n, time.perf_counter() - start)

    def grid(self, request: GridRequest) -> GridResult:
        """Return a table of pictures; raises BadValue, which names the axis that does not fit."""
        *_, result = self.grid_steps(request)
        return result

    def grid_steps(self, request: GridRequest) -> Iterator[GridResult]:
        """Yield the table as it fills, the empty one first and the full one last."""
        yield from xy_grid.run(request, self.info, self._paint, batch=CHUNK)

    def steer(self, request: DirectionRequest) -> GenerateResult:
        """Return the picture, or the strip of pictures, of a seed moved along the directions of
        the model's latents; raises UserError where the request does not fit the model.
        """
        start = time.perf_counter()
        info = self.info(request.model)
        label = labels_of(info, request.label, 1)[0]
        options = options_of(info, request)
        rows = latent_directions.offsets_of(request, info.steerable)
        done: list[Image.Image] = []
        for part in rows.split(CHUNK):
            whole = torch.cat([part, part[-1:].expand(CHUNK - len(part), -1)])
            with self._lock, _room():
                model = self._model(request.model)
                ways = self.shelf.directions(request.model).ways.to(self.device)
                number = info.labels.index(label) if label else 0
                labels = torch.tensor([number] * CHUNK, device=self.device)
                latents = model.latents(model.noise([request.seed] * CHUNK), labels)
                latents = latent_directions.move(latents, ways, whole.to(self.device))
                x = model.decode(latents, model.one_hot(labels), **options)
                done += images.to_pil(x[: len(part)])
        n = len(done)
        return GenerateResult(done, [request.seed] * n, [label] * n, time.perf_counter() - start)

    def restore(self, request: RestoreRequest) -> RestoreResult:
        """Return the restored picture; raises UserError where something does not fit."""
        *_, result = self.restore_steps(request)
        assert isinstance(result, RestoreResult)
        return result

    def restore_steps(self, request: RestoreRequest) -> Iterator[float | RestoreResult]:
        """Yield the share that is done, from 0 to 1, then the result."""
        yield from restoration.run(request, self._restorer, self._lock)

    def translate(self, request: TranslateRequest) -> TranslateResult:
        """Return the picture in the other domain; raises UserError where something is amiss."""
        *_, result = self.translate_steps(request)
        assert isinstance(result, TranslateResult)
        return result

    def translate_steps(self, request: TranslateRequest) -> Iterator[float | TranslateResult]:
        """Yield the share that is done, from 0 to 1, then the result."""
        info = self.info(request.model)
        yield from translation.run(request, info, self._model, self._lock)

    def augment(self, request: AugmentRequest) -> AugmentResult:
        """Return variants of a picture; raises UserError where something does not fit."""
        return augmentation.run(request)

    def clean_up(self, request: CrfRequest) -> CrfResult:
        """Return the picture in flat colours; raises UserError where something does not fit."""
        with self._lock, _room():
            return colour_quantisation.flatten(request, self.device)

    def outline(self, request: MaskRequest) -> MaskResult:
        """Return the mask of what a stroke marks; raises UserError where something does not
        fit.
        """
        with self._lock, _room():
            return scribble_segmentation.outline(request, self.device)

    def _restorer(self, name: str) -> Model:
        self.info(name)
        return self._model(name)

    def _paint(
        self,
        request: GenerateRequest,
        seeds: list[int],
        numbers: list[int],
        options: dict[str, float],
    ) -> list[Image.Image]:
        """Return at most CHUNK pictures of these seeds and class numbers."""
        return images.to_pil(next(self._chunk(request, seeds, numbers, options, False)))

    def _chunk(
        self,
        request: GenerateRequest,
        seeds: list[int],
        numbers: list[int],
        options: dict[str, float],
        every_step: bool,
    ) -> Iterator[Tensor]:
        """Yield the pixels (uint8) of at most CHUNK pictures as they form."""
        n = len(seeds)
        with self._lock:
            model = self._model(request.model)
            classes = torch.tensor(numbers + [0] * (CHUNK - n), device=self.device)
            labels = classes if model.config.classes else None
            noise = model.noise(seeds + [0] * (CHUNK - n))
            told = self._told(model, labels, [request.prompt or ""] * CHUNK)
            steps = model.decode_steps(model.latents(noise, labels), told, **options)
        last = None
        while True:
            # Hold the lock within a step only: a reader that goes away must not keep it.
            with self._lock, _room():
                x = next(steps, None)
            if x is None:
                break
            last = x[:n]
            if every_step:
                yield images.quantise(last)
        if not every_step and last is not None:
            yield images.quantise(last)

    def _told(self, model: Generative, labels: Tensor | None, prompts: list[str]) -> Tensor | None:
        """Return what each picture is told: the weights of its class, or what its prompt says."""
        if model.reads:
            return model.read(byte_tokenizer.encode(prompts).to(self.device))
        return model.one_hot(labels)

    def _model(self, name: str) -> Generative:
        """Return a loaded model. Call with the lock held."""
        return self.shelf.load(name)


@contextlib.contextmanager
def _room() -> Iterator[None]:
    """Turn the device's lack of memory into a sentence."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise OutOfMemory("The device has no room for this; ask for fewer pictures.") from None
