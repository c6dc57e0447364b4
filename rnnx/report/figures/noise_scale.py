"""The gradient noise scale: the batch size at which noise and signal of the gradient are alike."""

from matplotlib.figure import Figure

from rnnx.report.figures import _style, _titles
from rnnx.report.statistics import median_range, over_steps
from rnnx.report.study import Study, with_tag

TITLE = "Noise of the gradient"

CAPTION = """
The variance of the gradients of single examples over the squared length of their mean, in examples: a batch much
smaller than this is mostly noise, a larger one hardly teaches more. Compare it with the batch size of training
(dashed); it usually rises as the network learns. Nothing is drawn where it came out infinite: the examples measured
could not tell the mean gradient from zero.
"""

ORDER = 130

_TAG = "noise_scale/noise_scale"


def draw(study: Study, task: str) -> Figure | None:
    """Columns lengths; beside the batch size of training."""
    groups = with_tag(study.groups_of(task), _TAG)
    if not groups:
        return None
    lengths = sorted({group.length for group in groups})
    title = _titles.title(f"{task}: gradient noise scale while the network learns", groups)
    made, (panels,) = _style.grid(title, 1, len(lengths), row_height=3.2, sharex=True, sharey=True)
    line_styles = _style.variant_styles(study)
    for axes, length in zip(panels, lengths, strict=True):
        for group in (group for group in groups if group.length == length):
            steps, values = over_steps(group.trials, _TAG)
            _style.line(axes, steps, median_range(values), line_styles[group.variant])
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
