"""A curve of gradients as a line of text: how much of the gradient is left, lag by lag."""

import math
from collections.abc import Sequence

DECADES = 4.0
"""From all of it, the highest bar, to 1/10 000 or less, the lowest."""

_BARS = "▁▂▃▄▅▆▇█"


def sparkline(log10_norm: Sequence[float], width: int = 12) -> str:
    """Bars for a curve over lag, relative to its first value, at `width` lags from the first to the last.

    A value that is not there is left blank, and a gradient of exactly zero is a dot.

    >>> sparkline([0.0, -1.0, -2.0, -4.0, -9.0, -math.inf])
    '█▆▅▁▁·'
    """
    there = [k for k, value in enumerate(log10_norm) if not math.isnan(value)]
    curve = log10_norm[: there[-1] + 1] if there else []
    first = next((value for value in curve if math.isfinite(value)), 0.0)
    shown = min(width, len(curve))
    lags = [round(place * (len(curve) - 1) / max(shown - 1, 1)) for place in range(shown)]
    return "".join(_bar(curve[k] - first) for k in lags)


def _bar(log10_share: float) -> str:
    if math.isnan(log10_share):
        return " "
    if log10_share == -math.inf:
        return "·"
    height = 1 + max(min(log10_share, 0.0), -DECADES) / DECADES
    return _BARS[round(height * (len(_BARS) - 1))]
