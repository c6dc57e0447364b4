"""The headline numbers of a trial, one row each: what they are, and where they are shown.

TensorBoard's first screen and HParams page, the summary as a file, on the page and in the terminal, and the comparison
of studies all read this table, so that a number is added by a row.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

_EVERY_STAGE = ("before", "after")

_PART = "(?!(final|analysis)/)(.+/)?"
"""What the tag of a diagnostic may begin with: the name of the part, where a model has several."""


class Metric(NamedTuple):
    """A number that a trial comes to."""

    tag: str
    """Regular expression of its tag, without the name of a part; of several matches none is taken, unless `which`."""
    name: str
    unit: str = ""
    """Empty for a loss: its unit is that of the task."""
    key: str = ""
    """What code and templates call it, if they do."""
    format: str = ""
    """How its digits are written; see `pages.format.digits`."""
    scale: float = 0.0
    """What `statistics.rounding` takes it for at least."""
    which: str = ""
    """Where the first of several tags that match is taken: what the group of the expression is called."""
    stages: tuple[str, ...] = _EVERY_STAGE
    """Of which it is told in the summary: `before` training, `after` it, or `training` itself."""
    over_records: Callable[[list[float]], Any] | None = None
    """How all records of training become one number."""
    column: str = ""
    """Of summary.csv, with the stage in it; as all that follow, empty where it is not shown there."""
    heading: str = ""
    """Of its column on the page, HTML."""
    terminal: bool = False
    compared: tuple[str, ...] = ()
    """The stages at which two studies are compared."""
    pinned: bool = False
    """Whether TensorBoard is opened with its chart on top."""
    final: bool = False
    """Whether it is a column of TensorBoard's HParams page."""

    @property
    def title(self) -> str:
        """Name and unit."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    @property
    def source(self) -> str:
        """What measures it: a diagnostic, `train`, `heldout` or `test`."""
        return self.tag.partition("/")[0]

    @property
    def pattern(self) -> str:
        """Regular expression of its tag for any part of a model."""
        return self.tag if self.source in ("train", "heldout", "test") else _PART + self.tag

    def tag_in(self, record: Iterable[str]) -> str:
        """Its tag in a record of a model with one part, empty if there is none."""
        tags = [tag for tag in record if re.fullmatch(self.tag, tag)]
        return tags[0] if len(tags) == 1 or (tags and self.which) else ""

    def name_in(self, record: Iterable[str]) -> str:
        """What `which` is in a record, for example the gate; empty if there is none."""
        match = re.fullmatch(self.tag, self.tag_in(record))
        return match[1] if match and self.which else ""

    def of(self, trial: Any, stage: str) -> float:
        """Its value in a `trial.Trial` at a stage; NaN where it has none."""
        if self.over_records:
            values = [record[self.tag] for record in trial.records if self.tag in record]
            return float(self.over_records(values)) if values else np.nan
        record = getattr(trial, stage)
        return float(record.get(self.tag_in(record), np.nan))


METRICS = (
    Metric(
        "heldout/loss",
        "held-out loss",
        key="heldout_loss",
        stages=("after",),
        column="heldout_loss",
        heading="held-out<br>loss",
        terminal=True,
        compared=("after",),
        pinned=True,
        final=True,
    ),
    Metric(
        "heldout/(?!loss$)(.+)",
        "the task's metric",
        "held out",
        key="heldout_metric",
        which="metric",
        stages=("after",),
        column="heldout_metric",
        heading="task&rsquo;s<br>metric",
        compared=("after",),
    ),
    Metric(
        "test/last/loss",
        "test loss of the last parameters",
        key="test_loss_last",
        stages=("after",),
        column="test_loss_last",
        compared=("after",),
        final=True,
    ),
    Metric(
        "test/best/loss",
        "test loss of the best parameters",
        key="test_loss_best",
        stages=("after",),
        column="test_loss_best",
        compared=("after",),
        final=True,
    ),
    Metric("test/(last|best)/(?!loss$).+", "what else the test split tells", final=True),
    Metric(
        "state_gradient/state/reach",
        "reach",
        "steps",
        key="reach",
        format="g",
        column="reach_{stage}_steps",
        heading="reach<br>steps",
        terminal=True,
        compared=_EVERY_STAGE,
        pinned=True,
        final=True,
    ),
    Metric(
        "state_gradient/state/decay_rate",
        "decay rate",
        "nats per step",
        key="decay_rate",
        format=".3f",
        scale=1.0,
        column="decay_rate_{stage}_nats_per_step",
        heading="decay rate<br>nats per step",
        terminal=True,
        compared=_EVERY_STAGE,
        pinned=True,
        final=True,
    ),
    Metric(
        "state_gradient/state/horizon",
        "horizon",
        "steps",
        key="horizon",
        format="g",
        column="horizon_{stage}_steps",
        heading="horizon<br>steps",
    ),
    Metric(
        "state_gradient/state/exploding",
        "examples whose gradient explodes",
        "share",
        key="exploding",
        format=".2f",
        column="exploding_share_of_examples_{stage}",
        compared=("after",),
        final=True,
    ),
    Metric(
        "weight_gradient_by_lag/all/share_older_than_10",
        "weight gradient older than 10 steps",
        "share",
        key="older",
        format=".2f",
        column="weight_gradient_share_older_than_10_steps_{stage}",
        compared=("after",),
        pinned=True,
        final=True,
    ),
    Metric(
        r"weight_gradient/(?:.+\.)?recurrent_kernel/log10_norm",
        "recurrent weight gradient",
        "log10 of its norm",
        key="weight_gradient",
        format=".2f",
        scale=1.0,
        column="recurrent_weight_gradient_{stage}_log10",
        heading="log<sub>10</sub> &Vert;&part;L/&part;W<sub>rec</sub>&Vert;",
        compared=("after",),
    ),
    Metric(
        "gates/(forget|update)/mean",
        "mean of the memory gate",
        key="gate_mean",
        format=".2f",
        which="gate",
        column="gate_mean_{stage}",
        heading="memory gate<br>mean",
    ),
    Metric(
        "train/clipped",
        "steps clipped",
        "share",
        key="clipped",
        format=".0%",
        stages=("training",),
        over_records=np.mean,
        column="clipped_share_of_steps",
        heading="steps<br>clipped",
    ),
    Metric(
        "train/gradient_norm",
        "gradient norm in training",
        "median over records",
        over_records=np.median,
        compared=("training",),
    ),
)

FINAL_TAGS = [metric.tag for metric in METRICS if metric.final and metric.source != "test"]
"""What TensorBoard's HParams page shows of a trial that is done and has a model of one part, and no test split."""


def pinned_tags(tags: Iterable[str]) -> list[str]:
    """Those among the tags that TensorBoard is opened with, of every part of a model, in the order of this table.

    >>> pinned_tags(["step", "state_gradient/state/reach", "heldout/loss", "final/heldout/loss"])
    ['heldout/loss', 'state_gradient/state/reach']
    """
    return _matching(tags, [metric for metric in METRICS if metric.pinned])


def final_tags(tags: Iterable[str]) -> list[str]:
    """Those among the tags that TensorBoard's HParams page shows, of every part of a model, in the order of this table.

    >>> final_tags(["heldout/loss", "encoder/state_gradient/state/reach", "encoder/state_gradient/h/reach"])
    ['heldout/loss', 'encoder/state_gradient/state/reach']
    """
    return _matching(tags, [metric for metric in METRICS if metric.final])


def _matching(tags: Iterable[str], metrics: list[Metric]) -> list[str]:
    """In the order of the metrics, and for each of the tags."""
    tags = list(tags)
    found = [tag for metric in metrics for tag in tags if re.fullmatch(metric.pattern, tag)]
    return list(dict.fromkeys(found))
