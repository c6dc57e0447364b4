"""The record as a page of Markdown for people."""

from statistics import median
from typing import Any

from scripts.benchmark import markdown
from scripts.benchmark.interpreters import OURS, PEERS
from scripts.benchmark.record import Record
from scripts.benchmark.study import equality, results
from scripts.benchmark.study import record as records

KINDS = {
    "cold": "with start-up, nothing compiled before",
    "warm": "with start-up, compiled before",
    "training": "training, measuring and logging alone",
}


def page(record: Record) -> str:
    """The whole page."""
    parts = [
        "# A study, beside PyTorch and Flax",
        "Written by `scripts/bench study`; the figures are in the JSON file beside this one.",
        _what(record),
        _how(record),
        "## rnnx and the fastest of each",
        _ratios(record),
        "## Seconds",
        _times(record),
        "## The same measurement",
        _agreement(record),
        "## The same training",
        _likeness(record),
    ]
    return "\n\n".join(parts) + "\n"


def seconds(entry: dict[str, Any], kind: str) -> float | None:
    """The time of a contestant, of one of `KINDS`; what compiles nothing takes the same time cold and warm."""
    if kind == "training":
        return entry["training_seconds"]
    warm = entry["seconds"].get("warm")
    return entry["seconds"].get("cold", warm) if kind == "cold" else warm


def ratio(record: Record, library: str, kind: str) -> float | None:
    """The time of the library's fastest contestant over that of rnnx as its users run it; above 1, rnnx is faster."""
    ours = seconds(record["contestants"][OURS], kind)
    theirs = [
        found
        for entry in record["contestants"].values()
        if entry["library"] == library and (found := seconds(entry, kind)) is not None
    ]
    return min(theirs) / ours if theirs and ours else None


def _what(record: Record) -> str:
    study = record["study"]
    trials = len(study["cells"]) * len(study["lengths"]) * study["seeds"]
    return (
        f"{markdown.circumstances(record)}\n\n"
        f"{', '.join(study['cells'])} on the adding problem with T = {', '.join(map(str, study['lengths']))} and "
        f"{study['seeds']} seeds: {trials} trials of {study['steps']} steps of Adam (learning rate "
        f"{study['learning_rate']:g}, clipped at {study['clip_norm']:g}), H = {study['hidden']}, B = {study['batch']}, "
        f"float32. Before training and after every {study['measure_every']} steps, on {study['heldout']} fixed held-"
        "out examples: the loss, and log10 ‖∂L/∂s‖ by lag, the median over the examples; both go to a JSON-lines file."
    )


def _how(record: Record) -> str:
    study = record["study"]
    return f"""\
Each contestant is a command that has the machine to itself, timed from start to end: Python's start, imports,
compilation, all trials, files. *Cold*: JAX's compilation cache is empty; *warm*: it holds what the cold run compiled,
as on the second run of a study. *Training*: from a further, warm run of fewer steps, what the rest of the
{study["steps"]} steps costs, at that rate for all of them. The scripts, for
[PyTorch](../../scripts/benchmark/study/torch_study.py) and
[Flax](../../scripts/benchmark/study/flax_study.py), run in one process on all cores or in as many as there are cores,
and the faster is compared. They log what is said above and nothing else. rnnx besides that logs training loss,
gradient norms and clipping, writes TensorBoard events with pictures and histograms, saves checkpoints and can be
resumed, and is timed with all of that: with the one measurement that the others take (`rnnx`), the same with the seeds
side by side (`rnnx, vectorized`), and with all that it measures by default. The table has those that were run."""


def _ratios(record: Record) -> str:
    rows = [(KINDS[kind], *(_times_or_none(ratio(record, library, kind)) for library in PEERS)) for kind in KINDS]
    return "The other's time over that of `rnnx`: above 1, rnnx is faster.\n\n" + markdown.table(("", *PEERS), rows)


def _times(record: Record) -> str:
    study = record["study"]
    trials = len(study["cells"]) * len(study["lengths"]) * study["seeds"]
    rows = []
    for name, entry in record["contestants"].items():
        found = [seconds(entry, kind) for kind in KINDS]
        shown = ["–" if value is None else f"{value:.1f}" for value in found]
        rate = 60 * trials / next(value for value in found if value is not None)
        rows.append(
            (name, entry["about"], *shown, f"{rate:.0f}", markdown.versions(record["versions"][entry["library"]]))
        )
    return markdown.table(("contestant", "run as", *KINDS, "trials a minute, cold", "versions"), rows)


def _agreement(record: Record) -> str:
    study = record["study"]
    rows = [
        (library, *(f"{errors[cell]:.0e}" for cell in study["cells"]))
        for library, errors in record["agreement"].items()
    ]
    return (
        f"With copied weights and examples (T = {equality.LENGTH}), the largest difference from rnnx in the loss and "
        f"in log10 ‖∂L/∂s_t‖ of any step and example; nothing is timed above {equality.TOLERANCE:g}.\n\n"
        + markdown.table(("", *study["cells"]), rows)
    )


def _likeness(record: Record) -> str:
    found = records.findings(record)
    others = {library: results.chances(found[OURS], found[library]) for library in found if library != OURS}
    if not others:
        return "There is nobody to compare with."
    named = results.unlike(others)
    head = ["", *(f"{library}, loss" for library in found), *(f"{library}, log10 ‖∂L/∂s‖" for library in found)]
    rows = [
        [
            point,
            *(f"{median(found[library][point].loss):.4f}" for library in found),
            *(f"{median(found[library][point].furthest):.2f}" for library in found),
        ]
        for point in found[OURS]
    ]
    verdict = f"Unlike: {'; '.join(named)}." if named else "Nowhere do two differ by more than chance explains."
    if record["study"]["seeds"] < results.ENOUGH:
        verdict = "These are too few seeds to tell whether they differ."
    return (
        "Initial values come from the same distributions and examples from the same rule, by other random numbers. "
        "After the last step, medians over the seeds: held-out loss, and the gradient at the first step of time. "
        f"{verdict} (Mann and Whitney's test on the seeds, Holm's bound of {results.CHANCE:.0%} on all of them.)\n\n"
        + markdown.table(head, rows)
    )


def _times_or_none(value: float | None) -> str:
    return "–" if value is None else f"×{value:.1f}"
