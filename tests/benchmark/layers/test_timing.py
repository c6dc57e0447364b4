"""Turns: who comes when, and how often."""

import pytest

from scripts.benchmark.interpreters import WorkerError
from scripts.benchmark.layers import timing


class Recorded:
    """Answers as a worker would whose calls take a known time, and notes when it was asked."""

    def __init__(self, name, seconds, log):
        self.name, self.seconds, self.log = name, seconds, log

    def ask(self, **request):
        self.log.append((self.name, request["pass"], request["calls"], request["warm_up"]))
        if self.seconds is None:
            raise WorkerError("out of memory")
        return {"seconds": [self.seconds] * request["calls"]}


def test_in_as_many_rounds_as_contestants_each_takes_each_place_once():
    orders = [timing.rotated("abcde", by) for by in range(5)]
    assert all(sorted(order[place] for order in orders) == list("abcde") for place in range(5))


def test_rounds_are_rotated_and_all_calls_are_kept():
    log = []
    contestants = [Recorded("fast", 0.005, log), Recorded("slow", 2.0, log)]
    samples, failed = timing.time_all(contestants, repetitions=20)
    assert failed == {}
    assert {name: {which: len(s) for which, s in found.items()} for name, found in samples.items()} == {
        "fast": {"forward": 20, "backward": 20},
        "slow": {"forward": 5, "backward": 5},
    }
    rounds = [name for name, which, calls, warm_up in log if which == "forward" and (warm_up > 0 or name == "slow")]
    # One call tells how long the slow one takes; then the rounds.
    assert rounds == ["fast", "slow", "slow", "slow", "fast", "fast", "slow", "slow", "fast", "fast", "slow"]


def test_a_contestant_that_fails_is_left_out_and_named():
    log = []
    samples, failed = timing.time_all([Recorded("good", 0.01, log), Recorded("bad", None, log)], repetitions=20)
    assert failed == {"bad": "out of memory"}
    assert set(samples) == {"good"}
    assert sum(name == "bad" for name, *_ in log) == 1


@pytest.mark.parametrize("seconds", [1e-5, 1e-3, 0.01, 0.2, 0.4])
def test_a_plan_makes_the_repetitions(seconds):
    turn = timing.plan(seconds, repetitions=21)
    assert timing.ROUNDS * turn.calls >= 21
    assert turn.calls * seconds >= timing.TURN


def test_slow_calls_are_made_five_times():
    assert timing.ROUNDS * timing.plan(0.41, repetitions=21).calls == 5


def test_quartiles_of_known_numbers():
    found = timing.describe([0.001 * k for k in range(101)])
    assert found == {"median_ms": 50, "lower_ms": 25, "upper_ms": 75, "minimum_ms": 0, "repetitions": 101}
