"""Hidden states on their way: a few examples in the plane in which the states vary most."""

from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure

from rnnx.report.figures import _style, _titles, _trial
from rnnx.report.study import Study, longest, with_tag
from rnnx.report.trial import Record

TITLE = "Trajectories of the state"

CAPTION = """
The states of a few examples in the plane of their two first principal components, from an open circle to a square,
dark at first and light at the end. Paths that come together have forgotten what told the examples apart; paths that
end in different places remember it.
"""

ORDER = 110

SUBJECT = "trajectories of the state"

_TAG = "trajectories/states"  # s_0 … s_T of some examples, [T + 1, B, S]
_SHOWN = 4  # examples; more lines than that hide each other
_COLUMNS = 3
_SHADES = ListedColormap(colormaps["cividis"](np.linspace(0, 0.85, 256)))  # the lightest is too light on white


def principal(states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """States `[T, B, S]` on the two directions in which they vary most, `[T, B, 2]`, and each one's share of variance.

    A state that is not finite takes no part and stays so.

    >>> line = np.outer(np.arange(5.0), [3.0, 4.0])[:, None, :]
    >>> projected, share = principal(line)
    >>> np.ptp(projected[..., 0]).round(6), share.round(6)
    (np.float64(20.0), array([1., 0.]))
    """
    rows = states.reshape(-1, states.shape[-1])
    known = rows[np.isfinite(rows).all(axis=1)]
    middle = known.sum(axis=0) / max(len(known), 1)
    _, sizes, directions = np.linalg.svd(known - middle, full_matrices=False)
    share = sizes**2 / max((sizes**2).sum(), np.finfo(float).tiny)
    missing = max(0, 2 - len(directions))  # of a state of one entry
    projected = np.pad((rows - middle) @ directions[:2].T, ((0, 0), (0, missing)))
    return projected.reshape(*states.shape[:-1], 2), np.pad(share, (0, missing))[:2]


def draw(study: Study, task: str) -> Figure | None:
    """The variants side by side at the longest length, the first seed that was analysed, at its last analysis."""
    groups = longest(with_tag(study.groups_of(task), _TAG))
    if not groups:
        return None
    stages = _titles.stage_labels(groups, _TAG)
    *_, stage = stages  # the parameters before training may be all that was analysed
    measured = [group._replace(trials=tuple(t for t in group.trials if _TAG in getattr(t, stage))) for group in groups]
    one_seed = [group._replace(trials=group.trials[:1]) for group in measured if group.trials]
    title = f"{task}, T = {groups[0].length}: the state of a few examples, {stages[stage]}"
    columns = min(_COLUMNS, len(one_seed))
    made, panels = _style.grid(_titles.title(title, one_seed), -(-len(one_seed) // columns), columns, row_height=3.6)
    for axes, group in zip(panels.flat, one_seed, strict=False):
        _paths(axes, np.asarray(getattr(group.trials[0], stage)[_TAG], float))
        axes.set_title(group.variant)
    for axes in panels.flat[len(one_seed) :]:
        axes.remove()
    _time(made, panels.flat[: len(one_seed)], groups[0].length)
    return made


def draw_trial(record: Record, title: str, before: Record) -> Figure | None:
    """One measurement."""
    if _TAG not in record:
        return None
    states = np.asarray(record[_TAG], float)
    made, (axes,) = _trial.panels(title, height=4.8)
    _paths(axes, states)
    _time(made, [axes], len(states) - 1)
    return made


def _paths(axes: Axes, states: np.ndarray) -> None:
    """A line per example, dark at first and light at the end; from an open circle to a square."""
    projected, share = principal(states)
    for path in projected.transpose(1, 0, 2)[:_SHOWN]:
        pieces = np.stack([path[:-1], path[1:]], axis=1)
        axes.add_collection(LineCollection(list(pieces), cmap=_SHADES, array=np.arange(len(pieces)), linewidths=1.2))
        axes.plot(*path[0], "o", color="black", markerfacecolor="white", markersize=7)
        axes.plot(*path[-1], "s", color="black", markersize=6)
    axes.autoscale_view()
    axes.set(xlabel=f"first component ({share[0]:.0%} of the variance)", ylabel=f"second component ({share[1]:.0%})")


def _time(made: Figure, panels: Any, length: int) -> None:
    colors = ScalarMappable(Normalize(0, length), _SHADES)
    made.colorbar(colors, ax=list(panels), label="step t (○ start, ■ end)", aspect=30, pad=0.01)
