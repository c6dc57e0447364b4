"""The gradient noise scale: the batch size at which noise and signal of the gradient are alike."""

import numpy as np
from matplotlib.figure import Figure

from rnnx.report.figures import _style, _titles, _trial
from rnnx.report.figures._trial import NumberLine
from rnnx.report.statistics import over_steps
from rnnx.report.study import Group, Study, with_tag
from rnnx.report.trial import Record

TITLE = "Noise of the gradient"

CAPTION = """
The variance of the gradients of single examples over the squared length of their mean, in examples: a batch much
smaller than this is mostly noise, a larger one hardly teaches more. Compare it with the batch size of training
(dashed); it usually rises as the network learns. Nothing is drawn where it came out infinite: the examples measured
could not tell the mean gradient from zero.
"""

ORDER = 130

SUBJECT = "noise scale of the gradient"
IN_TRAINING = False  # there it is a chart

_TAG = "noise_scale/noise_scale"


def draw(study: Study, task: str) -> Figure | str | None:
    """Columns lengths; beside the batch size of training. A sentence where it was measured once."""
    groups = with_tag(study.groups_of(task), _TAG)
    if not groups:
        return None
    if len({step for group in groups for step in over_steps(group.trials, _TAG)[0]}) == 1:
        return _once(groups)
    lengths = sorted({group.length for group in groups})
    title = _titles.title(f"{task}: gradient noise scale while the network learns", groups)
    made, (panels,) = _style.grid(title, 1, len(lengths), row_height=3.2, sharex=True, sharey=True)
    line_styles = _style.variant_styles(study)
    for axes, length in zip(panels, lengths, strict=True):
        for group in (group for group in groups if group.length == length):
            steps, values = over_steps(group.trials, _TAG)
            _style.seeds(axes, steps, values, line_styles[group.variant])
            batch_size = group.trials[0].settings.get("batch_size")
            if batch_size is not None:
                _style.reference(axes, float(batch_size), "--")
        axes.set(title=f"T = {length}", xlabel="training step", ylabel="noise scale (examples)")
        axes.set_yscale("log", base=2)
        axes.yaxis.set_major_formatter("{x:g}")
        axes.label_outer()
    _style.legend(
        made, {group.variant: line_styles[group.variant] for group in groups}, {"batch size of training": "--"}
    )
    return made


def _once(groups: list[Group]) -> str:
    """The numbers themselves: one point is no curve."""
    (when,) = _titles.stage_labels(groups, _TAG).values()
    lengths = sorted({group.length for group in groups})
    each = "; ".join(
        f"at T = {length} " + ", ".join(_told(group) for group in groups if group.length == length)
        for length in lengths
    )
    sizes = sorted({str(trial.settings.get("batch_size", "")) for group in groups for trial in group.trials} - {""})
    batch = f" A batch in training has {' or '.join(sizes)}." if sizes else ""
    return f"The noise scale was measured once, {when}, in examples: {each}.{batch}"


def _told(group: Group) -> str:
    """A network with its numbers, one a seed."""
    values = over_steps(group.trials, _TAG)[1].ravel()
    numbers = [f"{value:.0f}" if np.isfinite(value) else "not to be told" for value in np.sort(values)]
    return f"{group.variant} {' and '.join(dict.fromkeys(numbers))}"


def draw_trial(record: Record, title: str, before: Record) -> Figure | None:
    """One measurement, beside the batch size of training."""
    if _TAG not in record:
        return None
    references = {"one example": 1.0}
    if "batch_size" in record:
        references[f"batch of training: {record['batch_size']}"] = record["batch_size"]
    label = "B = tr Σ / ‖G‖$^2$ (examples)"
    if np.isposinf(record[_TAG]):
        label += "\nthe examples measured cannot tell the mean gradient G from zero"
    return _trial.number_lines(record, title, [NumberLine(label, record[_TAG], references, "log")])
