"""What everyone does alike: cells, sizes, settings, and the form of a record. It imports no more than Python has."""

import argparse
from pathlib import Path
from typing import Any, NamedTuple

from scripts.benchmark import parser

LOSS = "heldout/loss"
CURVE = "state_gradient/state/log10_norm"
"""log10 ‖∂L/∂s_{T-k}‖ against lag k, median over the examples of the held-out batch; s is the whole state."""


class Study(NamedTuple):
    """Every cell at every length with every seed, on the adding problem."""

    cells: tuple[str, ...] = ("rnn", "lstm", "gru")
    lengths: tuple[int, ...] = (16, 32, 64, 128)
    seeds: int = 8
    steps: int = 200
    measure_every: int = 50
    hidden: int = 32
    batch: int = 32
    heldout: int = 128
    learning_rate: float = 3e-3
    clip_norm: float = 1.0

    @property
    def points(self) -> list[tuple[str, int]]:
        """(cell, length), longest first: the last to end are short, and no process is left alone with a long one."""
        return [(cell, length) for length in sorted(self.lengths, reverse=True) for cell in self.cells]

    @property
    def trials(self) -> int:
        """How many networks are trained."""
        return len(self.cells) * len(self.lengths) * self.seeds


def record_of(workdir: Path, cell: str, length: int, seed: int) -> Path:
    """Where the record of a trial stands, one JSON object for each measurement."""
    return workdir / "adding" / cell / f"T{length}" / f"seed{seed}" / "metrics.jsonl"


class Parser(parser.Parser):
    """Flags that choose a part of the study."""

    def __init__(self, description: str, name: str | None = None):
        super().__init__(description, name)
        whole = Study()
        self.add_argument("--cells", default=",".join(whole.cells), help="%(default)s")
        self.add_argument("--lengths", default=",".join(map(str, whole.lengths)), help="values of T: %(default)s")
        for name, about in _NUMBERS.items():
            self.add_argument(f"--{name}", type=int, default=getattr(whole, name), help=f"{about}: %(default)s")

    def study(self, given: argparse.Namespace) -> Study:
        """The study that the flags name."""
        lengths = given.lengths.split(",")
        cells = tuple(given.cells.split(","))
        if unknown := [cell for cell in cells if cell not in Study().cells]:
            self.error(f"--cells: {unknown[0]!r} is none of {', '.join(Study().cells)}.")
        if bad := [length for length in lengths if not (length.isdecimal() and int(length) > 1)]:
            self.error(f"--lengths: {bad[0]!r} is not a whole number above 1.")
        for name in _NUMBERS:
            if getattr(given, name) < 1:
                self.error(f"--{name} must be at least 1, not {getattr(given, name)}.")
        if given.steps % given.measure_every:
            self.error(f"--steps must be a multiple of --measure_every ({given.measure_every}), not {given.steps}.")
        numbers: dict[str, Any] = {name: getattr(given, name) for name in _NUMBERS}
        return Study(cells=cells, lengths=tuple(map(int, lengths)), **numbers)


_NUMBERS = {
    "seeds": "number of seeds, from 0",
    "steps": "training steps",
    "measure_every": "training steps from one measurement to the next",
}


def of_script(description: str) -> tuple[Study, Path, int]:
    """What a script is told by its command line: the study, where its records go, and how many processes it may use."""
    parser = Parser(description)
    parser.add_argument("--workdir", type=Path, required=True, help="where the records go")
    parser.add_argument("--jobs", type=int, default=1, help="processes: %(default)s")
    given = parser.parse_args()
    if given.jobs < 1:
        parser.error(f"--jobs must be at least 1, not {given.jobs}.")
    return parser.study(given), given.workdir, given.jobs


def flags(study: Study) -> list[str]:
    """The flags that make a script run that study."""
    numbers = [f"--{name}={getattr(study, name)}" for name in _NUMBERS]
    return [f"--cells={','.join(study.cells)}", f"--lengths={','.join(map(str, study.lengths))}", *numbers]
