"""Numbers and labels as people read them."""

import re
from typing import Any

import numpy as np

from rnnx.report.statistics import MedianRange


def digits(value: Any, form: str = "") -> str:
    """A number as people read it, in three digits or as a format says; a dash where there is none.

    >>> digits(0.16666), digits(-1234.0), digits(-0.0123, ".2f"), digits(float("nan"))
    ('0.167', '−1234', '−0.01', '–')
    """
    if np.isnan(value):
        return "–"
    if not form:
        form = "#.3g" if abs(value) < 100 else ".0f"
    shown = format(float(value), form)
    return shown.lstrip("-") if shown.strip("-0.%") == "" else shown.replace("-", "−")


def span(values: MedianRange, form: str = "") -> str:
    """`low … high`, empty where they read the same."""
    low, high = digits(values.low, form), digits(values.high, form)
    return "" if low == high else f"{low}\u2009…\u2009{high}"  # thin spaces: the table is wide


def slug(label: str) -> str:
    """A label as the name of a file or of a section.

    >>> slug("adding (length 3)")
    'adding_length_3'
    """
    return re.sub(r"[^\w.+-]+", "_", label).strip("_")
