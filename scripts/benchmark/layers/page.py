"""The record as a page of Markdown for people."""

import itertools
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from scripts.benchmark import markdown
from scripts.benchmark.layers import equality, ratios
from scripts.benchmark.layers.point import GATES, PASSES
from scripts.benchmark.layers.record import Record, point_of
from scripts.benchmark.layers.timing import ROUNDS, SLOW

TITLES = {"forward": "forward", "backward": "forward + backward"}
LARGE = 256
"""H from which on the matrix products ought to be most of the time."""

_METHOD = f"""\
Each library runs in a process of its own, and all but the one at work are stopped. Inputs and weights are the same,
float32, already in the library's own layout. The loss is Σ outputs ⊙ fixed random numbers; forward + backward gives it,
∂L/∂x and the gradient of all weights. Before anything is timed, outputs and all gradients are compared with rnnx's scan
in float64: the relative error of each array is below {equality.TOLERANCE:g}. Compilation is apart. Libraries take turns
in {ROUNDS} rounds, each round beginning with the next one; a call above {SLOW} s is timed once a round, shorter ones
more often. Times are medians; ± is half the distance between the quartiles. A *ratio* is a library's time over rnnx's:
above 1, rnnx is faster. The *share* is the rate of the matrix products alone over the rate of a float32 product of two
2048 × 2048 matrices that is measured beside each point. † marks another function than rnnx's, which was compared with
the variant of rnnx that is equal to it."""


def page(record: Record) -> str:
    """The whole page."""
    entries = sorted(record["points"], key=lambda entry: (list(GATES).index(entry["cell"]), *point_of(entry)[1:]))
    parts = [
        "# Speed on CPU",
        "Written by `scripts/bench`; the figures are in the JSON file beside this one.",
        _circumstances(record, entries),
        _METHOD,
        "## How each library is written",
        _libraries(record, entries),
    ]
    for which in PASSES:
        parts += [f"## Summary: {TITLES[which]}", _summary(record, entries, which)]
    parts += ["## Where rnnx is slower", _losses(record, entries)]
    parts += [f"## Share of the product rate, H ≥ {LARGE}", _shares(record, entries)]
    parts += ["## First call, compilation included", _first_calls(record, entries)]
    failures = _failures(entries)
    if failures:
        parts += ["## Not timed", failures]
    for cell in GATES:
        for which in PASSES:
            chosen = [entry for entry in entries if entry["cell"] == cell]
            if chosen:
                parts += [f"## {cell}, {TITLES[which]}", _points(record, chosen, which)]
    return "\n\n".join(parts) + "\n"


def _circumstances(record: Record, entries: Sequence[Mapping[str, Any]]) -> str:
    machine = record["machine"]
    dates = sorted({entry["date"] for entry in entries})
    rate = f", {median(entry['product_gflops'] for entry in entries):.0f} GFLOP/s in the product" if entries else ""
    return (
        f"{' to '.join(dates[:: max(1, len(dates) - 1)])}, {machine['cores']} cores of {machine['cpu']} "
        f"({machine['vectors']}), {machine['system']}{rate}. Flags: {machine['flags']}. "
        f"rnnx's timed source: {record['source']}. {len(entries)} points.{_unrest(entries)}"
    )


def _unrest(entries: Sequence[Mapping[str, Any]]) -> str:
    """How far the times of the same thing lie apart: it tells whether the machine was doing something else."""
    spreads = [
        (result[which]["upper_ms"] - result[which]["lower_ms"]) / 2 / result[which]["median_ms"]
        for entry in entries
        for result in entry["contestants"].values()
        for which in PASSES
        if which in result
    ]
    if not spreads:
        return ""
    return (
        f" Half the distance between the quartiles is {median(spreads):.0%} of the median, at most {max(spreads):.0%}."
    )


def _libraries(record: Record, entries: Sequence[Mapping[str, Any]]) -> str:
    cells = [cell for cell in GATES if any(entry["cell"] == cell for entry in entries)]
    rows = []
    for name in ratios.contestants(record):
        about = record["contestants"][name]
        versions = ", ".join(f"{package} {version}" for package, version in about["versions"].items())
        forms = {cell: about["form"][cell] for cell in cells}
        same = len(set(forms.values())) == 1
        written = forms[cells[0]] if same else "; ".join(f"{cell}: {form}" for cell, form in forms.items())
        rows.append((name, f"{versions}; Python {about['python']}", about["layout"], written))
    return markdown.table(("contestant", "versions", "layout", "written as"), rows)


def _summary(record: Record, entries: Sequence[Mapping[str, Any]], which: str) -> str:
    columns = ratios.columns(record)
    cells = [cell for cell in GATES if any(entry["cell"] == cell for entry in entries)]
    rows = []
    for title, group in [(cell, [cell]) for cell in cells] + [("all", cells)]:
        found = [
            ratios.summarize(ratio(entry, which) for entry in entries if entry["cell"] in group)
            for ratio in columns.values()
        ]
        rows.append((title, *map(_mean_and_worst, found)))
    return "Geometric mean of the ratios; then the worst.\n\n" + markdown.table(("cell", *columns), rows)


def _mean_and_worst(summary: ratios.Summary | None) -> str:
    if summary is None:
        return "–"
    point = summary.worst.point
    return f"{_times(summary.geometric_mean)}; {_times(summary.worst.value)} ({point.name})"


def _losses(record: Record, entries: Sequence[Mapping[str, Any]]) -> str:
    over = ratios.base(record)
    cases = itertools.product(entries, ratios.others(record), PASSES)
    found = [(which, ratios.ratio(entry, name, which, over)) for entry, name, which in cases]
    losses = sorted((r.value, which, r) for which, r in found if r is not None and r.value < 1)
    compared = sum(r is not None for _, r in found)
    if not losses:
        return f"Nowhere, in {compared} comparisons."
    rows = [(r.point.name, TITLES[which], r.contestant, _times(value)) for value, which, r in losses]
    return f"{len(losses)} of {compared} comparisons.\n\n" + markdown.table(("point", "pass", "faster", "ratio"), rows)


def _shares(record: Record, entries: Sequence[Mapping[str, Any]]) -> str:
    large = [entry for entry in entries if entry["hidden"] >= LARGE]
    rows = []
    for name in ratios.contestants(record):
        row = [name]
        for which in PASSES:
            found = [share for entry in large if (share := _share(entry, name, which)) is not None]
            row.append(f"{median(found):.0%} ({min(found):.0%} to {max(found):.0%})" if found else "–")
        rows.append(row)
    return "Median over the points, and the range.\n\n" + markdown.table(("contestant", *TITLES.values()), rows)


def _first_calls(record: Record, entries: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for name in ratios.contestants(record):
        results = [entry["contestants"].get(name, {}) for entry in entries]
        timed = [result["first_call_s"] for result in results if "first_call_s" in result]
        rows.append((name, *(f"{median(t[which] for t in timed):.2f}" if timed else "–" for which in PASSES)))
    return "Seconds, median over the points.\n\n" + markdown.table(("contestant", *TITLES.values()), rows)


def _failures(entries: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join(
        f"- {point_of(entry).name}, {name}: {result['failed']}"
        for entry in entries
        for name, result in entry["contestants"].items()
        if "failed" in result
    )


def _points(record: Record, entries: Sequence[Mapping[str, Any]], which: str) -> str:
    over = ratios.base(record)
    others = ratios.others(record)
    rows = []
    for entry in entries:
        point, time, share = point_of(entry), ratios.median(entry, over, which), _share(entry, over, which)
        row = [*map(str, (point.layers, point.steps, point.hidden, point.batch))]
        if time is None or share is None:
            row += ["–"] * 3
        else:
            row += [_time(entry, over, which), f"{1e3 * time / point.steps:.3g}", f"{share:.0%}"]
        for name in others:
            found = ratios.ratio(entry, name, which, over)
            if found is None:
                row.append("–")
            else:
                mark = "**" if found.value < 1 else ""
                variant = "†" if entry["contestants"][name]["variant"] else ""
                row.append(f"{_time(entry, name, which)}{variant}; {mark}{_times(found.value)}{mark}")
        rows.append(row)
    head = ("layers", "T", "H", "B", f"{over}, ms", "µs a step", "share", *(f"{name}, ms; ratio" for name in others))
    return markdown.table(head, rows)


def _share(entry: Mapping[str, Any], contestant: str, which: str) -> float | None:
    time = ratios.median(entry, contestant, which)
    return None if time is None else point_of(entry).flops(which) / (1e-3 * time) / (1e9 * entry["product_gflops"])


def _time(entry: Mapping[str, Any], contestant: str, which: str) -> str:
    """Median and half the distance between the quartiles, both to the same decimal.

    >>> found = {"median_ms": 12.345, "lower_ms": 12.2, "upper_ms": 12.5}
    >>> _time({"contestants": {"torch": {"forward": found}}}, "torch", "forward")
    '12.3 ± 0.2'
    """
    found = entry["contestants"][contestant][which]
    decimals = 3 if found["median_ms"] < 1 else 2 if found["median_ms"] < 10 else 1
    spread = (found["upper_ms"] - found["lower_ms"]) / 2
    return f"{found['median_ms']:.{decimals}f} ± {spread:.{decimals}f}"


def _times(value: float) -> str:
    return f"×{value:.2f}"
