"""What a comparison says, in sentences, and its page: what moved first, and what did not folded below it."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from rnnx.report.comparison import Comparison, ComparisonRow, Reached
from rnnx.report.pages.format import digits
from rnnx.report.pages.page import template
from rnnx.report.statistics import CONFIDENCE, MIN_PAIRS, MIN_SEEDS
from rnnx.report.study import Group
from rnnx.report.trial import MEMORY

SHOWN = 12
"""Rows that are told first; the others are folded on the page, and counted in the terminal."""


def render(comparison: Comparison) -> str:
    """The HTML of a comparison, one file that needs no other."""
    return template("comparison.html").render(
        comparison=comparison,
        names=comparison.names,
        shown=SHOWN,
        headline=headline(comparison),
        few=few(comparison),
        notes=notes(comparison),
        strip=strip,
        interval=interval,
        margin=margin,
        medians=medians,
        seeds=seeds,
        where=where,
        alike=alike,
        reached_by=reached_by,
        fewest=MIN_SEEDS,
        pairs=MIN_PAIRS,
    )


class Strip(NamedTuple):
    """Where the values of a row lie on a line of its own, from its lowest to its highest number, in percent."""

    medians: tuple[float, float]
    seeds: tuple[list[float], list[float]]
    bar: tuple[float, float] | None
    """The interval of the difference, laid around the second median; `None` with too few seeds."""
    ends: tuple[str, str]
    """The numbers at both ends."""


def strip(row: ComparisonRow) -> Strip:
    """Lay out one row; it has a scale of its own, so that a move is seen beside the spread of its seeds."""
    one, other = (float(spread.median) for spread in row.spreads)
    value, low, high = row.difference[:3]
    bar = [] if math.isnan(low) else [other + low - value, other + high - value]
    numbers = [*row.values[0].values(), *row.values[1].values(), *bar]
    left, right = min(numbers), max(numbers)

    def at(number: float) -> float:
        return round(100 * (number - left) / (right - left), 2) if right > left else 50.0

    return Strip(
        medians=(at(one), at(other)),
        seeds=([at(n) for n in row.values[0].values()], [at(n) for n in row.values[1].values()]),
        bar=(at(bar[0]), at(bar[1])) if bar else None,
        ends=(digits(left, row.metric.format), digits(right, row.metric.format)),
    )


def medians(row: ComparisonRow) -> str:
    """For example `0.175 → 0.0550`."""
    return " → ".join(digits(spread.median, row.metric.format) for spread in row.spreads)


def interval(row: ComparisonRow) -> str:
    """The difference with its interval, for example `−0.12 (−0.20 … −0.03)`."""
    value, low, high, form = *row.difference[:3], row.metric.format
    ends = "" if math.isnan(low) else f" ({digits(low, form)}\u2009…\u2009{digits(high, form)})"
    return digits(value, form) + ends


def margin(row: ComparisonRow) -> str:
    """How far a difference is beyond seed noise, for example `3.1 ×`; `beyond any` where seeds make none."""
    return "beyond any" if math.isinf(row.beyond) else f"{digits(row.beyond, '.1f')} ×"


def seeds(row: ComparisonRow) -> str:
    """How many numbers the difference is of, for example `8 pairs`, `4, 5` or, with trials that lack one, `4 of 5`."""
    counts = [len(values) for values in row.values]
    if row.difference.paired:
        return f"{counts[0]} pairs"
    shown = [str(n) if n == trials else f"{n} of {trials}" for n, trials in zip(counts, row.trials, strict=True)]
    return shown[0] if shown[0] == shown[1] else ", ".join(shown)


def headline(comparison: Comparison) -> str:
    """How many differences are more than seed noise, how many chance would make so, and how many are none: one line."""
    if not comparison.rows:
        return "The studies have no group of trials in common, or none of them has measured anything."
    none = {verdict: len(comparison.rows_with(verdict)) for verdict in _NONE}
    unjudged, unsure = len(comparison.unjudged), len(comparison.rows_with("not distinguishable"))
    judged = len(comparison.moved) + unsure
    if sum(none.values()) == none["same"] == len(comparison.rows):
        return f"Nothing moved: all {_numbers(comparison)} are the same at every seed, to the last digit."
    parts = []
    if judged:
        chance = f" (by chance alone up to {digits((1 - CONFIDENCE) * judged, '.2g')})" if comparison.moved else ""
        moved = len(comparison.moved) or "none"
        parts.append(f"{moved} of {_counted(judged, 'difference')} can be told from seed noise{chance}")
    if unjudged:
        parts.append(f"{unjudged} {'has' if unjudged == 1 else 'have'} too few seeds to be judged")
    parts += [f"{count} {said}" for verdict, said in _NONE.items() if (count := none[verdict])]
    return f"Of {_numbers(comparison)}: {'; '.join(parts)}."


_NONE = {
    "same": "the same at every seed, to the last digit",
    "equal within rounding": "equal within the rounding of float32",
}
"""How differences that are none are told."""


def _numbers(comparison: Comparison) -> str:
    groups = len({row.group[:3] for row in comparison.rows})
    return f"{_counted(len(comparison.rows), 'number')} in {_counted(groups, 'group')} of trials"


def _counted(n: int, what: str) -> str:
    return f"{n} {what}{'s' if n != 1 else ''}"


def few(comparison: Comparison) -> str:
    """How many seeds there are where they are too few, and how many it takes; empty where there are enough."""
    rows = comparison.unjudged
    if not rows:
        return ""
    have = [sorted({len(row.values[index]) for row in rows}) for index in (0, 1)]
    one, other = (str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}" for counts in have)
    apart = sum(row.apart for row in rows)
    first, second = comparison.names
    return (
        f"Not judged: {_counted(len(rows), 'difference')}, of {one} seeds in {first} and {other} in {second}. It takes "
        f"{MIN_SEEDS} in each; with fewer, chance alone too often sets all seeds of one study above all of the other, "
        f"as they lie in {apart} of these. The largest shifts:"
    )


def notes(comparison: Comparison) -> list[str]:
    """What else is to be told: who came to memory, how fast training was, and which trials lack a number."""
    result = _reached(comparison)
    if comparison.speeds:
        low, middle, high = (digits(ratio) for ratio in np.quantile(comparison.speeds, (0, 0.5, 1)))
        over = f" ({low} to {high} over groups)" if low != high else ""
        result.append(
            f"{comparison.names[1]} made {middle} times as many training steps per second{over}: that is of the "
            f"machine and what else it did, and is not judged."
        )
    missing = [f"{n} of {name}" for n, name in zip(comparison.without, comparison.names, strict=True) if n]
    if missing:
        result.append(f"Trials that have no finite number are left out: {', '.join(missing)}.")
    return result


def _reached(comparison: Comparison) -> list[str]:
    """Where another share of seeds has come to memory, most of all; those that failed have not."""
    changed = comparison.reached_otherwise
    if not changed:
        return []
    most = 3
    which = "; ".join(reached_by(reached) for reached in changed[:most])
    return [
        f"Another share of the seeds comes to a held-out loss {MEMORY} in {len(changed)} of {len(comparison.reached)} "
        f"groups{', above all' if changed[most:] else ''}: {which}."
    ]


def reached_by(reached: Reached) -> str:
    """For example `adding, gru at T = 128 (5 of 5 → 1 of 5 seeds)`."""
    shares = " → ".join(f"{count} of {seeds}" for count, seeds in zip(reached.counts, reached.seeds, strict=True))
    return f"{reached.group.task}, {reached.group.variant} at T = {reached.group.length} ({shares} seeds)"


def alike(rows: list[ComparisonRow]) -> list[tuple[str, list[str]]]:
    """Metrics, and the groups that have these rows of them; metrics that have them in the same groups together."""
    of_metrics: dict[str, list[Group]] = {}
    for row in rows:
        of_metrics.setdefault(row.metric.name, []).append(row.group)
    metrics: dict[tuple[str, ...], list[str]] = {}
    for name, groups in of_metrics.items():
        metrics.setdefault(tuple(where(groups)), []).append(name)
    joined = {groups: ", ".join(names) for groups, names in metrics.items()}
    return [(names[0].upper() + names[1:], list(groups)) for groups, names in joined.items()]


def where(groups: Iterable[Group]) -> list[str]:
    """For example `adding, gru at T = 16, 64`, one for each task and variant."""
    lengths: dict[tuple[str, str], list[int]] = {}
    for group in groups:
        lengths.setdefault((group.task, group.variant), []).append(group.length)
    return [f"{task}, {variant} at T = {', '.join(map(str, sorted(Ts)))}" for (task, variant), Ts in lengths.items()]
