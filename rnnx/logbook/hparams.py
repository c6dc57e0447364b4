"""TensorBoard's HParams page: what varies in a study as columns, a row for each run, the numbers that it came to.

The columns are written once, for the study, into the run `_study`: TensorBoard takes those of a single run, whichever
it finds first, and looks for no others. A row is in its own run. It holds what varies and nothing else, and a dash for
what its run does not have: TensorBoard's parallel coordinates leave out a row that lacks a value.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from google.protobuf.struct_pb2 import ListValue, Value
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo, SessionStartInfo
from tensorboardX.proto.summary_pb2 import Summary, SummaryMetadata

from rnnx.logbook import tags
from rnnx.logbook.run_directory import EVENTS
from rnnx.logbook.tensorboard import TensorBoard

Settings = dict[str, Any]
"""The flat configuration of a run, `{"cell.name": "lstm", …}`."""

MISSING = "–"
"""What stands for a setting that a run does not have."""

_FAILED = "final/failed"

_CORE = {
    "task.name": "task",
    "model.name": "model",
    "cell.name": "cell",
    "task.length": "length T (steps)",
    "seed": "seed",
}
"""The settings that come first, and what they are called."""

_SECTIONS = ("cell", "model", "task", "schedule")
"""Of settings: their options go with a name."""


class Column(NamedTuple):
    """A setting that has several values in a study."""

    field: str
    title: str
    values: list[Any]
    """All that there are, in order."""
    kind: api_pb2.DataType

    def cell(self, settings: Settings) -> Value:
        """Its value in a run."""
        return _value(settings.get(self.field, MISSING), self.kind)


def columns(study: Iterable[Settings]) -> list[Column]:
    """The settings in which runs of a study differ; where none do, the cell, task, length and seed that all have.

    An option is compared among the runs that have its section by the same name: that of one cell alone, which goes
    without saying, is no column.

    >>> rnn, lstm = {"cell.name": "rnn", "steps": 9}, {"cell.name": "lstm", "cell.forget_bias": 1.0, "steps": 9}
    >>> [column.title for column in columns([rnn, lstm])]
    ['cell']
    >>> [column.title for column in columns([rnn, lstm, lstm | {"cell.forget_bias": 0.0}])]
    ['cell', 'forget bias']
    """
    study = list(study)
    fields = list(dict.fromkeys([*_CORE, *sorted({field for settings in study for field in settings})]))
    varying = [field for field in fields if _varies(field, study)]
    shown = varying or [field for field in _CORE if any(field in settings for settings in study)]
    return [_column(field, shown, [settings.get(field, MISSING) for settings in study]) for field in shown]


def write_study(directory: Path, study: list[Column], metrics: Iterable[str]) -> None:
    """Write the columns of a study, in place of earlier ones.

    Args:
      directory: of a run; one of a study's runs, at most, has them.
      study: its columns.
      metrics: tags that `end` gives a value, shown beside the settings.

    >>> import tempfile
    >>> write_study(Path(tempfile.mkdtemp()), columns([{"seed": 0}, {"seed": 1}]), ["heldout/loss"])
    """
    experiment = api_pb2.Experiment(
        hparam_infos=[_info(column) for column in study],
        metric_infos=[_metric(_final(tag)) for tag in metrics] + [_metric(_FAILED)],
    )
    with TensorBoard.apart(directory, "study") as board:
        board.summary(_hparams("experiment", experiment=experiment), 0)


def has_study(directory: Path) -> bool:
    """Whether `write_study` has been there."""
    return any(directory.glob(f"{EVENTS}.*.study"))


def write_row(directory: Path, settings: Settings, study: list[Column]) -> None:
    """Write a run's row, in place of an earlier one.

    >>> import tempfile
    >>> write_row(Path(tempfile.mkdtemp()), {"seed": 1}, columns([{"seed": 0}, {"seed": 1}]))
    """
    row = {column.field: column.cell(settings) for column in study}
    with TensorBoard.apart(directory, "hparams") as board:
        board.summary(_hparams("session_start_info", session_start_info=SessionStartInfo(hparams=row)), 0)


def end(directory: Path, step: int, values: dict[str, float] | None) -> None:
    """Write how a run ended, until it is begun again.

    Args:
      directory: of the run, whose events are closed.
      step: at which it ended.
      values: of the `metrics` of the study; `None` if it has failed. Those that are not finite are left out:
        TensorBoard sorts a row without a value last, and one with NaN anywhere.

    >>> import tempfile
    >>> end(Path(tempfile.mkdtemp()), 100, {"heldout/loss": 0.5})
    """
    # By the status TensorBoard filters and does not show it, so that a column has it too.
    shown: dict[str, Any] = {_FAILED: float(values is None)}
    # Under tags of their own, because the tag itself has a value from the start, of a network that is not trained yet.
    shown |= {_final(tag): value for tag, value in (values or {}).items() if np.isfinite(value)}
    status = api_pb2.STATUS_FAILURE if values is None else api_pb2.STATUS_SUCCESS
    with TensorBoard.apart(directory, "end") as board:
        board.write(step, shown)
        board.summary(_hparams("session_end_info", session_end_info=SessionEndInfo(status=status)), step)


def _final(tag: str) -> str:
    return f"final/{tag}"


def _varies(field: str, study: list[Settings]) -> bool:
    section, _, option = field.partition(".")
    name = f"{section}.name" if section in _SECTIONS and field not in _CORE and option != "name" else None
    found: dict[Any, set[str]] = {}
    for settings in study:
        if field in settings:
            found.setdefault(name and settings.get(name), set()).add(str(settings[field]))
    return any(len(values) > 1 for values in found.values())


def _column(field: str, shown: list[str], values: list[Any]) -> Column:
    """Numbers where all are, else text: TensorBoard can't sort them among each other."""
    distinct = list({str(value): value for value in values}.values())
    if all(isinstance(value, bool) for value in distinct):
        kind = api_pb2.DATA_TYPE_BOOL
    elif all(isinstance(value, int | float) and not isinstance(value, bool) for value in distinct):
        kind = api_pb2.DATA_TYPE_FLOAT64
    else:
        kind = api_pb2.DATA_TYPE_STRING
    leaf = field.rpartition(".")[2]
    alone = sum(other.rpartition(".")[2] == leaf for other in shown) == 1
    title = _CORE.get(field) or (leaf if alone else field).replace(".", " ").replace("_", " ")
    return Column(field, title, sorted(distinct, key=_order), kind)


def _order(value: Any) -> tuple[bool, bool, Any]:
    """Numbers by size, then text by the alphabet, and last what is missing."""
    number = isinstance(value, int | float)
    return value == MISSING, not number, value if number else str(value)


def _value(value: Any, kind: api_pb2.DataType) -> Value:
    if kind == api_pb2.DATA_TYPE_BOOL:
        return Value(bool_value=value)
    if kind == api_pb2.DATA_TYPE_FLOAT64:
        return Value(number_value=value)
    return Value(string_value=f"{value:g}" if isinstance(value, float) else str(value))


def _info(column: Column) -> api_pb2.HParamInfo:
    """Where there are several values each can be ticked; a single one must not hide the runs beside it."""
    several = len(column.values) > 1
    info = api_pb2.HParamInfo(name=column.field, display_name=column.title, type=column.kind, differs=several)
    if several:
        info.domain_discrete.CopyFrom(ListValue(values=[_value(value, column.kind) for value in column.values]))
    return info


def _metric(tag: str) -> api_pb2.MetricInfo:
    described = tags.description(tag)
    info = api_pb2.MetricInfo(name=api_pb2.MetricName(tag=tag))
    if described:
        info.display_name, info.description = described
    return info


def _hparams(tag: str, **content: Any) -> Summary:
    """What the HParams page reads stands in the metadata of a tag without values."""
    plugin = SummaryMetadata.PluginData(plugin_name="hparams", content=HParamsPluginData(**content).SerializeToString())
    return Summary(value=[Summary.Value(tag=f"_hparams_/{tag}", metadata=SummaryMetadata(plugin_data=plugin))])
