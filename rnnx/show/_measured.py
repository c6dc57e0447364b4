"""What diagnostics say of a flow, as the records are made of that pictures are drawn from."""

from typing import Any

import jax
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from rnnx import diagnostics
from rnnx.factory import call_of
from rnnx.logbook.jsonl import plain
from rnnx.report.trial import Record
from rnnx.types import GradientFlow


def check_drawable(flow: GradientFlow) -> None:
    """Refuse what has no numbers yet.

    Raises:
      ValueError: the flow is being traced.
    """
    if isinstance(flow.loss, jax.core.Tracer):
        raise ValueError(
            "a picture is of numbers, which there are none of under jit: return the flow and draw it then."
        )


def measured(name: str, flow: GradientFlow) -> Record:
    """A diagnostic of a flow, with what its picture is seen beside: the length, and the cell, which has its colour.

    Raises:
      ValueError: the flow is being traced; no diagnostic has that name, or it is not for such a cell.
    """
    check_drawable(flow)
    values = jax.device_get(jax.jit(diagnostics.get(name))(flow))
    facts: Record = {"task.length": len(flow.inputs), "cell.name": cell_name(flow)}
    return facts | {tag: plain(value) for tag, value in values.items()}


def cell_name(flow: GradientFlow) -> str:
    """What the factory of the cell is called; empty for one that was put together by hand."""
    call = call_of(flow.cell)
    return "" if call is None else call.again.func.__name__


def new_axes(ax: Axes | None) -> Axes:
    """The axes that were given, or those of a new figure, which a notebook shows and a script by `plt.show()`."""
    return plt.subplots(layout="constrained")[1] if ax is None else ax


def by_lag(values: Any, flow: GradientFlow) -> list[np.ndarray]:
    """The values `[T, B, …]` of the steps at lag 0, 1, …, each `[n, …]`: of a tree there may be several an example."""
    lag, rows = np.asarray(flow.lag), np.asarray(values)
    return [rows[lag == k] for k in range(lag.max(initial=-1) + 1)]
