"""The gradient of the loss with respect to the inputs, against lag."""

import numpy as np
from matplotlib.figure import Figure

from rnnx.report.figures import _style, _trial
from rnnx.report.statistics import MedianRange
from rnnx.report.trial import Record

SUBJECT = "gradient of the inputs against lag"
IN_TRAINING = False  # it goes much as the gradient of the state

_TAG = "input_gradient/log10_norm"
_SMOOTHED = 16  # a sixteenth of the lags is what a point of the line is the mean of


def draw_trial(record: Record, title: str, before: Record) -> Figure | None:
    """One measurement: median over examples as dots, which jump with the inputs, and their running mean and band."""
    if _TAG not in record:
        return None
    made, (axes,) = _trial.panels(title)
    (style,) = _trial.line_styles(record, [""]).values()
    median, low, high = (
        np.asarray(record.get(tag, record[_TAG]), float) for tag in (_TAG, f"{_TAG}_q25", f"{_TAG}_q75")
    )
    lag = np.arange(len(median))
    width = 1 + 2 * (len(median) // _SMOOTHED // 2)
    axes.plot(
        lag,
        np.where(np.isfinite(median), median, np.nan),
        ".",
        color=style.color,
        alpha=0.45,
        label="median over examples",
    )
    smooth = MedianRange(*(running_mean(values, width) for values in (median, low, high)))
    _style.line(axes, lag, smooth, style, label=f"and quartiles, mean over {width} lags")
    axes.set(xlabel="lag k (steps before the scored one)", ylabel="log$_{10}$ ‖∂L/∂x$_{T-k}$‖")
    axes.legend(fontsize="small")
    return made


def running_mean(values: np.ndarray, width: int) -> np.ndarray:
    """The mean of so many values around each, of fewer at the ends; not a number where one of them is not.

    >>> running_mean(np.array([1.0, 9.0, 2.0, 4.0]), 3).tolist()
    [5.0, 4.0, 5.0, 3.0]
    """
    half = width // 2
    with np.errstate(invalid="ignore"):  # of inf and -inf
        return np.array([np.mean(values[max(0, k - half) : k + half + 1]) for k in range(len(values))])
