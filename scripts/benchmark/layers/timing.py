"""Taking turns: in every round each contestant is timed once, and each round begins with the next contestant."""

import math
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from scripts.benchmark.interpreters import WorkerError
from scripts.benchmark.layers.point import PASSES
from scripts.benchmark.layers.workers import Worker

ROUNDS = 5
SLOW = 0.4
"""Seconds above which a call is timed once a round only."""
TURN = 0.02
"""Seconds that a turn of short calls should last at least: one call of 0.2 ms says little."""
WARM_UP = 0.01
"""Seconds of calls at the beginning of a turn that are not counted: others have used the caches in the meantime."""
NO_WARM_UP = 0.1
"""Seconds above which a call does not notice that."""

T = TypeVar("T")


class Turn(NamedTuple):
    """What one contestant does in each round."""

    calls: int
    warm_up: int


def plan(seconds: float, repetitions: int) -> Turn:
    """The turn for calls of that length, so that all rounds make `repetitions` or more.

    >>> plan(0.01, repetitions=20), plan(0.0005, repetitions=20), plan(1.0, repetitions=20)
    (Turn(calls=4, warm_up=1), Turn(calls=40, warm_up=20), Turn(calls=1, warm_up=0))
    """
    if seconds > SLOW:
        return Turn(calls=1, warm_up=0)
    enough = math.ceil(repetitions / ROUNDS)
    warm_up = math.ceil(WARM_UP / seconds) if seconds < NO_WARM_UP else 0
    return Turn(calls=max(enough, math.ceil(TURN / seconds)), warm_up=warm_up)


def rotated(items: Sequence[T], by: int) -> list[T]:
    """The same order, beginning elsewhere.

    >>> [rotated("abc", k) for k in range(4)]
    [['a', 'b', 'c'], ['b', 'c', 'a'], ['c', 'a', 'b'], ['a', 'b', 'c']]
    """
    start = by % len(items)
    return [*items[start:], *items[:start]]


def time_all(
    contestants: Sequence[Worker], repetitions: int
) -> tuple[dict[str, dict[str, list[float]]], dict[str, str]]:
    """Time both passes of all contestants, which have built their networks.

    Returns:
      ({contestant: {pass: seconds of each call}}, {contestant that failed: why}).
    """
    samples: dict[str, dict[str, list[float]]] = {contestant.name: {} for contestant in contestants}
    failed: dict[str, str] = {}
    for which in PASSES:
        turns: dict[str, Turn] = {}
        for round_ in range(ROUNDS):
            for contestant in rotated(contestants, round_):
                if contestant.name in failed:
                    continue
                try:
                    turn = turns.get(contestant.name) or plan(_fastest(contestant, which), repetitions)
                    turns[contestant.name] = turn
                    seconds = _ask(contestant, which, turn)
                except WorkerError as error:
                    failed[contestant.name] = str(error)
                    continue
                samples[contestant.name].setdefault(which, []).extend(seconds)
    return {name: found for name, found in samples.items() if name not in failed}, failed


def _fastest(contestant: Worker, which: str) -> float:
    """Seconds of a call, to plan by; the first one also warms up, so shorter calls are given a second chance."""
    first = _ask(contestant, which, Turn(calls=1, warm_up=0))
    return min(first) if min(first) > NO_WARM_UP else min(_ask(contestant, which, Turn(calls=3, warm_up=0)))


def _ask(contestant: Worker, which: str, turn: Turn) -> list[float]:
    """Seconds of each call of a turn."""
    return contestant.ask(do="time", **{"pass": which}, calls=turn.calls, warm_up=turn.warm_up)["seconds"]


def describe(seconds: Sequence[float]) -> dict[str, float]:
    """Median, quartiles and minimum in ms, and the number of calls.

    >>> describe([0.003, 0.001, 0.002, 0.005, 0.004])
    {'median_ms': 3.0, 'lower_ms': 2.0, 'upper_ms': 4.0, 'minimum_ms': 1.0, 'repetitions': 5}
    """
    lower, median, upper = (round(float(1e3 * q), 5) for q in np.quantile(seconds, (0.25, 0.5, 0.75)))
    return {
        "median_ms": median,
        "lower_ms": lower,
        "upper_ms": upper,
        "minimum_ms": round(1e3 * min(seconds), 5),
        "repetitions": len(seconds),
    }
