"""Who takes part: commands that train or write."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from scripts.benchmark import machine
from scripts.benchmark.interpreters import OURS, PYTHON
from scripts.benchmark.language import spec
from scripts.benchmark.language.spec import Settings

WRITING = "writing"


class Candidate(NamedTuple):
    """A command."""

    name: str
    library: str
    """`OURS` or one of `PEERS`."""
    task: str
    """`WRITING`, or `training_of` a number of units."""
    about: str
    command: list[str]
    shows: bool = False
    """Whether it shows the text while it writes, and is timed by that; or else prints its own rate."""
    compiles: bool = False
    """Whether a second run finds what the first one has compiled; asked of what shows its text."""


class Places(NamedTuple):
    """What was prepared for the contestants."""

    text: Path
    trial: Path
    """Of rnnx, whose model writes."""
    checkpoint: Path
    """The same model for PyTorch."""


def training_of(hidden: int) -> str:
    """The name of a training."""
    return f"H = {hidden}"


def all_of(settings: Settings, libraries: Sequence[str], places: Places) -> list[Candidate]:
    """All contestants of these libraries."""
    found = [
        _training(library, hidden, settings, places.text)
        for hidden in settings.hidden
        for library in (OURS, "torch", "flax")
    ]
    return [contestant for contestant in [*found, *_writing(settings, places)] if contestant.library in libraries]


def _training(library: str, hidden: int, settings: Settings, text: Path) -> Candidate:
    flags = [f"--text={text}", *spec.flags(settings.training(hidden))]
    command = [_python(library), "-m", f"scripts.benchmark.language.{library}_training", *flags]
    return Candidate(f"{library}, H = {hidden}", library, training_of(hidden), f"`{library}_training.py`", command)


def _writing(settings: Settings, places: Places) -> list[Candidate]:
    length, workdir = f"--length={settings.characters}", f"--workdir={places.trial}"
    module = [sys.executable, "-m"]
    generate = [*module, "experiments.generate", workdir, length]
    sample = [*module, "scripts.benchmark.language.rnnx_writing", workdir, length]
    script = [PYTHON["torch"], "-m", "scripts.benchmark.language.torch_writing"]
    script += [f"--checkpoint={places.checkpoint}", length]

    def torch(*flags: str) -> Candidate:
        name = ", ".join(["torch", "writing", *(flag.removeprefix("--") for flag in flags)])
        return Candidate(
            name, "torch", WRITING, f"`{' '.join(['torch_writing.py', *flags])}`", [*script, *flags], shows=True
        )

    by_layer, by_cell, single = "--step=LSTM", "--step=LSTMCell", "--threads=1"
    found = [torch(by_layer), torch(by_cell)]
    if machine.cores() > 1:
        found += [torch(by_layer, single), torch(by_cell, single)]
    return [
        Candidate(
            "rnnx, generate", OURS, WRITING, "`python -m experiments.generate`", generate, shows=True, compiles=True
        ),
        Candidate("rnnx, sample", OURS, WRITING, "`rnnx.decoding.sample`, compiled, alone", sample),
        *found,
    ]


def _python(library: str) -> str:
    return PYTHON.get(library, sys.executable)
