"""X/Y grids: a table of pictures in which one setting changes along each side.

Pictures that differ by nothing but their seed and class are computed together, since a network
sees batches of a fixed size anyway: so a grid of seeds costs little more than `Generate` does.
Knows requests and captions; what paints is handed in.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from aigc_demo.errors import BadValue, UserError
from aigc_demo.pipelines.model_info import ModelInfo, check_prompt, labels_of, options_of
from aigc_demo.requests import GenerateRequest, GridRequest

# Paints a picture for each seed and class number; all share the model, the prompt and the options.
Paint = Callable[[GenerateRequest, list[int], list[int], dict[str, float]], list[Image.Image]]


@dataclass(frozen=True)
class Cell:
    """A picture of a grid, at the model's own size, and what makes it again in `Generate`."""

    column: int
    row: int
    settings: dict[str, Any]
    image: Image.Image
    seconds: float  # its share of the time of those that were painted with it


@dataclass(frozen=True)
class GridResult:
    """The cells that are ready, in the order of rows, with the captions of both sides."""

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
        """Return a line a cell: row, column, the captions of both, the settings and seconds."""
        names = list(dict.fromkeys(name for cell in self.cells for name in cell.settings))
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["row", "column", *names, "seconds"])
        for cell in self.cells:
            values = [cell.settings.get(name, "") for name in names]
            writer.writerow([cell.row + 1, cell.column + 1, *values, f"{cell.seconds:.4f}"])
        return out.getvalue()


@dataclass(frozen=True)
class _Plan:
    """What one cell needs, checked."""

    column: int
    row: int
    request: GenerateRequest
    number: int  # of its class
    options: dict[str, float]
    settings: dict[str, Any]

    @property
    def alike(self) -> tuple[Any, ...]:
        """What cells that are painted together have in common."""
        return (self.request.model, self.request.prompt, *self.options.items())


def run(
    request: GridRequest, info_of: Callable[[str], ModelInfo], paint: Paint, *, batch: int
) -> Iterator[GridResult]:
    """Yield the grid as it fills, the empty one first and the full one last.

    Everything is checked before the first picture is painted; raises BadValue, which names the
    axis. A reader that goes away stops it after at most `batch` pictures.
    """
    start = time.perf_counter()
    plans = _plan(request, info_of)
    grid = GridResult(
        request.x, request.y, *(_captions(values) for _, _, values in request.axes())
    )
    yield grid
    done: list[Cell] = []
    for part in _batches(plans, batch):
        before = time.perf_counter()
        first = part[0]
        seeds, numbers = [p.request.seed for p in part], [p.number for p in part]
        pictures = paint(first.request, seeds, numbers, first.options)
        seconds = (time.perf_counter() - before) / len(part)
        for plan, image in zip(part, pictures, strict=True):
            done.append(Cell(plan.column, plan.row, plan.settings, image, seconds))
        done.sort(key=lambda cell: (cell.row, cell.column))
        yield GridResult(
            grid.x, grid.y, grid.columns, grid.rows, list(done), time.perf_counter() - start
        )


def _plan(request: GridRequest, info_of: Callable[[str], ModelInfo]) -> list[_Plan]:
    """Return what each cell needs, in the order of rows."""
    places = {name: place for place, name, _ in request.axes()}
    values = {name: along for _, name, along in request.axes()}
    models = [str(name) for name in values.get("model", (request.model,))]
    known = {name: _look_up(info_of, name, places) for name in models}
    plans = []
    for row in range(len(request.y_values)):
        for column in range(len(request.x_values)):
            cell = request.cell(column, row)
            plans.append(_check(places, column, row, cell, known[cell.model]))
    return plans


def _look_up(info_of: Callable[[str], ModelInfo], name: str, places: dict[str, str]) -> ModelInfo:
    try:
        info = info_of(name)
    except UserError as problem:
        raise _at(places, "model", problem) from None
    if info.task != "generate":
        problem = BadValue(f"model: {info.name} paints nothing by itself; choose one that does.")
        raise _at(places, "model", problem)
    return info


def _check(
    places: dict[str, str], column: int, row: int, cell: GenerateRequest, info: ModelInfo
) -> _Plan:
    """Return what a cell needs; raises BadValue where its model cannot do it."""
    has = {option.name for option in info.options}
    for name in ("guidance", "evaluations", "temperature", "truncation"):
        if name in places and name not in has:
            raise BadValue(
                f"{places[name]}: {info.name} has no {name}; choose another axis or model."
            )
    # A class or words that do not fit are the fault of their axis, or of that of the model.
    try:
        label = labels_of(info, cell.label, 1)[0]
    except BadValue as problem:
        raise _at(places, "label", problem) from None
    try:
        check_prompt(info, cell.prompt)
    except BadValue as problem:
        raise _at(places, "prompt", problem) from None
    options = options_of(info, cell)
    settings: dict[str, Any] = {"model": cell.model, "seed": cell.seed}
    settings |= {"label": label} if info.labels else {}
    settings |= {"prompt": cell.prompt or ""} if info.condition == "text" else {}
    number = info.labels.index(label) if label else 0
    return _Plan(column, row, cell, number, options, settings | options)


def _at(places: dict[str, str], name: str, problem: UserError) -> UserError:
    """Return the problem of a field with the axis that it comes from, if it comes from one."""
    place = places.get(name) or places.get("model")
    return type(problem)(f"{place}: {problem}" if place else str(problem))


def _batches(plans: list[_Plan], batch: int) -> Iterator[list[_Plan]]:
    """Yield cells that can be painted together, at most `batch` at a time."""
    alike: dict[tuple[Any, ...], list[_Plan]] = {}
    for plan in plans:
        alike.setdefault(plan.alike, []).append(plan)
    for group in alike.values():
        for first in range(0, len(group), batch):
            yield group[first : first + batch]


def _captions(values: tuple[str | int | float, ...]) -> list[str]:
    return [f"{value:g}" if isinstance(value, float) else str(value) for value in values]
