"""Tables of captions as people have them: CSV of any program, and JSON Lines."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from aigc_demo.errors import BadData

FILE = ("file", "file_name", "filename", "image", "path")
CAPTION = ("caption", "text", "prompt")
DELIMITERS = ",;\t"
MAX_ROWS = 100_000


@dataclass(frozen=True)
class Table:
    """Rows with the keys ``file`` and ``caption``, or ``code``, ``name`` and ``group``."""

    rows: list[dict[str, str]]
    joined: int = 0  # rows whose caption had delimiters without quotes

    @property
    def of_codes(self) -> bool:
        """Whether the rows describe files ``style/code``."""
        return bool(self.rows) and "code" in self.rows[0]


def read(content: bytes, name: str, *, of: str, strict: bool = True) -> Table | None:
    """Return the table in a file called `name`, None where it has other columns.

    Raises BadData, which says `of` which set it is, for what is no table, with the line; unless
    `strict`, as where a run has learned from it, rows at fault are read as far as they can be.
    """
    about = f"The {name} of {of}"
    coding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(coding).replace("\0", " ")
    except UnicodeDecodeError:
        raise BadData(f"{about} is no table; save it as CSV in UTF-8.") from None
    if name.lower().endswith(".jsonl"):
        return _read_json_lines(text, about)
    return _read_csv(text, about, strict)


def text_of(content: bytes) -> str | None:
    """Return a caption that is alone in its file; None where it is no text."""
    coding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return " ".join(content.decode(coding).replace("\0", " ").split())
    except UnicodeDecodeError:
        return None


def write(captions: dict[str, str]) -> bytes:
    """Return a table of the captions of files."""
    out = io.StringIO()
    csv.writer(out).writerows([("file", "caption"), *captions.items()])
    return out.getvalue().encode(errors="replace")


# --- CSV -----------------------------------------------------------------------------------------


def _read_csv(text: str, about: str, strict: bool) -> Table | None:
    lines = io.StringIO(text, newline=None).readlines()
    stated = re.fullmatch(r"sep=(.)", lines[0].strip()) if lines else None  # as Excel reads
    first = 1 if stated else 0
    while first < len(lines) and not lines[first].strip(' \t,;"\n'):
        first += 1
    for delimiter in stated.group(1) if stated else DELIMITERS:
        columns = _columns(lines[first : first + 1], delimiter)
        if {"file", "caption"} <= set(columns) or {"code", "name"} <= set(columns):
            return _read_rows(lines, delimiter, columns, first + 1, about, strict)
    return None


def _read_rows(
    lines: list[str], delimiter: str, columns: list[str], first: int, about: str, strict: bool
) -> Table:
    rows, joined = [], 0
    for number, cells in _cells(lines[first:], delimiter, first, about, strict):
        if len(cells) > len(columns):
            cells = _joined(lines[number - 1], delimiter, columns, cells)
            joined += 1
        if len(cells) > len(columns) and strict:
            raise BadData(
                f"{about}, line {number}: {len(cells)} columns, and the first line has "
                f"{len(columns)}; put captions that have a “{delimiter}” into quotes."
            )
        if any(cells):
            cells += [""] * (len(columns) - len(cells))
            rows.append(dict(zip(columns, cells, strict=False)))
            _check_number(rows, about)
    return Table(rows, joined)


def _check_number(rows: list[dict[str, str]], about: str) -> None:
    if len(rows) > MAX_ROWS:
        raise BadData(
            f"{about} has more than {MAX_ROWS:,} rows; leave out those of pictures that are not "
            "there."
        )


def _cells(
    lines: list[str], delimiter: str, before: int, about: str, strict: bool
) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of the last line of each row and its cells, without empty ones at the
    end.
    """
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=strict)
    while True:
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as problem:
            raise BadData(
                f"{about}, line {before + reader.line_num}: is no table ({problem}); a caption "
                'in quotes ends with one, and has "" for each within.'
            ) from None
        while cells and not cells[-1]:
            cells.pop()
        yield before + reader.line_num, cells


def _joined(line: str, delimiter: str, columns: list[str], cells: list[str]) -> list[str]:
    """Return the two cells of a row of two columns whose caption has delimiters of its own, as
    they are in the line unless quotes are; other rows as they are.
    """
    if len(columns) != 2:
        return cells
    line = line.strip().rstrip(delimiter)
    if '"' in line:
        glue = delimiter + " "
        at_start = columns[0] == "file"
        return [cells[0], glue.join(cells[1:])] if at_start else [glue.join(cells[:-1]), cells[-1]]
    both = line.split(delimiter, 1) if columns[0] == "file" else line.rsplit(delimiter, 1)
    return [cell.strip() for cell in both]


def _columns(lines: list[str], delimiter: str) -> list[str]:
    try:
        head = next(csv.reader(lines, delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        return []
    while head and not head[-1].strip():
        head.pop()
    return [_column(cell) for cell in head]


def _column(cell: str) -> str:
    name = cell.strip(' "\ufeff').casefold().replace(" ", "_")
    return "file" if name in FILE else "caption" if name in CAPTION else name


# --- JSON Lines ----------------------------------------------------------------------------------


def _read_json_lines(text: str, about: str) -> Table | None:
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            raise BadData(f"{about}, line {number}: is no JSON; write an object a line.") from None
        found = found if isinstance(found, dict) else {}
        row = {_column(str(k)): v for k, v in found.items() if isinstance(v, str | int | float)}
        if not {"file", "caption"} <= set(row):
            if not rows:
                return None
            raise BadData(f"{about}, line {number}: has no file_name or no text; add it.")
        rows.append({key: str(row[key]) for key in ("file", "caption")})
        _check_number(rows, about)
    return Table(rows)
