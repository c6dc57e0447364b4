"""What a comparison says, in sentences, and its page: one HTML file that needs no other."""

import numpy as np

from rnnx.report import compare_figure, style
from rnnx.report.compare import Comparison, Row
from rnnx.report.compare_difference import FEWEST, FEWEST_PAIRS, SURE
from rnnx.report.page import Plate, digits, slug, template

_DPI = 130


def plates(comparison: Comparison) -> list[Plate]:
    """A figure for each metric of each task, unless there is nothing but the same to be seen on it."""
    drawn = []
    for metric in comparison.metrics:
        for task in comparison.tasks:
            rows = comparison.rows_of(metric, task)
            if any(row.difference.verdict != "same" for row in rows):
                figure = compare_figure.draw(rows, comparison.names)
                drawn.append(Plate(slug(metric.name), "", figure.get_suptitle(), style.png(figure, _DPI)))
    return drawn


def render(comparison: Comparison, drawn: list[Plate]) -> str:
    """The HTML of a comparison."""
    return template("compare.html").render(
        comparison=comparison,
        names=comparison.names,
        sentences=sentences(comparison),
        sections={slug(metric.name): metric for metric in comparison.metrics},
        plates=drawn,
        told=told,
        interval=interval,
        seeds=seeds,
        fewest=FEWEST,
        pairs=FEWEST_PAIRS,
    )


def told(row: Row, names: tuple[str, str]) -> str:
    """The verdict on a difference, for example `lower in runs/b`, or `too few seeds (p ≥ 0.1)`."""
    if row.difference.verdict == "too few seeds" and row.difference.chance > 1 - SURE:
        return f"too few seeds (p ≥ {row.difference.chance:.1g})"
    return _plain(row.difference.verdict, names)


def _plain(verdict: str, names: tuple[str, str]) -> str:
    return f"{verdict} in {names[1]}" if verdict in ("higher", "lower") else verdict


def interval(row: Row) -> str:
    """The difference with its interval, for example `−0.12 (−0.20 … −0.03)`."""
    found, form = row.difference, row.metric.form
    ends = f" ({digits(found.low, form)}\u2009…\u2009{digits(found.high, form)})" if found.low == found.low else ""
    return digits(found.value, form) + ends


def seeds(row: Row) -> str:
    """How many numbers the difference is of, for example `8 pairs`, `4, 5` or, with trials that lack one, `4 of 5`."""
    counts = [len(values) for values in row.values]
    if row.difference.paired:
        return f"{counts[0]} pairs"
    found = [str(n) if n == trials else f"{n} of {trials}" for n, trials in zip(counts, row.trials, strict=True)]
    return found[0] if found[0] == found[1] else ", ".join(found)


def sentences(comparison: Comparison) -> list[str]:
    """How many differences are more than seed noise and how many chance would make so; then a sentence a metric."""
    judged = [row for row in comparison.rows if row.difference.verdict not in ("same", "too few seeds")]
    apart = [row for row in judged if row.difference.verdict != "not distinguishable"]
    few = sum(row.difference.verdict == "too few seeds" for row in comparison.rows)
    same = sum(row.difference.verdict == "same" for row in comparison.rows)
    found = []
    if judged:
        chance = (1 - SURE) * len(judged)
        found.append(
            f"{len(apart)} of {len(judged)} differences can be told from seed noise: their {100 * SURE:.0f} % interval "
            f"leaves out zero. If nothing at all differed, up to {chance:.2g} would by chance alone; measurements of "
            f"the same trials move together, so that chance comes in clusters."
        )
    if few:
        found.append(
            f"{few} differences are of fewer than {FEWEST} seeds in a study, and nothing can be said of them: "
            f"3 and 3 values lie completely apart by chance in one case of ten."
        )
    if same:
        found.append(f"{same} differences are zero with every seed, to the last digit.")
    found += [_sentence(comparison, metric.name) for metric in comparison.metrics]
    if comparison.speeds:
        low, middle, high = np.quantile(comparison.speeds, (0, 0.5, 1))
        found.append(
            f"{comparison.names[1]} made {digits(middle)} times as many training steps per second, over groups from "
            f"{digits(low)} to {digits(high)}. That is of the machine and what else it did; seeds say nothing of it."
        )
    return found


def _sentence(comparison: Comparison, metric: str) -> str:
    """For example `Held-out loss: lower in runs/b for adding, gru at T = 16, 64; not distinguishable for 2 of 4.`"""
    rows = [row for row in comparison.rows if row.metric.name == metric]
    of_verdicts: dict[str, list[Row]] = {}
    for row in rows:
        of_verdicts.setdefault(row.difference.verdict, []).append(row)
    parts = []
    for verdict in ("lower", "higher", "not distinguishable", "same", "too few seeds"):
        having = of_verdicts.get(verdict, [])
        if having:
            which = _groups(having) if verdict in ("lower", "higher") else f"{len(having)} of {len(rows)}"
            parts.append(f"{_plain(verdict, comparison.names)} for {which}")
    return f"{metric[0].upper()}{metric[1:]}: {'; '.join(parts)}."


def _groups(rows: list[Row]) -> str:
    """For example `adding, gru at T = 16, 64`."""
    lengths: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        lengths.setdefault((row.group.task, row.group.variant), []).append(str(row.group.length))
    return " and ".join(f"{task}, {variant} at T = {', '.join(found)}" for (task, variant), found in lengths.items())
