"""Why some networks keep the gradient and others lose it: of what was recorded, that which sets them apart most.

It is what goes with keeping it, counted over trials; that it is the cause no record can say.
"""

import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from rnnx.report import words
from rnnx.report.pages.format import digits
from rnnx.report.reach import Kept
from rnnx.report.trial import Record

_CLEAR = 0.8
"""From this share of pairs of trials on, by how many more the one of a kind is above the other, a clue is told."""

_ORDERS = 10
"""In how many ways trials must be divisible into those that keep and those that lose the gradient: with fewer, chance
alone would too often have some clue tell them apart."""


class Clue(NamedTuple):
    """Something that may decide how long a gradient lasts."""

    what: str
    """With a place for the name of the gate or part."""
    of: Callable[[Record], list[tuple[float, str]]]
    """From a record to values and what each is of; the largest counts."""
    format: str = ".2g"
    unit: str = ""
    gate: bool = False
    """Whether it is of a gate, which a network may do without."""


def _tagged(pattern: str, value: Callable[[Any], float] = float) -> Callable[[Record], list[tuple[float, str]]]:
    """Of each tag that matches, the value; the first group of the pattern is the name."""
    return lambda record: [
        (value(record[tag]), match[1].rpartition(".")[2]) for tag in record if (match := re.fullmatch(pattern, tag))
    ]


def _slowest_tenth(histogram: dict[str, Any]) -> float:
    """Where the highest tenth of a histogram of log10 begins, as a plain number.

    >>> _slowest_tenth({"edges": [0.0, 1.0, 2.0], "counts": [90, 10]})
    10.0
    """
    counts, edges = (np.asarray(histogram[name], float) for name in ("counts", "edges"))
    if not counts.sum():
        return np.nan
    reached = np.concatenate([[0.0], np.cumsum(counts)]) / counts.sum()
    return float(10.0 ** np.interp(0.9, reached, edges))


def _beside_h(record: Record) -> list[tuple[float, str]]:
    """Of each part of the state but h, how many times the gradient of h its gradient is: median over lags."""
    found = []
    h = np.asarray(record.get("state_gradient/h/log10_norm", []), float)
    for tag in record:
        match = re.fullmatch("state_gradient/(.+)/log10_norm", tag)
        if match and match[1] not in ("state", "h") and len(h):
            difference = np.subtract(record[tag], h, where=np.isfinite(record[tag]) & np.isfinite(h), out=h * np.nan)
            known = difference[np.isfinite(difference)]
            found.append((float(10.0 ** np.median(known)) if len(known) else np.nan, match[1]))
    return found


_HOLDING = Clue(
    "time that the slowest tenth of the units of the {} gate hold for",
    _tagged("gates/(.+)/time_scale", _slowest_tenth),
    unit="steps",
    gate=True,
)

CLUES = (
    _HOLDING,
    Clue(
        "mean of the {} gate (1 keeps all of the old state)",
        _tagged("gates/(.*(?:forget|update))/mean"),
        gate=True,
    ),
    Clue("gradient of {} beside that of h", _beside_h, unit="times as large"),
    Clue("largest eigenvalue of the recurrent matrix, in size", _tagged("recurrent_matrix/(.+)/spectral_radius")),
    Clue("largest Lyapunov exponent", _tagged("lyapunov/(largest)"), unit="nats per step"),
    Clue("share of saturated units", _tagged("hidden_units/(saturated)"), format=".0%"),
)


def sentences(counted: list[Kept], stage: str) -> list[str]:
    """At the longest length with both kinds of trials; else over all lengths; nothing where nothing was recorded."""
    if not counted:
        return []
    record = "latest" if stage == "after" else "first"
    lengths = sorted({one.group.length for one in counted}, reverse=True)
    for some in (*([length] for length in lengths), lengths):
        members = [one for one in counted if one.group.length in some]
        if any(one.keeping for one in members) and any(one.losing for one in members):
            return _apart(members, record, some)
    return _alike([one for one in counted if one.group.length == max(lengths)], record)


class _Contrast(NamedTuple):
    """A clue in trials that keep the gradient and in those that lose it."""

    clue: Clue
    name: str
    keeping: dict[str, list[float]]
    """By variant."""
    losing: dict[str, list[float]]
    separation: float
    """Of pairs of one of each: by what share the first is above (below) the second more often than not."""
    gap: float
    """Between the middles of both, in units of how far the values lie apart."""
    covered: float
    """The share of all trials that have it."""
    orders: int
    """In how many ways the trials that have it are divisible into so many of either kind."""


def _apart(members: list[Kept], record: str, lengths: list[int]) -> list[str]:
    contrasts = [contrast for clue in CLUES if (contrast := _contrast(clue, members, record))]
    if not contrasts:
        return ["Nothing that could say why was recorded of both kinds."]
    told = [contrast for contrast in contrasts if contrast.orders >= _ORDERS]
    clear = [contrast for contrast in told if contrast.separation >= _CLEAR]
    at = f" at T = {lengths[0]}" if len(lengths) == 1 else ""
    if not told:
        return [f"What sets those that keep it{at} apart from those that lose it can't be told from so few trials."]
    if not clear:
        return [f"Nothing of what was recorded sets those that keep it{at} clearly apart from those that lose it."]
    best = max(clear, key=lambda c: (c.separation * c.covered, c.gap))
    return [f"What sets them apart most{at} is the {_told(best)}{_missing(best, members)}."]


def _told(contrast: _Contrast) -> str:
    clue = contrast.clue
    kept, lost = (_side(clue, values) for values in (contrast.keeping, contrast.losing))
    what = clue.what.format(contrast.name)
    unit = f" {clue.unit}" if clue.unit else ""
    return f"{what}: {kept}{unit} where the gradient is kept, {lost} where it vanishes"


def _side(clue: Clue, values: dict[str, list[float]]) -> str:
    numbers = [value for own in values.values() for value in own]
    low, high = (digits(f(numbers), clue.format).replace("%", " %") for f in (min, max))
    return low if low == high else f"{low} to {high}"


def _missing(contrast: _Contrast, members: list[Kept]) -> str:
    variants = dict.fromkeys(one.group.variant for one in members)
    without = [variant for variant in variants if variant not in {*contrast.keeping, *contrast.losing}]
    if not without:
        return ""
    what = "gate" if contrast.clue.gate else "record"
    return f" ({words.networks(without)} {'has' if len(without) == 1 else 'have'} no such {what})"


def _contrast(clue: Clue, members: list[Kept], record: str) -> _Contrast | None:
    name = ""
    keeping: dict[str, list[float]] = {}
    losing: dict[str, list[float]] = {}
    for one in members:
        for trials, values in ((one.keeping, keeping), (one.losing, losing)):
            for trial in trials:
                value, found = _of(clue, getattr(trial, record))
                if not np.isnan(value):
                    values.setdefault(one.group.variant, []).append(value)
                    name = name if found in name.split(" or ") else " or ".join(filter(None, (name, found)))
    if not keeping or not losing:
        return None
    kept, lost = (np.array([v for own in values.values() for v in own]) for values in (keeping, losing))
    above = np.mean(np.sign(kept[:, None] - lost[None, :]))
    spread = max(float(np.ptp(np.concatenate([kept, lost]))), 1e-12)
    gap = abs(float(np.median(kept) - np.median(lost))) / spread
    measured = sum(one.measured for one in members)
    orders = math.comb(len(kept) + len(lost), len(kept))
    covered = (len(kept) + len(lost)) / measured
    return _Contrast(clue, name, keeping, losing, abs(float(above)), gap, covered, orders)


def _of(clue: Clue, record: Record) -> tuple[float, str]:
    """The largest value of a clue in a record, and what it is of; NaN where there is none."""
    return max((pair for pair in clue.of(record) if np.isfinite(pair[0])), default=(np.nan, ""))


def _alike(members: list[Kept], record: str) -> list[str]:
    """Where all keep it, or all lose it: how long their gates hold."""
    of_variants: dict[str, list[float]] = {}
    names: dict[str, None] = {}
    for one in members:
        for value, name in (_of(_HOLDING, getattr(trial, record)) for trial in one.keeping + one.losing):
            if not np.isnan(value):
                of_variants.setdefault(one.group.variant, []).append(value)
                names[name] = None
    if not of_variants:
        return []
    each = words.listed(
        f"{digits(float(np.median(values)), _HOLDING.format)} {_HOLDING.unit} in {words.network(variant)}"
        for variant, values in of_variants.items()
    )
    return [f"At T = {members[0].group.length} the {_HOLDING.what.format(' or '.join(names))} is {each}."]
