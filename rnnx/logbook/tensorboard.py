"""TensorBoard events: the same values as `metrics.jsonl`, and pictures.

Events are written through tensorboardX's `EventsWriter`, the layer below its `SummaryWriter`: synchronous, so that a
kill loses only what was not flushed and a full disk raises here instead of hanging a hidden thread. A new session in a
directory gets a file name of its own and first declares void what an earlier session wrote past the resumed step.
"""

import os
import struct
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf.struct_pb2 import ListValue, Value
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo, SessionStartInfo
from tensorboardX import summary
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary, SummaryMetadata

from rnnx.logbook.run_directory import EVENTS
from rnnx.types import Array, Histogram

Settings = dict[str, Any]

_FAILED = "final/failed"


class TensorBoard:
    """Write one run's events into its directory.

    >>> import tempfile
    >>> with TensorBoard(Path(tempfile.mkdtemp()), resume_step=None) as board:
    ...     board.write(100, {"train/loss": 0.5})
    """

    def __init__(self, directory: Path, resume_step: int | None):
        """Open a new event file; events after `resume_step` (all if `None`) in earlier files are declared void.

        So is what `end` said of an earlier session.
        """
        _remove(directory, "end")
        earlier = any(directory.glob(f"{EVENTS}.*"))
        self._events = _open(directory)
        if earlier:
            purge = 0 if resume_step is None else resume_step + 1
            self._event(Event(step=purge, file_version="brain.Event:2"))
            self._event(Event(step=purge, session_log=SessionLog(status=SessionLog.START)))

    @classmethod
    def analysis(cls, directory: Path, name: str) -> "TensorBoard":
        """Add to the events of a run that is not being trained now; what training has written stays as it is.

        An earlier analysis of the same name is replaced. A run that is resumed from before the step of these events
        declares them void with its own.

        >>> import tempfile
        >>> with TensorBoard.analysis(Path(tempfile.mkdtemp()), "lyapunov") as board:
        ...     board.write(500, {"lyapunov/largest": -0.1})
        """
        return cls._apart(directory, name)

    @classmethod
    def hparams(cls, directory: Path, settings: Settings, study: Iterable[Settings], metrics: Iterable[str]) -> None:
        """Write a run's row of the HParams page, in place of an earlier one.

        TensorBoard takes the columns from any one of the runs, so that each has to know those of all.

        Args:
          directory: of the run.
          settings: its flat configuration.
          study: the flat configurations of the runs that it is looked at with.
          metrics: tags that `end` gives a value, shown beside the settings.

        >>> import tempfile
        >>> lstm = {"cell.name": "lstm", "cell.forget_bias": 1.0}
        >>> TensorBoard.hparams(Path(tempfile.mkdtemp()), lstm, [{"cell.name": "rnn"}], ["heldout/loss"])
        """
        columns = _columns([settings, *study])
        shown = [api_pb2.MetricInfo(name=api_pb2.MetricName(tag=tag)) for tag in (*map(_final, metrics), _FAILED)]
        experiment = api_pb2.Experiment(hparam_infos=columns.values(), metric_infos=shown)
        row = {name: _cell(value, columns[name].type) for name, value in settings.items()}
        with cls._apart(directory, "hparams") as board:
            board._summary(_hparams("experiment", experiment=experiment), 0)
            board._summary(_hparams("session_start_info", session_start_info=SessionStartInfo(hparams=row)), 0)

    @classmethod
    def end(cls, directory: Path, step: int, values: dict[str, float] | None) -> None:
        """Write how a run ended, for the HParams page, until it is begun again.

        Args:
          directory: of the run, whose events are closed.
          step: at which it ended.
          values: of the `metrics` of `hparams`; `None` if it has failed. Those that are not finite are left out:
            TensorBoard sorts a row without a value last, and one with NaN anywhere.

        >>> import tempfile
        >>> TensorBoard.end(Path(tempfile.mkdtemp()), 100, {"heldout/loss": 0.5})
        """
        shown: dict[str, Array | Histogram | float | str] = {_FAILED: float(values is None)}
        shown |= {_final(tag): value for tag, value in (values or {}).items() if np.isfinite(value)}
        status = api_pb2.STATUS_FAILURE if values is None else api_pb2.STATUS_SUCCESS
        with cls._apart(directory, "end") as board:
            # By the status TensorBoard filters and does not show it, so that a column has it too.
            board.write(step, shown)
            board._summary(_hparams("session_end_info", session_end_info=SessionEndInfo(status=status)), step)

    @classmethod
    def _apart(cls, directory: Path, name: str) -> "TensorBoard":
        """A file of its own, in place of an earlier one of the same name."""
        _remove(directory, name)
        board = cls.__new__(cls)
        board._events = _open(directory, f".{name}")
        return board

    def start(self, settings: Settings, layout: dict[str, dict[str, list[str]]]) -> None:
        """Once per run: settings as text, and a layout of charts for the Custom Scalars page.

        Args:
          settings: the flat configuration.
          layout: `{category: {chart title: [regular expressions of tags]}}`.
        """
        rows = "\n".join(f"| {name} | `{value}` |" for name, value in settings.items())
        self._summary(summary.text("config", f"| setting | value |\n| --- | --- |\n{rows}"), 0)
        self._summary(
            summary.custom_scalars(
                {
                    category: {title: ["Multiline", tags] for title, tags in charts.items()}
                    for category, charts in layout.items()
                }
            ),
            0,
        )

    def write(self, step: int, values: dict[str, Array | Histogram | float | str]) -> None:
        """Scalars, texts and histograms; curves and lists of texts have no form of their own in TensorBoard: an image
        shows them instead."""
        for tag, value in values.items():
            if isinstance(value, Histogram):
                self._summary(_histogram(tag, np.asarray(value.counts), np.asarray(value.edges)), step)
            elif isinstance(value, str):
                self.text(step, tag, value)
            elif not isinstance(value, list) and np.ndim(value) == 0:
                # Not by `summary.scalar`, which warns of what is not finite and says neither of which run nor of what.
                self._summary(Summary(value=[Summary.Value(tag=tag, simple_value=float(value))]), step)

    def text(self, step: int, tag: str, text: str) -> None:
        """A text as it is, line by line."""
        # TensorBoard reads Markdown, which takes lines that are indented for what they are.
        indented = "\n".join(f"    {line}" for line in text.splitlines())
        self._summary(summary.text(tag, indented), step)

    def image(self, step: int, tag: str, png: bytes) -> None:
        """A picture, given as the bytes of a PNG file."""
        width, height = struct.unpack(">II", png[16:24])  # the header chunk of every PNG file
        image = Summary.Image(height=height, width=width, colorspace=4, encoded_image_string=png)
        self._summary(Summary(value=[Summary.Value(tag=tag, image=image)]), step)

    def flush(self) -> None:
        """Put on disk all that was written."""
        self._events.flush()

    def close(self) -> None:
        """Flush and close."""
        self._events.close()

    def __enter__(self) -> "TensorBoard":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _summary(self, value: Summary, step: int) -> None:
        self._event(Event(summary=value, step=step))

    def _event(self, event: Event) -> None:
        event.wall_time = time.time()
        self._events.write_event(event)


def _open(directory: Path, ending: str = "") -> EventsWriter:
    """A new file, of a name that no other has."""
    return EventsWriter(str(directory / "events"), f".{os.getpid()}.{time.time_ns()}{ending}")


def _remove(directory: Path, name: str) -> None:
    for earlier in directory.glob(f"{EVENTS}.*.{name}"):
        earlier.unlink()


def _final(tag: str) -> str:
    """Of the end of a run: the tag itself has a value from the start, of a network that is not trained yet."""
    return f"final/{tag}"


def _columns(study: Iterable[Settings]) -> dict[str, api_pb2.HParamInfo]:
    """A column for each setting that any run has; TensorBoard shows those first that differ."""
    values: dict[str, dict[str, Any]] = {}
    for settings in study:
        for name, value in settings.items():
            values.setdefault(name, {})[str(value)] = value
    return {name: _column(name, list(distinct.values())) for name, distinct in values.items()}


def _column(name: str, values: list[Any]) -> api_pb2.HParamInfo:
    column = api_pb2.HParamInfo(name=name, differs=len(values) > 1)
    if all(isinstance(value, bool) for value in values):
        column.type = api_pb2.DATA_TYPE_BOOL
    elif all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        column.type = api_pb2.DATA_TYPE_FLOAT64
        return column
    else:
        column.type = api_pb2.DATA_TYPE_STRING
    column.domain_discrete.CopyFrom(ListValue(values=[_cell(value, column.type) for value in values]))
    return column


def _cell(value: Any, kind: api_pb2.DataType) -> Value:
    """A setting as a value of its column: where types are mixed all are text, because TensorBoard sorts them."""
    if kind == api_pb2.DATA_TYPE_BOOL:
        return Value(bool_value=value)
    return Value(number_value=value) if kind == api_pb2.DATA_TYPE_FLOAT64 else Value(string_value=str(value))


def _hparams(tag: str, **content: Any) -> Summary:
    """What the HParams page reads stands in the metadata of a tag without values."""
    plugin = SummaryMetadata.PluginData(plugin_name="hparams", content=HParamsPluginData(**content).SerializeToString())
    return Summary(value=[Summary.Value(tag=f"_hparams_/{tag}", metadata=SummaryMetadata(plugin_data=plugin))])


def _histogram(tag: str, counts: np.ndarray, edges: np.ndarray) -> Summary:
    middle = (edges[:-1] + edges[1:]) / 2
    return summary.histogram_raw(
        tag,
        min=float(edges[0]),
        max=float(edges[-1]),
        num=float(counts.sum()),
        sum=float((counts * middle).sum()),
        sum_squares=float((counts * middle**2).sum()),
        bucket_limits=edges[1:].astype(float).tolist(),
        bucket_counts=counts.astype(float).tolist(),
    )
