"""X/Y grids: a table of images in which one setting changes along each axis.

Images that differ by nothing but their seed and class are computed in one batch, since a network
sees batches of a fixed size anyway: so a grid of seeds costs little more than `generate` does.
"""

from __future__ import annotations

import contextlib
import csv
import io
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from aigc_demo.errors import BadValue, UserError
from aigc_demo.pipelines import generation
from aigc_demo.pipelines.model_cache import ModelCache
from aigc_demo.pipelines.model_info import ModelInfo, check_prompt, labels_of, options_of
from aigc_demo.requests import GenerateRequest, GridRequest


@dataclass(frozen=True)
class Cell:
    """An image of a grid, at the model's own size, and the settings that generate it again."""

    column: int
    row: int
    settings: dict[str, Any]
    image: Image.Image
    seconds: float  # of its batch, per image


@dataclass(frozen=True)
class GridResult:
    """The cells that are ready, row by row, with the captions of both axes."""

    x: str
    y: str
    columns: list[str]
    rows: list[str]
    cells: list[Cell] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def share(self) -> float:
        """The share of cells that are ready, 0 to 1."""
        return len(self.cells) / (len(self.columns) * len(self.rows))

    def csv(self) -> str:
        """Return a line a cell: row, column, settings and seconds."""
        names = list(dict.fromkeys(name for cell in self.cells for name in cell.settings))
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["row", "column", *names, "seconds"])
        for cell in self.cells:
            values = [cell.settings.get(name, "") for name in names]
            writer.writerow([cell.row + 1, cell.column + 1, *values, f"{cell.seconds:.4f}"])
        return out.getvalue()


@dataclass(frozen=True)
class _Planned:
    """A checked cell that has no image yet."""

    column: int
    row: int
    request: GenerateRequest
    settings: dict[str, Any]

    @property
    def shared(self) -> tuple[Any, ...]:
        """What all cells of a batch have in common."""
        return tuple(item for item in self.settings.items() if item[0] not in ("seed", "label"))


def run(request: GridRequest, models: ModelCache) -> Iterator[GridResult]:
    """Yield the grid as it fills, the empty one first and the full one last.

    Everything is checked before the first image is generated; raises UserError, which names the
    axis. A consumer that goes away stops it after at most a batch.
    """
    start = time.perf_counter()
    planned = _plan(request, models)
    captions = [_captions(values) for _, _, values in request.axes()]
    yield GridResult(request.x, request.y, *captions)
    done: list[Cell] = []
    for batch in _batches(planned):
        before = time.perf_counter()
        seeds = [cell.request.seed for cell in batch]
        labels = [cell.settings.get("label", "") for cell in batch]
        made = generation.sample(batch[0].request, models, seeds, labels)
        seconds = (time.perf_counter() - before) / len(batch)
        for cell, image in zip(batch, made, strict=True):
            done.append(Cell(cell.column, cell.row, cell.settings, image, seconds))
        done.sort(key=lambda cell: (cell.row, cell.column))
        seconds = time.perf_counter() - start
        yield GridResult(request.x, request.y, *captions, list(done), seconds)


def _plan(request: GridRequest, models: ModelCache) -> list[_Planned]:
    """Return the checked cells, row by row."""
    axes = {name: axis for axis, name, _ in request.axes()}
    values = {name: along for _, name, along in request.axes()}
    names = [str(name) for name in values.get("model", (request.model,))]
    infos = {name: _info(models, name, axes) for name in names}
    planned = []
    for row in range(len(request.y_values)):
        for column in range(len(request.x_values)):
            cell = request.cell(column, row)
            planned.append(_check(axes, column, row, cell, infos[cell.model]))
    return planned


def _info(models: ModelCache, name: str, axes: dict[str, str]) -> ModelInfo:
    with _named(axes, "model"):
        return models.info(name, "generate")


def _check(
    axes: dict[str, str], column: int, row: int, cell: GenerateRequest, info: ModelInfo
) -> _Planned:
    """Return a cell with what generates it; raises BadValue where its model cannot."""
    has = {option.name for option in info.options}
    for name in ("guidance", "evaluations", "temperature", "truncation"):
        if name in axes and name not in has:
            sentence = f"{info.name} has no {name}; choose another axis or model."
            raise BadValue(f"{axes[name]}: {sentence}")
    with _named(axes, "label"):
        label = labels_of(info, cell.label, 1)[0]
    with _named(axes, "prompt"):
        check_prompt(info, cell.prompt)
    settings: dict[str, Any] = {"model": cell.model, "seed": cell.seed}
    settings |= {"label": label} if info.labels else {}
    settings |= {"prompt": cell.prompt or ""} if info.condition == "text" else {}
    return _Planned(column, row, cell, settings | options_of(info, cell))


@contextlib.contextmanager
def _named(axes: dict[str, str], name: str) -> Iterator[None]:
    """Put before an error the axis that the field comes from; a label or prompt that does not fit
    may also be due to the axis of the models.
    """
    try:
        yield
    except UserError as problem:
        axis = axes.get(name) or axes.get("model")
        raise type(problem)(f"{axis}: {problem}" if axis else str(problem)) from None


def _batches(planned: list[_Planned]) -> Iterator[list[_Planned]]:
    """Yield cells that one batch can generate."""
    groups: dict[tuple[Any, ...], list[_Planned]] = {}
    for cell in planned:
        groups.setdefault(cell.shared, []).append(cell)
    for group in groups.values():
        for first in range(0, len(group), generation.BATCH):
            yield group[first : first + generation.BATCH]


def _captions(values: tuple[str | int | float, ...]) -> list[str]:
    return [f"{value:g}" if isinstance(value, float) else str(value) for value in values]
