"""How far a run is, and how long it will take."""

import time
from collections.abc import Sequence

from scripts.benchmark.layers import timing
from scripts.benchmark.layers.point import PASSES, Point

# Rough seconds on two AVX-512 cores, for the first estimate only; from then on the run's own pace corrects it.
_FLOPS = 200e9  # a second
_STEP = 8e-6  # a time step of a layer, whatever its size
_COMPILATION = 1.5  # both passes of one contestant


def cost(point: Point, contestants: int, repetitions: int) -> float:
    """Expected seconds of a point: compilation, first and warm-up calls, and the rounds."""
    total = _COMPILATION
    for which in PASSES:
        call = point.flops(which) / _FLOPS + _STEP * point.steps * point.layers
        turn = timing.plan(call, repetitions)
        total += call * (2 + timing.ROUNDS * (turn.calls + turn.warm_up))
    return (contestants + 1) * total  # and the reference


class Progress:
    """Points done, and time left."""

    def __init__(self, todo: Sequence[Point], contestants: int, repetitions: int):
        """Begin now."""
        self._costs = {point: cost(point, contestants, repetitions) for point in todo}
        self._finished: set[Point] = set()
        self._started = time.monotonic()

    def done(self, point: Point) -> str:
        """Take in that a point is done, and say where the run is."""
        self._finished.add(point)
        return f"[{len(self._finished)}/{len(self._costs)}, {self.left()}]"

    def left(self) -> str:
        """Time left, from the costs of the points and the pace until now."""
        spent = sum(self._costs[point] for point in self._finished)
        pace = (time.monotonic() - self._started) / spent if spent else 1.0
        seconds = pace * (sum(self._costs.values()) - spent)
        return f"{seconds / 60:.0f} min left" if seconds > 90 else f"{seconds:.0f} s left"
