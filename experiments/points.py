"""The points of a sweep: settings to change, as dictionaries from field to value, made of axes.

A study's `sweep()` and `--sweep` at the command line are made by the same functions:

    product(axis("cell.name", "rnn", "lstm"), axis("seed", *range(4)))
    cell.name=rnn,lstm; seed=0:4

    zipped(axis("task.length", 16, 64), axis("steps", 1000, 4000))
    (task.length,steps)=(16,1000),(64,4000)

    product(
        axis("cell.name", "rnn", "lstm"),
        only_if(axis("cell.forget_bias", 0.0, 1.0), axis("cell.name", "lstm")),
    )
    cell.name=rnn,lstm; cell.forget_bias=0,1 if cell.name=lstm

An axis is a list of points. So a list written by hand can stand wherever an axis can, and `+` puts one after another.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from experiments.config import ConfigError

Point = dict[str, Any]
"""For example `{"cell.name": "lstm", "seed": 0}`; what is not in it stays as the config has it."""

Axis = Sequence[Point]


class Conditional(NamedTuple):
    """An axis that goes only with some points: see `only_if`."""

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


def zipped(*axes: Axis) -> list[Point]:
    """Axes that go together: the first points of all of them, then the second ones, and so on.

    Raises:
      ConfigError: they are not of one length, or two of them set the same field.

    >>> zipped(axis("task.length", 16, 64), axis("steps", 1000, 4000))
    [{'task.length': 16, 'steps': 1000}, {'task.length': 64, 'steps': 4000}]
    """
    lengths = {len(points) for points in axes}
    if len(lengths) > 1:
        counts = ", ".join(f"{', '.join(points[0])} has {len(points)}" for points in axes if points)
        raise ConfigError(f"the sweep's axes that go together must have as many values: {counts}.")
    return [_together(*points) for points in zip(*axes, strict=True)]


def only_if(axis: Axis, condition: Axis) -> Conditional:
    """An axis of a `product` for those points that have the settings of one of the condition's points.

    The others stay as they are, with its fields unset. The condition looks at the axes before it.

    >>> bias = only_if(axis("cell.forget_bias", 0.0, 1.0), axis("cell.name", "lstm"))
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


def parse(spec: str, kind: Callable[[str], type]) -> list[Point]:
    """The points that a text such as `cell.name=rnn,lstm;seed=0:4` tells of; for its forms see above.

    `0:4` stands for 0, 1, 2, 3. A comma within brackets is part of a value: `orthogonal,sparse(15,0.95)`.

    Args:
      spec: parts with `;` between them, of which the product is taken.
      kind: the type of a field; raises `ConfigError` where there is no such field.

    Raises:
      ConfigError: a part that can't be read, or a value that is not of its field's type; the message names it.

    >>> parse("seed=0:2; cell.name=rnn", {"seed": int, "cell.name": str}.get)
    [{'seed': 0, 'cell.name': 'rnn'}, {'seed': 1, 'cell.name': 'rnn'}]
    """
    parts = [part for part in _split(spec, ";") if part]
    if not parts:
        raise ConfigError("--sweep is empty: give combinations, for example --sweep='cell.name=rnn,lstm;seed=0:4'.")
    return product(*(_part(part, kind) for part in parts))


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


def _part(part: str, kind: Callable[[str], type]) -> Axis | Conditional:
    assigned, where, condition = part.partition(" if ")
    points = _assigned(assigned.strip(), part, kind)
    return only_if(points, _assigned(condition.strip(), part, kind)) if where else points


def _assigned(text: str, part: str, kind: Callable[[str], type]) -> Axis:
    """`field=value,value` or `(field,field)=(value,value),(value,value)`."""
    fields, equals, values = (piece.strip() for piece in text.partition("="))
    if not (fields and equals and values):
        raise ConfigError(
            f"--sweep: {part!r} is not of the form field=value,value or field=start:stop, "
            "nor (field,field)=(value,value),(value,value), nor one of these with 'if field=value' after it."
        )
    if not fields.startswith("("):
        of = kind(fields)
        return axis(fields, *(_typed(fields, text, of) for value in _split(values, ",") for text in _range(value, of)))
    names = _within(fields, part)
    rows = [_within(row, part) for row in _split(values, ",")]
    for row in rows:
        if len(row) != len(names):
            raise ConfigError(f"--sweep: {part!r}: ({','.join(row)}) does not have a value for each of {fields}.")
    columns = zip(names, zip(*rows, strict=True), strict=True)
    return zipped(*(axis(name, *(_typed(name, text, kind(name)) for text in column)) for name, column in columns))


def _within(text: str, part: str) -> list[str]:
    """What stands within brackets, apart."""
    if not (text.startswith("(") and text.endswith(")")):
        raise ConfigError(f"--sweep: {part!r}: {text!r} should be in brackets, (field,field)=(value,value).")
    return _split(text[1:-1], ",")


def _split(text: str, separator: str) -> list[str]:
    """The pieces between separators that do not stand within brackets."""
    pieces, depth = [""], 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            break
        if character == separator and depth == 0:
            pieces.append("")
        else:
            pieces[-1] += character
    if depth:
        raise ConfigError(f"--sweep: the brackets of {text!r} do not match.")
    return [piece.strip() for piece in pieces]


def _range(text: str, kind: type) -> list[str]:
    """The numbers of `start:stop`, or the text itself."""
    if kind is not int or ":" not in text:
        return [text]
    start, _, stop = text.partition(":")
    if not (start.strip().isdecimal() and stop.strip().isdecimal() and int(start) < int(stop)):
        raise ConfigError(f"--sweep: the range {text!r} is not of the form start:stop with start below stop.")
    return [str(number) for number in range(int(start), int(stop))]


_TRUTH = {"true": True, "false": False}

_READ: dict[type, tuple[str, Callable[[str], Any]]] = {
    bool: ("true or false", lambda text: _TRUTH[text.lower()]),
    int: ("a whole number", int),
    float: ("a number", float),
    str: ("a text", str),
}


def _typed(field: str, text: str, kind: type) -> Any:
    if kind not in _READ:
        raise ConfigError(f"--sweep: {field} is a {kind.__name__}, which can be swept by a study's sweep() only.")
    what, read = _READ[kind]
    if not text:
        raise ConfigError(f"--sweep: {field} has an empty value.")
    try:
        return read(text)
    except (KeyError, ValueError):
        raise ConfigError(f"--sweep: {field} must be {what}, not {text!r}.") from None
