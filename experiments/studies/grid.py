"""The points of a sweep: settings to change, as dictionaries from field to value, made of axes.

    product(
        axis("cell.name", "rnn", "lstm"),
        when(axis("cell.forget_bias", 0.0, 1.0), axis("cell.name", "lstm")),
        zip_axes(axis("task.length", 16, 64), axis("steps", 1000, 4000)),
    )

An axis is a list of points. So a list written by hand can stand wherever an axis can, and `+` puts one after another.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from experiments.errors import ConfigError

Point = dict[str, Any]
"""For example `{"cell.name": "lstm", "seed": 0}`; what is not in it stays as the config has it."""

Axis = Sequence[Point]


class Conditional(NamedTuple):
    """An axis that goes only with some points: see `when`."""

    axis: Axis
    condition: Axis

    def goes_with(self, point: Point) -> bool:
        """Whether the point has the settings of one of the condition's."""
        return any(settings.items() <= point.items() for settings in self.condition)

    def __str__(self) -> str:
        fields = dict.fromkeys(field for point in self.axis for field in point)
        settings = (", ".join(f"{field}={value}" for field, value in point.items()) for point in self.condition)
        return f"{', '.join(fields)} if {' or '.join(settings)}"


def axis(field: str, *values: Any) -> list[Point]:
    """One field that takes some values, one after another.

    Raises:
      ConfigError: no values.

    >>> axis("seed", 0, 1)
    [{'seed': 0}, {'seed': 1}]
    """
    if not values:
        raise ConfigError(f"the sweep's axis {field} has no values.")
    return [{field: value} for value in values]


def zip_axes(*axes: Axis) -> list[Point]:
    """Axes that go together: the first points of all of them, then the second ones, and so on.

    Raises:
      ConfigError: they are not of one length, or two of them set the same field.

    >>> zip_axes(axis("task.length", 16, 64), axis("steps", 1000, 4000))
    [{'task.length': 16, 'steps': 1000}, {'task.length': 64, 'steps': 4000}]
    """
    lengths = {len(points) for points in axes}
    if len(lengths) > 1:
        counts = ", ".join(f"{', '.join(points[0])} has {len(points)}" for points in axes if points)
        raise ConfigError(f"the sweep's axes that go together must have as many values: {counts}.")
    return [_together(*points) for points in zip(*axes, strict=True)]


def when(axis: Axis, condition: Axis) -> Conditional:
    """An axis of a `product` for those points that have the settings of one of the condition's points.

    The others stay as they are, with its fields unset. The condition looks at the axes before it.

    >>> bias = when(axis("cell.forget_bias", 0.0, 1.0), axis("cell.name", "lstm"))
    >>> product(axis("cell.name", "gru", "lstm"), bias)
    [{'cell.name': 'gru'},
     {'cell.name': 'lstm', 'cell.forget_bias': 0.0},
     {'cell.name': 'lstm', 'cell.forget_bias': 1.0}]
    """
    return Conditional(axis, condition)


def product(*axes: Axis | Conditional) -> list[Point]:
    """Every point of each axis with every point of the others; the last axis changes fastest.

    Raises:
      ConfigError: two axes set the same field of a point, or a condition goes with no point.

    >>> product(axis("cell.name", "rnn", "gru"), axis("seed", 0, 1))
    [{'cell.name': 'rnn', 'seed': 0},
     {'cell.name': 'rnn', 'seed': 1},
     {'cell.name': 'gru', 'seed': 0},
     {'cell.name': 'gru', 'seed': 1}]
    """
    points: list[Point] = [{}]
    for added in axes:
        if isinstance(added, Conditional):
            _check_condition(added, points)
            points = [
                new for point in points for new in (_product(point, added.axis) if added.goes_with(point) else [point])
            ]
        else:
            points = [new for point in points for new in _product(point, added)]
    return points


def _product(point: Point, axis: Axis) -> list[Point]:
    return [_together(point, other) for other in axis]


def _together(*points: Point) -> Point:
    merged: Point = {}
    for point in points:
        for field in point:
            if field in merged:
                raise ConfigError(f"two of the sweep's axes set {field}.")
        merged |= point
    return merged


def _check_condition(conditional: Conditional, points: list[Point]) -> None:
    """A condition with a mistake in it must not quietly leave its axis out."""
    if any(conditional.goes_with(point) for point in points):
        return
    fields = dict.fromkeys(field for settings in conditional.condition for field in settings)
    told = []
    for field in fields:
        values = dict.fromkeys(str(point[field]) for point in points if field in point)
        told.append(f"{field} is {' or '.join(values)}" if values else f"no axis before it sets {field}")
    raise ConfigError(f"the sweep's condition {conditional} holds for no trial: {', '.join(told)}.")
