"""What a comparison says, in sentences, and its page: one HTML file that needs no other."""

import math

import numpy as np

from rnnx.report.comparison import Comparison, ComparisonRow
from rnnx.report.figures import _comparison, _style
from rnnx.report.pages.format import digits, slug
from rnnx.report.pages.page import FigureFile, template
from rnnx.report.statistics import CONFIDENCE, MIN_PAIRS, MIN_SEEDS
from rnnx.report.trial import MEMORY

_DPI = 130


def draw(comparison: Comparison) -> list[FigureFile]:
    """A figure for each metric of each task, unless there is no difference to be seen on it."""
    drawn = []
    for metric in comparison.metrics:
        for task in comparison.tasks:
            rows = comparison.rows_of(metric, task)
            if not all(row.difference.none for row in rows):
                figure = _comparison.draw(rows, comparison.names)
                drawn.append(FigureFile(slug(metric.name), "", figure.get_suptitle(), _style.png(figure, _DPI)))
    return drawn


def render(comparison: Comparison, drawn: list[FigureFile]) -> str:
    """The HTML of a comparison."""
    return template("comparison.html").render(
        comparison=comparison,
        names=comparison.names,
        sentences=sentences(comparison),
        sections={slug(metric.name): metric for metric in comparison.metrics},
        figures=drawn,
        verdict_text=verdict_text,
        interval=interval,
        seeds=seeds,
        fewest=MIN_SEEDS,
        pairs=MIN_PAIRS,
    )


def verdict_text(row: ComparisonRow, names: tuple[str, str]) -> str:
    """The verdict on a difference, for example `lower in runs/b`, or `too few seeds (p ≥ 0.1)`."""
    if row.difference.verdict == "too few seeds" and row.difference.chance > 1 - CONFIDENCE:
        return f"too few seeds (p ≥ {row.difference.chance:.1g})"
    return _plain(row.difference.verdict, names)


def _plain(verdict: str, names: tuple[str, str]) -> str:
    return f"{verdict} in {names[1]}" if verdict in ("higher", "lower") else verdict


def interval(row: ComparisonRow) -> str:
    """The difference with its interval, for example `−0.12 (−0.20 … −0.03)`."""
    value, low, high, form = *row.difference[:3], row.metric.format
    ends = "" if math.isnan(low) else f" ({digits(low, form)}\u2009…\u2009{digits(high, form)})"
    return digits(value, form) + ends


def seeds(row: ComparisonRow) -> str:
    """How many numbers the difference is of, for example `8 pairs`, `4, 5` or, with trials that lack one, `4 of 5`."""
    counts = [len(values) for values in row.values]
    if row.difference.paired:
        return f"{counts[0]} pairs"
    shown = [str(n) if n == trials else f"{n} of {trials}" for n, trials in zip(counts, row.trials, strict=True)]
    return shown[0] if shown[0] == shown[1] else ", ".join(shown)


def sentences(comparison: Comparison) -> list[str]:
    """How many differences are more than seed noise and how many chance would make so; then a sentence a metric."""
    judged = [row for row in comparison.rows if not row.difference.none and row.difference.verdict != "too few seeds"]
    apart = [row for row in judged if row.difference.verdict != "not distinguishable"]
    few = sum(row.difference.verdict == "too few seeds" for row in comparison.rows)
    same = sum(row.difference.verdict == "same" for row in comparison.rows)
    rounded = sum(row.difference.verdict == "equal within rounding" for row in comparison.rows)
    result = []
    if judged:
        chance = (1 - CONFIDENCE) * len(judged)
        result.append(
            f"{len(apart)} of {len(judged)} differences can be told from seed noise: their {100 * CONFIDENCE:.0f} % "
            f"interval leaves out zero. If nothing at all differed, up to {chance:.2g} would by chance alone; "
            f"measurements of the same trials move together, so that chance comes in clusters."
        )
    if few:
        result.append(
            f"{few} differences are of fewer than {MIN_SEEDS} seeds in a study, and nothing can be said of them: "
            f"3 and 3 values lie completely apart by chance in one case of ten."
        )
    if same:
        result.append(f"{same} differences are zero with every seed, to the last digit.")
    if rounded:
        result.append(f"{rounded} differences are no larger than the rounding of float32 can make them.")
    result += [_sentence(comparison, metric.name) for metric in comparison.metrics]
    result += _reached(comparison)
    if comparison.speeds:
        low, middle, high = np.quantile(comparison.speeds, (0, 0.5, 1))
        result.append(
            f"{comparison.names[1]} made {digits(middle)} times as many training steps per second, over groups from "
            f"{digits(low)} to {digits(high)}. That is of the machine and what else it did; seeds say nothing of it."
        )
    return result


def _sentence(comparison: Comparison, metric: str) -> str:
    """For example `Held-out loss: lower in runs/b for adding, gru at T = 16, 64; not distinguishable for 2 of 4.`"""
    rows = [row for row in comparison.rows if row.metric.name == metric]
    of_verdicts: dict[str, list[ComparisonRow]] = {}
    for row in rows:
        of_verdicts.setdefault(row.difference.verdict, []).append(row)
    parts = []
    for verdict in ("lower", "higher", "not distinguishable", "equal within rounding", "same", "too few seeds"):
        alike = of_verdicts.get(verdict, [])
        if alike:
            which = _groups(alike) if verdict in ("lower", "higher") else f"{len(alike)} of {len(rows)}"
            parts.append(f"{_plain(verdict, comparison.names)} for {which}")
    missing = [sum(row.trials[index] - len(row.values[index]) for row in rows) for index in (0, 1)]
    left_out = [f"{n} of {name}" for n, name in zip(missing, comparison.names, strict=True) if n]
    survivors = f" Trials that have no such number are left out: {', '.join(left_out)}." if left_out else ""
    return f"{metric[0].upper()}{metric[1:]}: {'; '.join(parts)}.{survivors}"


def _reached(comparison: Comparison) -> list[str]:
    """Where not all seeds have come to memory, in how many of both studies; those that failed have not."""
    if not comparison.reached:
        return []
    apart = [
        f"{reached.group.task}, {reached.group.variant} at T = {reached.group.length}: "
        + ", ".join(
            f"{count} of {seeds} seeds in {name}"
            for count, seeds, name in zip(reached.counts, reached.seeds, comparison.names, strict=True)
        )
        for reached in comparison.reached
        if any(reached.counts) and reached.counts != reached.seeds
    ]
    everywhere = sum(reached.counts == reached.seeds for reached in comparison.reached)
    never = sum(not any(reached.counts) for reached in comparison.reached)
    counted = f"with every seed of both in {everywhere} of {len(comparison.reached)} groups, with none in {never}"
    return [f"A held-out loss {MEMORY} is reached {counted}{''.join(f'; {group}' for group in apart)}."]


def _groups(rows: list[ComparisonRow]) -> str:
    """For example `adding, gru at T = 16, 64`."""
    lengths: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        lengths.setdefault((row.group.task, row.group.variant), []).append(str(row.group.length))
    return " and ".join(f"{task}, {variant} at T = {', '.join(Ts)}" for (task, variant), Ts in lengths.items())
