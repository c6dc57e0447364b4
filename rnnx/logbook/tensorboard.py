"""TensorBoard events: the same values as `metrics.jsonl`, and pictures.

Events are written through tensorboardX's `EventsWriter`, the layer below its `SummaryWriter`: synchronous, so that a
kill loses only what was not flushed and a full disk raises here instead of hanging a hidden thread. A new session in a
directory gets a file name of its own and first declares void what an earlier session wrote past the resumed step.
"""

import os
import struct
import time
from pathlib import Path
from typing import Any

import numpy as np
from tensorboardX import summary
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary

from rnnx.types import Array, Histogram


class TensorBoard:
    """Write one run's events into its directory.

    >>> import tempfile
    >>> with TensorBoard(Path(tempfile.mkdtemp()), resume_step=None) as board:
    ...     board.write(100, {"train/loss": 0.5})
    """

    def __init__(self, directory: Path, resume_step: int | None):
        """Open a new event file; events after `resume_step` (all if `None`) in earlier files are declared void."""
        earlier = any(directory.glob("events.out.tfevents.*"))
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
        for earlier in directory.glob(f"events.out.tfevents.*.{name}"):
            earlier.unlink()
        board = cls.__new__(cls)
        board._events = _open(directory, f".{name}")
        return board

    def start(self, settings: dict[str, Any], metrics: list[str], layout: dict[str, dict[str, list[str]]]) -> None:
        """Once per run: settings as text and hyper-parameters, and a layout of charts for the Custom Scalars page.

        Args:
          settings: the flat configuration.
          metrics: tags shown beside the hyper-parameters.
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
        plain = {name: v if isinstance(v, bool | int | float) else str(v) for name, v in settings.items()}
        experiment, session_start, _ = summary.hparams(plain, dict.fromkeys(metrics, 0.0))
        self._summary(experiment, 0)
        self._summary(session_start, 0)

    def finish(self, step: int) -> None:
        """Mark the run as ended for the hyper-parameters page."""
        self._summary(summary.hparams({}, {})[2], step)

    def write(self, step: int, values: dict[str, Array | Histogram | float]) -> None:
        """Scalars and histograms; a curve has no form of its own in TensorBoard and is shown by an image instead."""
        for tag, value in values.items():
            if isinstance(value, Histogram):
                self._summary(_histogram(tag, np.asarray(value.counts), np.asarray(value.edges)), step)
            elif np.ndim(value) == 0:
                self._summary(summary.scalar(tag, float(value)), step)

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
