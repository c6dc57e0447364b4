"""The record as a page of Markdown for people."""

from collections.abc import Sequence
from statistics import median

from scripts.benchmark import markdown
from scripts.benchmark.interpreters import OURS, PEERS
from scripts.benchmark.language import equality
from scripts.benchmark.language.candidates import WRITING, training_of
from scripts.benchmark.language.spec import CHUNK, CLIP_NORM, LEARNING_RATE
from scripts.benchmark.record import Record

_TRAINING = f"""\
Characters of the batches, B × T a step, per second. Each process reads the text, takes {CHUNK} steps that are not
counted, in which JAX compiles, and then steps until the seconds are over; every {CHUNK} steps the loss is fetched. rnnx
is the program that `experiments.run` compiles, without measurements, {CHUNK} steps a call; the others are a
[PyTorch](../../scripts/benchmark/language/torch_training.py) and a
[Flax](../../scripts/benchmark/language/flax_training.py) script, each with the threads that it takes by itself."""

_WRITING = """\
One text at temperature 1, from the start of a line, by a model that was trained for a few steps.
`experiments.generate` shows 32 characters at a time, the
[PyTorch script](../../scripts/benchmark/language/torch_writing.py) each one, by a step of `nn.LSTM` or of
`nn.LSTMCell`. They are timed by what comes out of them: from the start of the process to the first characters, and from
there to the last. *Cold*: JAX's compilation cache is empty; otherwise it holds what the process before compiled.
`rnnx.decoding.sample` draws all of them in one call, the second of its process. Ratios are those of the first line."""


def page(record: Record) -> str:
    """The whole page."""
    parts = [
        "# A language model, beside PyTorch and Flax",
        "Written by `scripts/bench language`; the figures are in the JSON file beside this one.",
        _what(record),
        "## Training",
        _TRAINING,
        _training(record),
        "## Writing",
        _WRITING,
        _writing(record),
        "## The same model",
        _agreement(record),
        "## Versions",
        _versions(record),
    ]
    return "\n\n".join(parts) + "\n"


def ratio(record: Record, name: str) -> float | None:
    """The rate of rnnx, by its first contestant, over that of the contestant of that name at the same task."""
    contestants = record["contestants"]
    theirs = contestants[name]
    ours = next((e for e in contestants.values() if (e["library"], e["task"]) == (OURS, theirs["task"])), None)
    return median(ours["characters_per_second"]) / median(theirs["characters_per_second"]) if ours else None


def _what(record: Record) -> str:
    settings = record["settings"]
    return (
        f"{markdown.circumstances(record)}\n\n"
        f"Embedding, LSTM and linear readout of the characters of a text ({record['text']}), float32. Training: H = "
        f"{', '.join(map(str, settings['hidden']))}, random windows of T = {settings['length']}, B = "
        f"{settings['batch']}, cross-entropy, Adam (learning rate {LEARNING_RATE:g}, clipped at {CLIP_NORM:g}), at "
        f"least {settings['seconds']:g} s a process. Writing: H = {settings['writer']}, {settings['characters']} "
        "characters. Each contestant is a command that has the machine to itself, "
        f"{settings['rounds']} times, in turns; each round begins with the next one. Figures are medians, with the "
        "lowest and the highest; a ratio is rnnx's rate over the other's: above 1, rnnx is faster."
    )


def _training(record: Record) -> str:
    tasks = [training_of(hidden) for hidden in record["settings"]["hidden"]]
    rows = []
    for library in (OURS, *PEERS):
        found = {
            entry["task"]: (_spread(entry["characters_per_second"]), _ratio(ratio(record, name)))
            for name, entry in record["contestants"].items()
            if entry["library"] == library
        }
        rows.append((library, *(cell for task in tasks for cell in found.get(task, ("–", "–")))))
    return markdown.table(("", *(title for task in tasks for title in (task, "ratio"))), rows)


def _writing(record: Record) -> str:
    rows = []
    for name, entry in record["contestants"].items():
        if entry["task"] == WRITING:
            first, cold = entry["first_seconds"], entry["first_seconds_cold"]
            rows.append(
                (
                    entry["about"],
                    _spread(entry["characters_per_second"]),
                    _ratio(ratio(record, name)),
                    _spread(first, 2) if first else "–",
                    "–" if cold is None else f"{cold:.2f}",
                )
            )
    head = ("", "characters per second", "ratio", "seconds to the first character", "the same, cold")
    return markdown.table(head, rows)


def _agreement(record: Record) -> str:
    asked = ("training", "writing")
    rows = [
        (library, *(f"{errors[name]:.0e}" if name in errors else "–" for name in asked))
        for library, errors in record["agreement"].items()
    ]
    return (
        f"With copied weights, the largest difference from rnnx, relative to the array's norm: of the loss of a batch "
        f"(T = {equality.LENGTH}, B = {equality.BATCH}) and each array of its gradient; of the logits after each of "
        f"{equality.TOKENS} characters that are read one by one. Nothing is timed above {equality.TOLERANCE:g}.\n\n"
        + markdown.table(("", *asked), rows)
    )


def _versions(record: Record) -> str:
    return "\n".join(f"- {library}: {markdown.versions(found)}" for library, found in record["versions"].items())


def _spread(values: Sequence[float], digits: int = 0) -> str:
    middle, lowest, highest = (f"{value:,.{digits}f}" for value in (median(values), min(values), max(values)))
    return f"{middle} ({lowest} – {highest})"


def _ratio(value: float | None) -> str:
    return "–" if value is None else f"×{value:.2f}"
