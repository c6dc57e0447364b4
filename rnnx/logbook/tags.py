"""What every tag of a record is called and means: above TensorBoard's charts, and in docs/measurements.md.

A diagnostic or a reading declares its own tags; those that training, testing and the logbook itself write are declared
here.
"""

import functools
import re
from typing import NamedTuple

from rnnx import diagnostics, readings
from rnnx.diagnostics._tags import Tag
from rnnx.report.metrics import METRICS

OTHERS = (
    Tag(
        "train/loss",
        "the task's",
        "mean loss over the last `log_every` steps, the task's alone whatever is added to it in training",
        title="training loss",
    ),
    Tag(
        "train/gradient_norm",
        "",
        "median over the last `log_every` steps of the global norm of ∂L/∂parameters, before clipping",
        title="gradient norm in training, median",
    ),
    Tag(
        "train/gradient_norm_max",
        "",
        "maximum of that norm over the same steps",
        title="gradient norm in training, maximum",
    ),
    Tag(
        "train/gradient_norm_q<percent>",
        "",
        "5, 25, 75 and 95 % quantiles of that norm over the same steps",
        title="gradient norm in training, quantile",
    ),
    Tag("train/clipped", "0 … 1", "share of the last `log_every` steps whose gradient was clipped, by its norm"),
    Tag(
        "train/learning_rate",
        "",
        "the rate of the last step, where a schedule changes it",
        title="learning rate",
    ),
    Tag("heldout/loss", "the task's", "loss on the held-out batch"),
    Tag("heldout/<metric>", "the task's", "a metric of the task on the held-out batch"),
    Tag(
        "predicted/on_data",
        "class",
        "the likeliest class at each step of the first held-out example (at each node of a tree), counted from 0, of "
        "tasks that tell classes; the example itself is in `example.json`",
    ),
    Tag(
        "alignment/chances",
        "0 … 1",
        "the chance of each class at each frame of the first held-out example, of tasks whose labels have no places "
        "(CTC); the blank comes first",
    ),
    Tag(
        "alignment/of_labels",
        "0 … 1",
        "the share of all paths to the true labels that are at a class in a frame of that example",
    ),
    Tag(
        "alignment/label",
        "class",
        "the label of that example whose loss the next tag is of: one that it has once, if any",
    ),
    Tag(
        "alignment/input_gradient",
        "the task's",
        "norm of the gradient of −Σ_t γ_t ln p_t by each frame of that example, p the chance of that label and γ its "
        "share of the paths, which is held fixed",
    ),
    Tag("test/last/<metric>", "the task's", "loss and metrics on the whole test split, of the last parameters"),
    Tag(
        "test/best/<metric>",
        "the task's",
        "loss and metrics on the whole test split, of the parameters of the best measurement",
    ),
    Tag(
        "state_gradient/against_lag",
        "log10",
        "picture of ‖∂L/∂s_{T−k}‖ / ‖∂L/∂s_T‖ against lag k, now and before training, with the same axes in every "
        "trial (TensorBoard only): before training, at the end, and at steps between that settings alone decide",
    ),
    Tag(
        "<diagnostic>/figure",
        "",
        "picture of the curves of another diagnostic (TensorBoard only): at the end, and at the same steps as long as "
        "these pictures take less than a twentieth of the time",
    ),
    Tag(
        "final/failed",
        "0 or 1",
        "1 where a trial has failed, 0 where it is done (TensorBoard only)",
        title="failed",
    ),
    Tag(
        "final/<tag>",
        "as without `final/`",
        "held-out loss, reach, decay rate, exploding share, share older than 10 steps, for each part of a model, and "
        "what the test split tells, of a trial that is done: columns of the HParams page (TensorBoard only). One that "
        "is not done, or whose value is not finite, has none",
    ),
    Tag(
        "analysis/<tag>",
        "as without `analysis/`",
        "what `experiments.analyze` measured, in float64 (readings in float32), with `analysis/<measurement>/figure` "
        "(TensorBoard only)",
    ),
    Tag(
        "performance/steps_per_second",
        "1/s",
        "training steps of the trial since the line before, compiling left out. This tag and the next ones are of a "
        "session of the trial: one line a checkpoint in `performance.jsonl`, and in TensorBoard, but not in "
        "`metrics.jsonl`; see [profiling.md](profiling.md)",
    ),
    Tag(
        "performance/compile_seconds",
        "s",
        "tracing, lowering, and compiling or loading, since the session began",
        title="time to compile",
    ),
    Tag("performance/programs_compiled", "", "programs that the session has compiled"),
    Tag("performance/programs_loaded", "", "programs that the session has found in the cache"),
    Tag(
        "performance/peak_memory_mib",
        "MiB",
        "the most that the process has held at once so far in the host's memory",
        title="peak memory",
    ),
    Tag(
        "performance/peak_device_memory_mib",
        "MiB",
        "the most that it has held at once in the device's memory, where that is apart",
        title="peak memory of the device",
    ),
    Tag(
        "performance/gflop_per_second",
        "10⁹/s",
        "operations in matrix products (and convolutions), forward and backward, of all trials in the program: counted "
        "in the program that trains",
        title="floating-point operations",
    ),
)


class Description(NamedTuple):
    """What a chart says of itself."""

    title: str
    """Name and unit."""
    text: str
    """Markdown."""


@functools.cache
def description(tag: str) -> Description | None:
    """What a tag is called and means, of any part of a model; `None` of one that nobody has declared.

    >>> description("encoder/state_gradient/state/reach").title
    'encoder: reach (steps)'
    >>> description("gates/forget/mean").title
    'gates, forget: mean (0 … 1)'
    >>> description("final/heldout/loss")
    Description(title='held-out loss', text='Loss on the held-out batch. At the end of a trial that is done.')
    """
    if tag == "final/failed":
        prefix, bare = "", tag
    else:
        prefix, bare = next(((p, tag.removeprefix(p)) for p in _PREFIXES if tag.startswith(p)), ("", tag))
    found = _declared(bare)
    if found is None:
        return None
    declaration, part = found
    own = bare.removeprefix(f"{part}/")
    title = next((metric.title for metric in METRICS if re.fullmatch(metric.tag, own) and not metric.which), None)
    if title is None:
        title = declaration.title or _words(own)
        title += f" ({declaration.unit})" if declaration.unit and declaration.unit != "the task's" else ""
    sentences = [declaration.meaning[0].upper() + declaration.meaning[1:], _PREFIXES.get(prefix, "")]
    text = ". ".join(filter(None, sentences)) + "."
    return Description(f"{part}: {title}" if part else title, text)


_PREFIXES = {
    "final/": "At the end of a trial that is done",
    "analysis/": "Measured by `experiments.analyze` at a checkpoint",
}


def _declared(tag: str) -> tuple[Tag, str] | None:
    """The declaration of a tag, and the name of the part that the tag begins with."""
    parts = tag.split("/")
    for place, name in enumerate(parts):
        rest, part = "/".join(parts[place:]), "/".join(parts[:place])
        known = next((package.tags(name) for package in (diagnostics, readings) if name in package.names()), ())
        for one in known or (OTHERS if place == 0 else ()):
            if one.declares(rest):
                return one, part
    return None


def _words(tag: str) -> str:
    """A tag as words: `gates/forget/left_saturated` is `gates, forget: left saturated`."""
    *groups, last = tag.replace("_", " ").split("/")
    return f"{', '.join(groups)}: {last}" if groups else last
