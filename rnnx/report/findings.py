"""The first sentences of the report, computed from the data."""

from collections import defaultdict
from collections.abc import Callable, Iterable

import numpy as np

from rnnx.report.figures import _titles
from rnnx.report.statistics import MedianRange, rounding
from rnnx.report.study import Study
from rnnx.report.summary import SummaryRow
from rnnx.report.trial import MEMORY


def sentences(study: Study, task: str, rows: list[SummaryRow]) -> list[str]:
    """What the measurements of a task say: decay and horizon, where the weight gradient comes from, what exploded, what
    forget bias and initialisation did, and who remembers."""
    of_task = [row for row in rows if row.group.task == task]
    length = max(row.group.length for row in of_task)
    ranked = [row for row in of_task if not any(trial.against_time for trial in row.group.trials)]
    longest = [row for row in ranked if row.group.length == length]
    labels = _titles.stage_labels(study.groups_of(task, length))
    result = []
    for stage, label in labels.items():
        rates = _known("decay_rate", stage, longest)
        if rates:
            horizons = _horizon(_known("horizon", stage, longest), rates, length)
            result.append(f"At T = {length}, {label}, the gradient {_decay(rates)}.{horizons}")
    result += _over_lengths(ranked, labels["after"]) + _against_time(of_task)
    return result + _initialisation(longest) + _memory(of_task)


def _against_time(rows: list[SummaryRow]) -> list[str]:
    """A sentence on the parts of which lag says nothing."""
    names = {row.group.variant: None for row in rows if any(trial.against_time for trial in row.group.trials)}
    why = "they run backward in time and the loss does not read their last step, so that lag is no distance from it"
    return [f"Not ranked are {_and(names)}: {why}."] if names else []


def _known(key: str, stage: str, rows: list[SummaryRow]) -> dict[str, MedianRange]:
    """A metric of those variants that have it."""
    return {row.group.variant: row.of(key, stage) for row in rows if not np.isnan(row.of(key, stage).median)}


def _decay(rates: dict[str, MedianRange]) -> str:
    order = sorted(rates, key=lambda variant: float(rates[variant].median), reverse=True)
    best, worst = order[0], order[-1]
    if best == worst:
        return f"{'grows' if rates[best].median > 0 else 'decays'} in {best} {_by(rates[best])} back in time"
    slowest = {variant: rates[variant] for variant in order if _tied(rates[variant], rates[best])}
    fastest = {variant: rates[variant] for variant in order if _tied(rates[variant], rates[worst])}
    if len(slowest) == len(fastest) == len(order):
        if _rounded_alike(*rates.values()):
            return f"{'grows' if rates[best].median > 0 else 'decays'} in {_owners(slowest)}"
        return f"has a decay rate of {_signed_each(slowest)} nats per step: equal within the range over seeds"
    first = "grows fastest" if rates[best].median > 0 else "decays slowest"
    last = "grows slowest" if rates[worst].median > 0 else "decays fastest"
    return f"{first} in {_owners(slowest)}, and {last} in {_owners(fastest)}"


def _owners(rates: dict[str, MedianRange]) -> str:
    """For example `rnn, by 0.30 nats per step`, or several of which none can be told from the first or last."""
    first, *others = rates.values()
    if not others:
        return f"{next(iter(rates))}, {_by(first)}"
    if _rounded_alike(*rates.values()):
        return f"{_and(rates)}, {_by(first)}, equal within the rounding of float32"
    return f"{_and(rates)} (decay rate {_signed_each(rates)} nats per step: equal within the range over seeds)"


def _signed_each(rates: dict[str, MedianRange]) -> str:
    return _and(f"{_signed(rate)} in {variant}" for variant, rate in rates.items())


def _and(names: Iterable[str]) -> str:
    *names, last = names
    return f"{', '.join(names)} and {last}" if names else last


def _tied(one: MedianRange, other: MedianRange) -> bool:
    """Whether neither the seeds, whose ranges overlap, nor float32 can tell two decay rates apart."""
    error = rounding(one.median, other.median, scale=1.0)
    return bool(one.low <= other.high + error and other.low <= one.high + error)


def _rounded_alike(*rates: MedianRange) -> bool:
    """Whether rates differ by nothing but rounding: median, lowest and highest."""
    return all(np.ptp(bounds) <= rounding(*bounds, scale=1.0) for bounds in zip(*rates, strict=True))


def _by(rate: MedianRange) -> str:
    return f"by {abs(float(rate.median)):#.2g} nats per step"


def _horizon(horizons: dict[str, MedianRange], rates: dict[str, MedianRange], length: int) -> str:
    """A horizon is where a curve crosses a limit, so rounding may move that of curves which are otherwise equal."""
    if not horizons:
        return ""
    longest = max(float(horizon.median) for horizon in horizons.values())
    owners = [variant for variant, horizon in horizons.items() if horizon.median == longest]
    first = owners[0]
    overlapping = {v for v, horizon in horizons.items() if horizon.high >= horizons[first].low}
    rounded = {v for v in horizons if v in rates and first in rates and _rounded_alike(rates[v], rates[first])}
    parts = [f"The longest horizon is {longest:g} of {length - 1} steps: {', '.join(owners)}"]
    for others, within in ((rounded, "the rounding of float32"), (overlapping - rounded, "the range over seeds")):
        equal = [f"{v} ({horizon.median:g})" for v, horizon in horizons.items() if v in others and v not in owners]
        if equal:
            parts.append(f"equal within {within}: {', '.join(equal)}")
    return f" {'; '.join(parts)}."


def _over_lengths(rows: list[SummaryRow], label: str) -> list[str]:
    """A sentence on each variant: its numbers at every length, at the last measurement."""
    of_variants: dict[str, list[SummaryRow]] = defaultdict(list)
    for row in rows:
        if not np.isnan(row.of("decay_rate").median):
            of_variants[row.group.variant].append(row)
    return [
        f"{variant}, {label}, at T = {_each(own, lambda row: str(row.group.length))}: "
        f"decay rate {_each(own, lambda row: _signed(row.of('decay_rate')))} nats per step, "
        f"horizon {_each(own, lambda row: format(row.of('horizon').median, 'g'))} steps"
        + _share(own, "older", " of the weight gradient older than 10 steps")
        + _share(own, "exploding", " of the examples with an exploding gradient")
        + "."
        for variant, own in of_variants.items()
    ]


def _each(rows: list[SummaryRow], text: Callable[[SummaryRow], str]) -> str:
    return ", ".join(text(row) for row in rows)


def _share(rows: list[SummaryRow], key: str, what: str) -> str:
    """Percentages at every length, or nothing where none was measured."""
    if all(np.isnan(row.of(key).median) for row in rows):
        return ""
    return f", {_each(rows, lambda row: f'{100 * float(row.of(key).median):.0f}')} %{what}"


_AT_THE_START = ("bias", "initializer")
"""Endings of the settings that decide the network before training."""


def _initialisation(rows: list[SummaryRow]) -> list[str]:
    """A sentence on each set of variants that differ in one setting of their initialisation alone."""
    settings = [row.group.trials[0].settings for row in rows]
    fields = sorted({field for of_row in settings for field in of_row if field.endswith(_AT_THE_START)})
    return [sentence for field in fields for sentence in _effect_of(field, rows)]


def _effect_of(field: str, rows: list[SummaryRow]) -> list[str]:
    alike: dict[str, list[SummaryRow]] = defaultdict(list)
    for row in rows:
        settings = {key: value for key, value in row.group.trials[0].settings.items() if key not in (field, "seed")}
        if field in row.group.trials[0].settings and not np.isnan(row.of("decay_rate", "before").median):
            alike[repr(settings)].append(row)
    return [
        f"What {field.rpartition('.')[2].replace('_', ' ')} did to the decay rate, nats per step: "
        + "; ".join(
            f"{row.group.variant} {_signed(row.of('decay_rate', 'before'))} before and "
            f"{_signed(row.of('decay_rate'))} after training"
            for row in members
        )
        + "."
        for members in alike.values()
        if len(members) > 1
    ]


def _signed(rate: MedianRange) -> str:
    return "unknown" if np.isnan(rate.median) else f"{float(rate.median):#.2g}".replace("-", "−")


def _memory(rows: list[SummaryRow]) -> list[str]:
    """Where a variant does better than a predictor without memory: with every seed, and with some of them."""
    tried = [
        row
        for row in rows
        if not np.isnan(row.floor) and (row.status["failed"] or not np.isnan(row.of("heldout_loss").median))
    ]
    if not tried:
        return []
    reached: dict[str, list[str]] = {row.group.variant: [] for row in tried}
    for row in tried:
        if row.reached == row.seeds:
            reached[row.group.variant].append(str(row.group.length))
    return [_with_every_seed(reached), *_with_some_seeds([row for row in tried if row.reached < row.seeds])]


def _with_every_seed(reached: dict[str, list[str]]) -> str:
    always = [f"{variant} at T = {', '.join(lengths)}" for variant, lengths in reached.items() if lengths]
    never = [variant for variant, lengths in reached.items() if not lengths]
    better = f"a held-out loss {MEMORY}"
    if not always:
        return f"No variant reaches, with every seed and at any length, {better}."
    others = f"; at no length by {', '.join(never)}" if never else ""
    return f"{better.capitalize()} is reached, with every seed, by {'; '.join(always)}{others}."


def _with_some_seeds(rows: list[SummaryRow]) -> list[str]:
    """A seed that failed, or is not done, has not reached it."""
    some = [
        f"{row.group.variant} at T = {row.group.length} ({', '.join([f'{row.reached} of {row.seeds}', *row.troubles])})"
        for row in rows
        if row.reached or row.status["failed"]
    ]
    return [f"Not by every seed: {', '.join(some)}."] if some else []
