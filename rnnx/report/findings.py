"""The first sentences of the report, computed from the data."""

from collections import defaultdict
from collections.abc import Callable

import numpy as np

from rnnx.report import titles
from rnnx.report.spread import Spread
from rnnx.report.study import Study
from rnnx.report.summary import Row

CLEARLY = 0.9
"""Held-out loss below this share of the no-memory loss, with every seed, counts as memory; a batch has some noise."""


def sentences(study: Study, task: str, rows: list[Row]) -> list[str]:
    """What the measurements of a task say: decay and horizon, where the weight gradient comes from, what exploded, what
    forget bias and initialisation did, and who remembers."""
    of_task = [row for row in rows if row.group.task == task]
    length = max(row.group.length for row in of_task)
    longest = [row for row in of_task if row.group.length == length]
    times = list(titles.when(study.groups_of(task, length)).values())
    found = []
    for index, when in enumerate(times):
        rates = {row.group.variant: row.decay[index] for row in longest if not np.isnan(row.decay[index].median)}
        horizons = {row.group.variant: row.horizon[index] for row in longest if not np.isnan(row.horizon[index].median)}
        if rates:
            found.append(f"At T = {length}, {when}, the gradient {_decay(rates)}.{_horizon(horizons, length)}")
    return found + _over_lengths(of_task, times[1]) + _initialisation(longest) + _memory(of_task)


def _decay(rates: dict[str, Spread]) -> str:
    order = sorted(rates, key=lambda variant: float(rates[variant].median), reverse=True)
    best, worst = order[0], order[-1]
    if best == worst:
        return f"{'grows' if rates[best].median > 0 else 'decays'} in {best} {_by(rates[best])} back in time"
    above = [variant for variant in order[1:] if rates[variant].high >= rates[best].low]
    below = [variant for variant in order[:-1] if rates[variant].low <= rates[worst].high]
    first = "grows fastest" if rates[best].median > 0 else "decays slowest"
    last = "grows slowest" if rates[worst].median > 0 else "decays fastest"
    return (
        f"{first} in {best}, {_by(rates[best])}{_unsure(above)}, "
        f"and {last} in {worst}, {_by(rates[worst])}{_unsure(below)}"
    )


def _by(rate: Spread) -> str:
    return f"by {abs(float(rate.median)):#.2g} nats per step"


def _unsure(others: list[str]) -> str:
    """Says where the seeds do not separate a variant from others."""
    return f" (not separated by these seeds from {' and '.join(others)})" if others else ""


def _horizon(horizons: dict[str, Spread], length: int) -> str:
    if not horizons:
        return ""
    longest = max(float(horizon.median) for horizon in horizons.values())
    owners = [variant for variant, horizon in horizons.items() if horizon.median == longest]
    return f" The longest horizon is {longest:g} of {length - 1} steps: {', '.join(owners)}."


def _over_lengths(rows: list[Row], when: str) -> list[str]:
    """A sentence on each variant: its numbers at every length, at the last measurement."""
    of_variants: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if not np.isnan(row.decay[1].median):
            of_variants[row.group.variant].append(row)
    return [
        f"{variant}, {when}, at T = {_each(found, lambda row: str(row.group.length))}: "
        f"decay rate {_each(found, lambda row: _signed(row.decay[1]))} nats per step, "
        f"horizon {_each(found, lambda row: f'{row.horizon[1].median:g}')} steps"
        + _share(found, lambda row: row.older[1], " of the weight gradient older than 10 steps")
        + _share(found, lambda row: row.exploding[1], " of the examples with an exploding gradient")
        + "."
        for variant, found in of_variants.items()
    ]


def _each(rows: list[Row], tell: Callable[[Row], str]) -> str:
    return ", ".join(tell(row) for row in rows)


def _share(rows: list[Row], of: Callable[[Row], Spread], what: str) -> str:
    """Percentages at every length, or nothing where none was measured."""
    if all(np.isnan(of(row).median) for row in rows):
        return ""
    return f", {_each(rows, lambda row: f'{100 * float(of(row).median):.0f}')} %{what}"


_AT_THE_START = ("bias", "initializer")
"""Endings of the settings that decide the network before training."""


def _initialisation(rows: list[Row]) -> list[str]:
    """A sentence on each set of variants that differ in one setting of their initialisation alone."""
    settings = [row.group.trials[0].settings for row in rows]
    fields = sorted({field for found in settings for field in found if field.endswith(_AT_THE_START)})
    return [sentence for field in fields for sentence in _effect_of(field, rows)]


def _effect_of(field: str, rows: list[Row]) -> list[str]:
    alike: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        settings = {key: value for key, value in row.group.trials[0].settings.items() if key not in (field, "seed")}
        if field in row.group.trials[0].settings and not np.isnan(row.decay[0].median):
            alike[repr(settings)].append(row)
    return [
        f"What {field.rpartition('.')[2].replace('_', ' ')} did to the decay rate, nats per step: "
        + "; ".join(
            f"{row.group.variant} {_signed(row.decay[0])} before and {_signed(row.decay[1])} after training"
            for row in members
        )
        + "."
        for members in alike.values()
        if len(members) > 1
    ]


def _signed(rate: Spread) -> str:
    return "unknown" if np.isnan(rate.median) else f"{float(rate.median):#.2g}".replace("-", "−")


def _memory(rows: list[Row]) -> list[str]:
    """A sentence on where a variant does better than a predictor without memory."""
    reached: dict[str, list[str]] = {}
    for row in rows:
        if not np.isnan(row.floor) and not np.isnan(row.heldout.median):
            lengths = reached.setdefault(row.group.variant, [])
            if row.heldout.high < CLEARLY * row.floor:
                lengths.append(str(row.group.length))
    if not reached:
        return []
    there = [f"{variant} at T = {', '.join(lengths)}" for variant, lengths in reached.items() if lengths]
    never = [variant for variant, lengths in reached.items() if not lengths]
    better = "a held-out loss a tenth or more below that of a predictor without memory"
    if not there:
        return [f"No variant reaches, with every seed and at any length, {better}."]
    others = f"; at no length by {', '.join(never)}" if never else ""
    return [f"{better.capitalize()} is reached, with every seed, by {'; '.join(there)}{others}."]
