"""The size of the gradient of each training step, and how often it was clipped."""

import numpy as np
from matplotlib.figure import Figure

from rnnx.report.figures import _style, _titles
from rnnx.report.statistics import over_steps
from rnnx.report.study import Study
from rnnx.report.trial import Record

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


def draw(study: Study, task: str) -> Figure | str | None:
    """Rows share of steps clipped, and the gradient norm before that: median and 95 % quantile; columns lengths.

    A sentence where nothing was clipped; without a limit, the norms alone.
    """
    groups = study.groups_of(task)
    records = [record for group in groups for trial in group.trials for record in trial.records]
    recorded = {tag for record in records for tag in record}
    if recorded.isdisjoint(_ROWS.keys() - {_SHARE}):
        return None
    clipped = any(record.get(_SHARE, 0) > 0 for record in records)
    limits = {float(trial.settings.get("clip_norm") or 0) for group in groups for trial in group.trials}
    if not clipped and 0 not in limits:
        return _never(records, limits)
    rows = {tag: label for tag, label in _ROWS.items() if tag in recorded and (clipped or tag != _SHARE)}
    lengths = study.lengths(task)
    subject = "size and clipping of the gradient" if clipped else "size of the gradient"
    title = _titles.title(f"{task}: {subject} while the network learns", groups)
    made, panels = _style.grid(title, len(rows), len(lengths), row_height=2.4, sharex=True, sharey="row")
    line_styles = {variant: _style.variant_styles(study)[variant] for variant in study.variants_of(task)}
    for row, (tag, label) in zip(panels, rows.items(), strict=True):
        for axes, length in zip(row, lengths, strict=True):
            for group in study.groups_of(task, length):
                steps, values = over_steps(group.trials, tag)
                _style.seeds(axes, steps, values, line_styles[group.variant])
                limit = group.trials[0].settings.get("clip_norm")
                if limit and tag != _SHARE:
                    _style.reference(axes, float(limit), "--")
            axes.set(xlabel="training step", ylabel=label)
            axes.set(**({"ylim": (-0.04, 1.04)} if tag == _SHARE else {"yscale": "log"}))
            axes.label_outer()
    for axes, length in zip(panels[0], lengths, strict=True):
        axes.set_title(f"T = {length}")
    what = {"limit, beyond which a gradient is clipped": "--"} if limits != {0.0} else {}
    _style.legend(made, line_styles, what)
    return made


def _never(records: list[Record], limits: set[float]) -> str:
    """That nothing was clipped, and how far from it the gradient stayed."""
    limit = " or ".join(f"{limit:g}" for limit in sorted(limits))
    largest = max(
        (record.get("train/gradient_norm_q95", np.nan) for record in records), default=np.nan, key=np.nan_to_num
    )
    told = f", and of 95 % of the steps at most {largest:.2g}" if np.isfinite(largest) else ""
    return f"No training step was clipped: the norm of the gradient was below the limit of {limit}{told}."
