"""The size of the gradient of each training step, and how often it was clipped."""

from matplotlib.figure import Figure

from rnnx.report.figures import _style, _titles
from rnnx.report.statistics import median_range, over_steps
from rnnx.report.study import Study

TITLE = "Clipping"

CAPTION = """
Above: the share of training steps whose gradient was longer than the limit and was cut to it; below: the norm before
that, median and 95&nbsp;% quantile over the steps since the last record, beside the limit (dashed). A quantile far
above the median is a network that meets cliffs; a share near 1 means that the limit and not the learning rate sets
the step.
"""

ORDER = 120

_SHARE = "train/clipped"
_ROWS = {
    _SHARE: "share of steps clipped",
    "train/gradient_norm": "gradient norm\n(median)",
    "train/gradient_norm_q95": "gradient norm\n(95 % quantile)",
}


def draw(study: Study, task: str) -> Figure | None:
    """Rows share of steps clipped, and the gradient norm before that: median and 95 % quantile; columns lengths."""
    groups = study.groups_of(task)
    recorded = {tag for group in groups for trial in group.trials for record in trial.records for tag in record}
    rows = {tag: label for tag, label in _ROWS.items() if tag in recorded}
    if rows.keys() <= {_SHARE}:
        return None
    lengths = study.lengths(task)
    title = _titles.title(f"{task}: size and clipping of the gradient while the network learns", groups)
    made, panels = _style.grid(title, len(rows), len(lengths), row_height=2.4, sharex=True, sharey="row")
    line_styles = {variant: _style.variant_styles(study)[variant] for variant in study.variants_of(task)}
    for row, (tag, label) in zip(panels, rows.items(), strict=True):
        for axes, length in zip(row, lengths, strict=True):
            for group in study.groups_of(task, length):
                steps, values = over_steps(group.trials, tag)
                _style.line(axes, steps, median_range(values), line_styles[group.variant])
                limit = group.trials[0].settings.get("clip_norm")
                if limit and tag != _SHARE:
                    _style.reference(axes, float(limit), "--")
            axes.set(xlabel="training step", ylabel=label)
            axes.set(**({"ylim": (-0.04, 1.04)} if tag == _SHARE else {"yscale": "log"}))
            axes.label_outer()
    for axes, length in zip(panels[0], lengths, strict=True):
        axes.set_title(f"T = {length}")
    _style.legend(made, line_styles, {"limit, beyond which a gradient is clipped": "--"})
    return made
