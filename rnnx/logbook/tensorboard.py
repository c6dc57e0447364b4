"""TensorBoard events: the same values as `metrics.jsonl`, and pictures.

Events are written through tensorboardX's `EventsWriter`, the layer below its `SummaryWriter`: synchronous, so that a
kill loses only what was not flushed and a full disk raises here instead of hanging a hidden thread. A new session in a
directory gets a file name of its own and first declares void what an earlier session wrote past the resumed step.
"""

import os
import struct
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tensorboardX import summary
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary
from tensorboardX.proto.tensor_pb2 import TensorProto
from tensorboardX.proto.tensor_shape_pb2 import TensorShapeProto

from rnnx.logbook import tags
from rnnx.logbook.run_directory import EVENTS
from rnnx.types import Array, Histogram

_OF_HPARAMS = (".hparams", ".study")
"""How files end that hold no values: see `rnnx.logbook.hparams`."""


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
        for file in directory.glob(f"{EVENTS}.*.end"):
            file.unlink()
        earlier = any(not path.name.endswith(_OF_HPARAMS) for path in directory.glob(f"{EVENTS}.*"))
        self._begin(directory)
        if earlier:
            purge = 0 if resume_step is None else resume_step + 1
            self._event(Event(step=purge, file_version="brain.Event:2"))
            # The first that TensorBoard's slow loader meets in a run it takes for the run's beginning.
            for _ in range(2):
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
        return cls.apart(directory, name)

    @classmethod
    def apart(cls, directory: Path, name: str) -> "TensorBoard":
        """A file of its own, in place of an earlier one of the same name, whatever else there is of the run."""
        board = cls.__new__(cls)
        earlier = list(directory.glob(f"{EVENTS}.*.{name}"))
        board._begin(directory, f".{name}")
        for file in earlier:
            file.unlink(missing_ok=True)  # by another process that writes the same
        return board

    def settings(self, settings: dict[str, Any]) -> None:
        """Once per run: its settings, as text."""
        rows = "\n".join(f"| {name} | `{value}` |" for name, value in settings.items())
        self.summary(summary.text("settings", f"| setting | value |\n| --- | --- |\n{rows}"), 0)

    def write(self, step: int, values: Mapping[str, Array | Histogram | float | str]) -> None:
        """Scalars, texts and histograms; curves and lists of texts have no form of their own in TensorBoard: an image
        shows them instead."""
        written = Summary()
        for tag, value in values.items():
            if isinstance(value, Histogram):
                written.MergeFrom(_histogram(tag, np.asarray(value.counts), np.asarray(value.edges)))
            elif isinstance(value, str):
                written.MergeFrom(_text(tag, value))
            elif not isinstance(value, list) and np.ndim(value) == 0:
                written.value.append(self._scalar(tag, float(value)))
        if written.value:
            self.summary(written, step)

    def text(self, step: int, tag: str, text: str) -> None:
        """A text as it is, line by line."""
        self.summary(_text(tag, text), step)

    def markdown(self, step: int, tag: str, text: str) -> None:
        """A text in Markdown."""
        self.summary(summary.text(tag, text), step)

    def image(self, step: int, tag: str, png: bytes) -> None:
        """A picture, given as the bytes of a PNG file."""
        width, height = struct.unpack(">II", png[16:24])  # the header chunk of every PNG file
        image = Summary.Image(height=height, width=width, colorspace=4, encoded_image_string=png)
        self.summary(Summary(value=[Summary.Value(tag=tag, image=image)]), step)

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

    def summary(self, value: Summary, step: int) -> None:
        """Anything that TensorBoard reads."""
        self._event(Event(summary=value, step=step))

    def _begin(self, directory: Path, ending: str = "") -> None:
        """Open a new file, of a name that no other has."""
        self._events = EventsWriter(str(directory / "events"), f".{os.getpid()}.{time.time_ns()}{ending}")
        self._described: set[str] = set()

    def _scalar(self, tag: str, number: float) -> Summary.Value:
        """A number as TensorBoard 2 has them. Only with those does it show what a chart is called and means, which is
        said once a session, with the first number of a tag."""
        with np.errstate(over="ignore"):
            single = float(np.float32(number))
        tensor = TensorProto(dtype="DT_FLOAT", tensor_shape=TensorShapeProto(), float_val=[single])
        value = Summary.Value(tag=tag, tensor=tensor)
        if tag not in self._described:
            self._described.add(tag)
            value.metadata.plugin_data.plugin_name = "scalars"
            if described := tags.description(tag):
                value.metadata.display_name, value.metadata.summary_description = described
        return value

    def _event(self, event: Event) -> None:
        event.wall_time = time.time()
        self._events.write_event(event)


def _text(tag: str, text: str) -> Summary:
    # TensorBoard reads Markdown, which takes lines that are indented for what they are.
    return summary.text(tag, "\n".join(f"    {line}" for line in text.splitlines()))


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
