"""Series of one's own, in a file of CSV: some steps on.

    x_{t-h-T+1} … x_{t-h}  a row a step        x_t, h steps on, all columns or some of them

By time 60 % of the rows are trained on, 20 % held out and 20 % tested on. Each column is standardised by mean and
standard deviation of the rows to train on alone.
"""

import difflib
import functools

import numpy as np

from rnnx import checks
from rnnx.data import DataError, Series, read_file
from rnnx.data._series import listed, parse_series
from rnnx.tasks.series._forecasting import Problem, forecasting
from rnnx.tasks.series._moments import standard_of
from rnnx.types import Task

_WINDOW = 24


def series(*, path: str = "", columns: str = "", targets: str = "", horizon: int = 1) -> Task:
    """Series of a file.

    Inputs `[T, B, m]`, targets `[1, B, O]`, standardised; weights `[B]`; the forecast is the last output, `outputs[-1]`
    of shape `[B, O]`, of the first O columns. T is `length`; windows reach back over the borders of the parts.
    `test_batches` has all rows to test on. The score `skill` is 1 - squared error / that of persistence; `mae` is of
    standardised values, `rse` and `corr` are as of `exchange_rate`.

    The floor is the held-out loss of persistence.

    Args:
      path: of the file: see `rnnx.data.read_series`.
      columns: names of the series that are read, with commas between, such as `wind, sun`; all, if there are none, of
        which then none may count the rows.
      targets: which of them are forecast; all, if there are none.
      horizon: h, rows.

    Raises:
      rnnx.data.DataError: there is no path; the file can't be read, or is no such table; a column that there is
        not, or that counts the rows and is not asked for.
      ValueError: a horizon below 1; too few rows; nothing that changes; from `sample`, a length that no window has.
    """
    if not path:
        raise DataError("the task 'series' reads a file of yours: set task.path to a CSV file, a row a step of time.")
    checks.size("horizon", horizon)
    read = _ordered(_parsed(read_file(path), columns), targets)
    if not listed(columns):
        _check_counts(read)
    return forecasting(_problem(read, len(listed(targets)), horizon), _WINDOW)


_parsed = functools.lru_cache(maxsize=2)(parse_series)


def _check_counts(read: Series) -> None:
    """Refuse a column that counts the rows, as an index, a year or 20260131 does, unless it stands alone."""
    counts = [name for name, values in zip(read.columns, read.values.T, strict=True) if _is_count(values)]
    if len(read.columns) > 1 and counts:
        others = ",".join(f'"{name}"' if "," in name else name for name in read.columns if name not in counts)
        raise DataError(
            f"{read.name}: column {counts[0]!r} counts the rows, as a number, a year or a date does: "
            f"say which columns are series by task.columns, such as task.columns={others or counts[0]}."
        )


def _is_count(values: np.ndarray) -> bool:
    """Whether it rises, or falls, at every row, by whole numbers or always by the same, such as 0.1; or has dates."""
    steps = np.diff(values)
    if len(steps) < 2:
        return False
    whole = bool((values == np.rint(values)).all())
    counting = bool((steps > 0).all() or (steps < 0).all())
    even = bool(np.allclose(steps, steps[0], rtol=1e-6, atol=0))
    return (counting and (whole or even)) or (whole and _are_dates(values))


def _are_dates(values: np.ndarray) -> bool:
    """Whether all are such as 20260131."""
    month, day = values // 100 % 100, values % 100
    return bool(((values >= 1e7) & (values < 1e8) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)).all())


def _ordered(read: Series, targets: str) -> Series:
    """The targets first, and then the other columns."""
    first = listed(targets)
    if not first:
        return read
    for name in first:
        if name not in read.columns:
            near = difflib.get_close_matches(name, read.columns, n=1)
            there = f"did you mean {near[0]!r}?" if near else f"they are {', '.join(map(repr, read.columns))}."
            raise DataError(f"task.targets: the columns that are read of {read.name} have no {name!r}; {there}")
        if first.count(name) > 1:
            raise DataError(f"task.targets: {name!r} is named twice.")
    order = [*first, *(name for name in read.columns if name not in first)]
    values = read.values[:, [read.columns.index(name) for name in order]]
    return Series(read.name, read.sha256, tuple(order), values, read.times)


@functools.lru_cache(maxsize=4)
def _problem(series: Series, outputs: int, horizon: int) -> Problem:
    rows = len(series.values)
    first, second = rows * 60 // 100, rows * 80 // 100
    outputs = outputs or len(series.columns)
    if min(first - horizon, second - first, rows - second) < 1:
        raise ValueError(
            f"{series.name} is too short: of its {rows} rows {first} are to train on, {second - first} held out and "
            f"{rows - second} to test on, and a target is {horizon} after the end of its window."
        )
    shift, scale = standard_of(series.values[:first])
    if (series.values[:first, :outputs] == series.values[0, :outputs]).all():
        raise ValueError(
            f"{series.name}: where nothing changes in the {first} rows to train on there is nothing to learn."
        )
    return Problem(
        columns=series.columns,
        values=series.values,
        outputs=outputs,
        horizon=horizon,
        train=range(first),
        heldout=range(first, second),
        test=range(second, rows),
        shift=shift,
        scale=scale,
        data={
            "path": series.name,
            "sha256": series.sha256,
            "columns": ", ".join(series.columns),
            "targets": ", ".join(series.columns[:outputs]),
        },
        time="rows",
        labels=series.times,
        orders=(8,),
    )
