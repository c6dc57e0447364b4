"""The gradient noise scale: the batch size at which noise and signal of the gradient are alike."""

from matplotlib.figure import Figure

from rnnx.report import style, titles
from rnnx.report.spread import over_steps, spread
from rnnx.report.study import Study, having

_TAG = "noise_scale/noise_scale"


def draw(study: Study, task: str) -> Figure | None:
    """Columns lengths; beside the batch size of training."""
    groups = having(study.groups_of(task), _TAG)
    if not groups:
        return None
    lengths = sorted({group.length for group in groups})
    title = titles.title(f"{task}: gradient noise scale while the network learns", groups)
    made, (panels,) = style.grid(title, 1, len(lengths), row_height=3.2, sharex=True, sharey=True)
    looks = style.looks(study.variants)
    for axes, length in zip(panels, lengths, strict=True):
        for group in (group for group in groups if group.length == length):
            steps, values = over_steps(group.trials, _TAG)
            style.line(axes, steps, spread(values), looks[group.variant])
            batch_size = group.trials[0].settings.get("batch_size")
            if batch_size is not None:
                style.reference(axes, float(batch_size), "--")
        axes.set(title=f"T = {length}", xlabel="training step", ylabel="noise scale (examples)")
        axes.set_yscale("log", base=2)
        axes.yaxis.set_major_formatter("{x:g}")
        axes.label_outer()
    style.legend(made, {group.variant: looks[group.variant] for group in groups}, {"batch size of training": "--"})
    return made
