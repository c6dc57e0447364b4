"""Which points a run measures."""

from collections.abc import Sequence

from scripts.benchmark.layers.point import GATES, Point

CELLS = tuple(GATES)
HIDDEN = (32, 64, 128, 256, 512)
BATCH = (1, 8, 32, 128)
LAYERS = (1, 2)
STEPS = 128
LONG = {"steps": 1000, "hidden": 64}
QUICK = {"hidden": (32, 128), "batch": (8, 32), "layers": (1,)}
"""What `--quick` leaves: enough to see whether the harness and the peers work."""


def points(
    cells: Sequence[str] = CELLS,
    hidden: Sequence[int] = HIDDEN,
    batch: Sequence[int] = BATCH,
    layers: Sequence[int] = LAYERS,
    steps: Sequence[int] = (),
) -> list[Point]:
    """All combinations; without `steps`, T = 128 for every H and T = 1000 as well for H = 64.

    >>> len(points())
    144
    >>> [point.name for point in points(["gru"], [64], [8], [1])]
    ['gru H64 B8 L1 T128', 'gru H64 B8 L1 T1000']
    """

    def lengths(H: int) -> Sequence[int]:
        if steps:
            return steps
        return (STEPS, LONG["steps"]) if LONG["hidden"] == H else (STEPS,)

    return [
        Point(cell, H, B, L, T) for cell in cells for H in hidden for T in lengths(H) for L in layers for B in batch
    ]
