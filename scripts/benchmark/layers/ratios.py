"""How many times rnnx's time the others take, point by point and over many points."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from scripts.benchmark.layers.point import Point
from scripts.benchmark.layers.record import Record, point_of

TORCH = "torch"


class Ratio(NamedTuple):
    """A contestant's time over rnnx's at one point: above 1, rnnx is faster."""

    point: Point
    value: float
    contestant: str


class Summary(NamedTuple):
    """Over many points."""

    geometric_mean: float
    worst: Ratio


def contestants(record: Record) -> list[str]:
    """Those that have an entry at some point, be it that they failed."""
    return [name for name in record["contestants"] if any(name in entry["contestants"] for entry in record["points"])]


def base(record: Record) -> str:
    """The contestant that all are compared with: rnnx, or where that was not asked for, the first of its engines."""
    return min(filter(ours, record["contestants"]), key=lambda name: name != "rnnx")


def others(record: Record) -> list[str]:
    """All that are compared with it: other libraries, and rnnx's other engines."""
    return [name for name in contestants(record) if name != base(record)]


def ours(name: str) -> bool:
    """Whether a contestant is rnnx, with whatever engine."""
    return name.split("/")[0] == "rnnx"


def peers(record: Record) -> list[str]:
    """The contestants that are other libraries."""
    return [name for name in contestants(record) if not ours(name)]


def median(entry: Mapping[str, Any], contestant: str, which: str) -> float | None:
    """A contestant's median time in ms at a point; `None` if it was not timed."""
    return entry["contestants"].get(contestant, {}).get(which, {}).get("median_ms")


def ratio(entry: Mapping[str, Any], contestant: str, which: str, over: str) -> Ratio | None:
    """A contestant's time over that of `over`; `None` where one of them was not timed."""
    time, unit = median(entry, contestant, which), median(entry, over, which)
    return None if time is None or unit is None else Ratio(point_of(entry), time / unit, contestant)


def best(entry: Mapping[str, Any], contestants: Iterable[str], which: str, over: str) -> Ratio | None:
    """The ratio of the fastest of several contestants at a point."""
    found = [ratio(entry, name, which, over) for name in contestants]
    return min((r for r in found if r is not None), key=lambda r: r.value, default=None)


def summarize(ratios: Iterable[Ratio | None]) -> Summary | None:
    """Geometric mean and worst case; `None` of nothing.

    >>> at = Point("rnn", 32, 1, 1, 128)
    >>> found = summarize([Ratio(at, 4.0, "torch"), None, Ratio(at, 0.25, "torch")])
    >>> found.geometric_mean, found.worst.value
    (1.0, 0.25)
    """
    found = [r for r in ratios if r is not None]
    if not found:
        return None
    mean = math.exp(math.fsum(math.log(r.value) for r in found) / len(found))
    return Summary(mean, min(found, key=lambda r: r.value))


def columns(record: Record) -> dict[str, Callable[[Mapping[str, Any], str], Ratio | None]]:
    """What a summary compares rnnx with: each peer, and the best of those on JAX at each point."""
    over = base(record)

    def against(*names: str) -> Callable[[Mapping[str, Any], str], Ratio | None]:
        return lambda entry, which: best(entry, names, which, over)

    on_jax = [name for name in peers(record) if name != TORCH]
    found = {name: against(name) for name in peers(record)}
    return {**found, "best on JAX": against(*on_jax)} if on_jax else found
