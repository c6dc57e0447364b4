"""What there is to tell at the end of an analysis: the headline numbers, and where all the rest is."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from rnnx import diagnostics, readings
from rnnx.diagnostics import Tag

_WIDTH = 120  # of what is not a terminal
_COLUMNS = 5  # of numbers, beside the name of the trial: more do not fit a terminal


class Result(NamedTuple):
    """What there is to tell of one measurement of one trial."""

    trial: str
    title: str
    """Of the trial."""
    measure: str
    outcome: str
    """`done`, `already there`, or why it could not be measured."""
    record: dict[str, Any]
    """What the file holds: step, precision and examples, and values by tag."""
    directory: Path
    """Where the file and the picture are."""

    @property
    def failed(self) -> bool:
        """There is nothing but a reason."""
        return not self.record


def show(results: list[Result], workdir: Path) -> None:
    """Print the headline numbers of each trial, in the order in which the diagnostics were asked for."""
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH
    measured = [result for result in results if not result.failed]
    if measured:
        one_trial = len({result.trial for result in measured}) == 1
        for table in [_of_one_trial(measured)] if one_trial else _of_trials(measured):
            console.print(table)
        directory = measured[0].directory
        where = directory if one_trial else workdir / "<trial>" / directory.relative_to(workdir / measured[0].trial)
        print(f"pictures (.png) and all values (.json): {where}")
    for result in results:
        if result.failed:
            print(f"{result.trial}: {result.measure}: {result.outcome}")


def _of_one_trial(results: list[Result]) -> Table:
    """A row for each number."""
    table = Table(title=f"{results[0].title}, {_conditions(results)}", title_justify="left")
    table.add_column("diagnostic")
    table.add_column("value", justify="right")
    table.add_column("unit")
    for result in results:
        numbers = headline(result.measure, result.record["values"])
        for tag, unit in numbers.items():
            table.add_row(tag, _text(result.record["values"][tag]), unit)
        if not numbers:
            said = "see its picture" if result.record["values"] else "nothing of such a cell"
            table.add_row(result.measure, said, "")
    return table


def _of_trials(results: list[Result]) -> Iterable[Table]:
    """A row for each trial, and a column for each number that one of them has."""
    numbers: dict[str, str] = {}
    for result in results:
        numbers |= headline(result.measure, result.record["values"])
    names, tags = dict.fromkeys(result.trial for result in results), list(numbers)
    values: dict[str, dict[str, Any]] = {name: {} for name in names}
    for result in results:
        values[result.trial] |= result.record["values"]
    for first in range(0, max(len(tags), 1), _COLUMNS):
        shown = tags[first : first + _COLUMNS]
        table = Table(title=_conditions(results) if first == 0 else None, title_justify="left")
        table.add_column("trial")
        for tag in shown:
            lines = [*tag.split("/"), *([f"({numbers[tag]})"] if numbers[tag] else [])]
            table.add_column("\n".join(lines), justify="right")
        for name in names:
            table.add_row(name, *(_text(values[name].get(tag, "")) for tag in shown))
        yield table


def headline(name: str, values: dict[str, Any]) -> dict[str, str]:
    """The numbers and texts that stand for a measurement, with their units: those that its file declares to be so.

    Of the parts of a state and the arrays of a cell it is the whole where there is one, and of a model of several
    parts each has its own. A measurement of anyone's own, which declares nothing, has all its numbers.

    >>> headline("lyapunov", {"lyapunov/largest": -0.1, "lyapunov/spectrum": [-0.1, -0.2]})
    {'lyapunov/largest': 'nats per step'}
    >>> list(headline("state_gradient", {f"state_gradient/{part}/reach": 3.0 for part in ("h", "c", "state")}))
    ['state_gradient/state/reach']
    """
    scalars = [tag for tag, value in values.items() if isinstance(value, int | float | str)]
    declared = _declared(name)
    if declared is None:
        return dict.fromkeys(scalars, "")
    found = {}
    for tag in scalars:
        own = tag[tag.index(f"{name}/") :]  # without the name of a part of the model
        unit = next((of.unit for of in declared if of.headline and of.declares(own)), None)
        if unit is not None:
            found[tag] = unit
    whole = {tag: unit for tag, unit in found.items() if re.search(f"{name}/(state|all)/", tag)}
    return whole or found


def _declared(name: str) -> tuple[Tag, ...] | None:
    """The tags of rnnx's own; `None` of anyone's own measurement."""
    for package in (diagnostics, readings):
        if name in package.names():
            return package.tags(name)
    return None


def _conditions(results: list[Result]) -> str:
    """For example "step 1000, float64, 8 examples", and what else there was."""

    def of(record: dict[str, Any]) -> str:
        examples = f"{record['examples']} examples" if "examples" in record else ""
        return ", ".join(filter(None, (when(record["step"]), record.get("precision", ""), examples)))

    return "; ".join(dict.fromkeys(of(result.record) for result in results))


def when(step: int) -> str:
    """How far a trial had come."""
    return f"step {step}" if step else "before training"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"
