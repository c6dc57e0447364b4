"""Where the weight gradient comes from: the share of every lag in it while the network learns."""

import re
import textwrap

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from rnnx.report.figures import _panels, _style, _titles
from rnnx.report.figures._panels import Panel
from rnnx.report.statistics import over_steps
from rnnx.report.study import Study, with_tag
from rnnx.report.trial import Record

TITLE = "Where the weight gradient comes from"

CAPTION = """
&part;L/&part;W is a sum of one term G<sub>k</sub> per step; the bands are the shares of near and far lags in the sum
of their norms, with light the latest step and dark the oldest, from the start of training to its end. What lies above
the black line comes from ten steps back or more: a network with next to nothing there is trained by the last few
steps alone, however large its weight gradient is. Of several seeds the mean is shown, with which the bands add up to 1.
"""

ORDER = 80

SUBJECT = "where the weight gradient comes from"

_TAG = "weight_gradient_by_lag/all/log10_norm"
_OLDER = "weight_gradient_by_lag/all/share_older_than_10"
_OLD = 10
_FIRST = np.array([0, 1, 3, _OLD, 30, 100])  # the first lag of each band
_OUTLINE = withStroke(linewidth=3.5, foreground="white")  # of the line at that lag, between dark bands


def shares(log10_norms: np.ndarray) -> np.ndarray:
    """The share of each band of lags in Σ_k ‖G_k‖, `[..., T]` to `[..., bands]`; NaN where nothing came from any lag.

    A lag that is NaN is one that no example has.

    >>> shares(np.log10([0.5, 0.25, 0.25])).round(6).tolist()
    [0.5, 0.5, 0.0, 0.0, 0.0, 0.0]
    """
    known = np.where(np.isnan(log10_norms), -np.inf, log10_norms)
    largest = known.max(axis=-1, keepdims=True)
    valid = np.isfinite(largest)
    sizes = np.where(valid, 10.0 ** (known - np.where(valid, largest, 0.0)), np.nan)
    band = np.searchsorted(_FIRST, np.arange(log10_norms.shape[-1]), side="right") - 1
    summed = np.stack([sizes[..., band == index].sum(axis=-1) for index in range(len(_FIRST))], axis=-1)
    return summed / summed.sum(axis=-1, keepdims=True)


def draw(study: Study, task: str) -> Figure | None:
    """Rows variants, columns lengths; the mean over seeds, so that the bands add up."""
    groups = with_tag(study.groups_of(task), _TAG)
    if not groups:
        return None
    variants = list(dict.fromkeys(group.variant for group in groups))
    lengths = sorted({group.length for group in groups})
    subject = f"{task}: where the weight gradient comes from"
    title = _titles.title(subject, groups, few="the first seed", many="mean over seeds")
    made, rows = _style.grid(title, len(variants), len(lengths), row_height=2.0, sharex=True, sharey=True)
    names = _names(lengths[-1])
    colors = colormaps["cividis"](np.linspace(0.95, 0.0, len(names)))
    for group in groups:
        axes = rows[variants.index(group.variant), lengths.index(group.length)]
        trials = group.trials if len(group.trials) >= _style.ENOUGH_SEEDS else group.trials[:1]
        steps, norms = over_steps(trials, _TAG)
        _, older = over_steps(trials, _OLDER)  # NaN where a gradient is
        bands = _mean(np.where(np.isnan(older)[..., None], np.nan, shares(norms))).T[: len(names)]
        edges, drawn = _wide(steps, bands)
        axes.stackplot(edges, drawn, colors=colors, linewidth=0)
        if group.length > _OLD:
            axes.plot(
                edges,
                drawn[: np.searchsorted(_FIRST, _OLD)].sum(axis=0),
                color="black",
                linewidth=1.5,
                path_effects=[_OUTLINE],
            )
    for row, variant in zip(rows, variants, strict=True):
        for axes in row:
            axes.set(
                ylim=(0, 1),
                xmargin=0,
                xlabel="training step",
                ylabel=f"{textwrap.fill(variant, 22)}\nshare of Σ$_k$ ‖G$_k$‖",
            )
            axes.label_outer()
    for axes, length in zip(rows[0], lengths, strict=True):
        axes.set_title(f"T = {length}")
    _style.area_legend(made, dict(zip(names, colors, strict=True)), {f"lag {_OLD}: older above": "-"})
    return made


def draw_trial(record: Record, title: str, before: Record) -> Figure | None:
    """One measurement: size and direction of what each lag gives to the gradient of each parameter array."""
    arrays = re.findall(r"^weight_gradient_by_lag/(.+)/log10_norm$", "\n".join(record), re.MULTILINE)
    names = {name: "all arrays together" if name == "all" else name for name in arrays}
    tags = {
        measure: {label: f"weight_gradient_by_lag/{name}/{measure}" for name, label in names.items()}
        for measure in ("log10_norm", "cosine")
    }
    return _panels.draw_trial(
        record,
        title,
        (
            Panel("lag k (steps)", "log$_{10}$ ‖G$_k$‖", tags["log10_norm"]),
            Panel("lag k (steps)", "cos(G$_k$, ΣG)", tags["cosine"], references=(("at right angles", 0.0, ":"),)),
        ),
    )


def _names(longest: int) -> list[str]:
    """What the bands that a length reaches are called."""
    begin = [int(lag) for lag in _FIRST if lag < longest]
    end = [lag - 1 for lag in begin[1:]]
    between = [f"lag {b}" if b == e else f"lag {b} to {e}" for b, e in zip(begin, end, strict=False)]
    return [*between, f"lag {begin[-1]} and more"]


def _mean(of_seeds: np.ndarray) -> np.ndarray:
    """Over the seeds that have a number, NaN where none has."""
    valid = ~np.isnan(of_seeds)
    count = valid.sum(axis=0)
    total = np.where(valid, of_seeds, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _wide(steps: np.ndarray, bands: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A single measurement, too, has a width to be seen by."""
    return (steps, bands) if len(steps) > 1 else (steps[0] + np.array([-0.5, 0.5]), np.repeat(bands, 2, axis=1))
