"""Series over time as tables: a row a step, a column a series; and anyone's own, in a file of CSV."""

import csv
import dataclasses
import datetime
import difflib
import itertools
import math
import re
from collections.abc import Sequence

import numpy as np

from rnnx.data._store import DataError
from rnnx.data._text import Text, read_file

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_MISSING = {"", "na", "n/a", "nan", "null", "none", "-", "?"}
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T].*)?|\d{1,4}[-/]\d{1,2}|\d{1,2}:\d{2}(:\d{2}.*)?")
_ORDERS = (
    ("%Y", "%m", "%d"),
    ("%d", "%m", "%Y"),
    ("%m", "%d", "%Y"),
    ("%d", "%m", "%y"),
    ("%m", "%d", "%y"),
    ("%Y", "%m"),
)
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_FORMS = tuple(mark.join(order) + time for mark in "-/." for order in _ORDERS for time in _TIMES)
_HEAD = 20
"""Lines from which it is told what stands between columns."""
_QUOTED = re.compile(r'"[^"]*"')
_LARGEST = 1e100
"""Of larger numbers squares and their sums may not be finite."""


@dataclasses.dataclass(frozen=True)
class Series:
    """Series of one length, side by side; equal to others of the same name, bytes and columns."""

    name: str
    """Of the data set; of a file of one's own, its path as it was given."""
    sha256: str
    """Of the file, in hexadecimal."""
    columns: tuple[str, ...]
    values: np.ndarray = dataclasses.field(compare=False, repr=False)
    """[rows, columns], float64."""
    times: tuple[str, ...] = dataclasses.field(compare=False, repr=False, default=())
    """What the file calls each row, such as its date; empty where it has no such column."""


def read_series(path: str, columns: str = "") -> Series:
    """The series in a file of one's own: see `parse_series`.

    Args:
      path: relative to the working directory; `~` is the home directory.
      columns: as of `parse_series`.

    Raises:
      DataError: the file can't be read as `rnnx.data.read_file` does, or is no such table.
    """
    return parse_series(read_file(path), columns)


def parse_series(text: Text, columns: str = "") -> Series:
    r"""The series of a text of CSV: a row a step of time, the oldest first, with commas, semicolons or tabs between.

    The first row may have names; without it columns are called 1, 2, … A column of dates or times is no series; its
    rows must be in order. Empty lines are passed over.

    Args:
      text: the file.
      columns: the names of those that are wanted, with commas between, in that order; one that has a comma stands in
        quotes. Empty for all; of others nothing is asked.

    Raises:
      DataError: a row of another number of columns, or a value that is missing, no number or too large, with line and
        column; rows without a date where others have one, or that are not in the order of time; a column that there is
        not; nothing at all.

    >>> found = parse_series(Text("mine", "day,wind,sun\n2026-01-01,3,0.5\n2026-01-02,4,0.25\n", ""))
    >>> found.columns, found.values.tolist(), found.times[0]
    (('wind', 'sun'), [[3.0, 0.5], [4.0, 0.25]], '2026-01-01')
    """
    names, rows = _rows(text)
    lines, first = [line for line, _ in rows], rows[0][1]
    dated = [n for n, value in enumerate(first) if _number(value) is None and _DATE.fullmatch(value)]
    chosen = _chosen(columns, names, text.name) if listed(columns) else [n for n in range(len(names)) if n not in dated]
    if not chosen:
        raise DataError(f"{text.name} has no series: all of its columns are dates.")
    for n in chosen:
        if n in dated:
            raise DataError(f"column {names[n]!r} of {text.name} is one of dates, such as {first[n]!r}, and no series.")
    values = np.array([[_value(row[n], line, names[n], text.name) for n in chosen] for line, row in rows])
    times = tuple(row[dated[0]] for _, row in rows) if dated else ()
    for line, time in zip(lines, times, strict=False):
        if not _DATE.fullmatch(time):
            raise DataError(
                f"line {line} of {text.name}, column {names[dated[0]]!r}: {time!r} is no date as {times[0]!r} is."
            )
    _check_order(times, lines, text.name)
    return Series(text.name, text.sha256, tuple(names[n] for n in chosen), values, times)


def _rows(text: Text) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The names of the columns, and each row with the number of its line."""
    delimiter = _delimiter(text.text)
    reader = csv.reader(text.text.split("\n"), delimiter=delimiter, skipinitialspace=True, strict=True)
    rows = []
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                rows.append((reader.line_num, cells))
    except csv.Error as error:
        raise DataError(f"line {reader.line_num} of {text.name} is no row of a table: {error}.") from None
    if not rows:
        raise DataError(f"{text.name} has no rows.")
    number, first = rows[0]
    for line, row in rows:
        if len(row) != len(first):
            raise DataError(
                f"line {line} of {text.name} has {len(row)} columns, and line {number} has {len(first)}: "
                f"{_DELIMITERS[delimiter]} are taken for what stands between them."
            )
    named = not all(_number(cell) is not None or _DATE.fullmatch(cell) or cell.lower() in _MISSING for cell in first)
    names = first if named else [str(n) for n in range(1, len(first) + 1)]
    names = [name or str(n) for n, name in enumerate(names, 1)]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise DataError(f"{text.name} has two columns called {twice!r}: each needs a name of its own.")
    rows = rows[named:]
    if not rows:
        raise DataError(f"{text.name} has the names of columns, and no rows below them.")
    return names, rows


def _delimiter(text: str) -> str:
    r"""What stands equally often in each of the first lines, commas last, since decimals may have them; else what the
    first of them has most of.

    >>> _delimiter("0,5;1,5\n1,5;2,5\n"), _delimiter("mean (min;max),sun\n1,2\n")
    (';', ',')
    """
    head = [_QUOTED.sub("", line) for line in text.split("\n") if line.strip()][:_HEAD] or [""]
    counts = {mark: {line.count(mark) for line in head} for mark in (";", "\t", ",")}
    even = (mark for mark, found in counts.items() if len(found) == 1 and 0 not in found)
    return next(even, max(_DELIMITERS, key=head[0].count))


def listed(names: str) -> list[str]:
    """Names of columns with commas between; those that have one of their own stand in quotes.

    >>> listed('sun, "Wind, m/s"')
    ['sun', 'Wind, m/s']
    """
    (cells,) = csv.reader([re.sub(r"\s", " ", names)], skipinitialspace=True)
    return [name for cell in cells if (name := cell.strip())]


def _chosen(columns: str, names: list[str], file: str) -> list[int]:
    """Where the columns of these names are."""
    wanted = listed(columns)
    for name in wanted:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            there = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(map(repr, names))}."
            raise DataError(f"{file} has no column {name!r}; {there}")
        if wanted.count(name) > 1:
            raise DataError(f"column {name!r} of {file} is named twice.")
    return [names.index(name) for name in wanted]


_HINT = "; where a column is no series, name those that are, by columns"


def _number(cell: str) -> float | None:
    try:
        return float(cell) if "_" not in cell else None
    except ValueError:
        return None


def _value(cell: str, line: int, column: str, file: str) -> float:
    value = _number(cell)
    if value is not None and abs(value) <= _LARGEST:
        return value
    where = f"line {line} of {file}, column {column!r}"
    if value is not None and math.isfinite(value):
        raise DataError(f"{where}: {cell!r} is too large; the largest that is read is {_LARGEST:g}.")
    if cell.lower() in _MISSING:
        raise DataError(f"{where}: the value is missing ({cell!r}); fill it in, or leave out the row or the column.")
    hint = ""
    if value is None:
        marked = _number(cell.replace(",", "").replace(".", "")) is not None
        hint = "; write decimals with a point, and thousands without a mark" if marked else _HINT
    raise DataError(f"{where}: {cell!r} is no finite number{hint}.")


def _check_order(times: Sequence[str], lines: Sequence[int], file: str) -> None:
    """Refuse rows whose dates do not rise, in any way in which all of them can be read."""
    readings = [read for form in ("", *_FORMS) if (read := _read(times, form))]
    falls = [next((n for n, (a, b) in enumerate(itertools.pairwise(read), 1) if b < a), None) for read in readings]
    if falls and None not in falls:
        n = falls[0]
        assert n is not None
        raise DataError(
            f"line {lines[n]} of {file} is of {times[n]}, and the row before it of {times[n - 1]}: rows must be in the "
            "order of time, the oldest first."
        )


def _read(times: Sequence[str], form: str) -> list[datetime.datetime]:
    """The times by a format, or as ISO 8601 has them; none where one of them is not of it."""
    try:
        read = [
            datetime.datetime.strptime(time, form) if form else datetime.datetime.fromisoformat(time) for time in times
        ]
        return read if all(one.tzinfo is None for one in read) else [one.astimezone(datetime.UTC) for one in read]
    except ValueError:
        return []
