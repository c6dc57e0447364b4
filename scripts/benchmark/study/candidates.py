"""Who takes part: commands that run the whole study, each with its way of using the cores."""

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from scripts.benchmark import machine
from scripts.benchmark.interpreters import OURS, PYTHON
from scripts.benchmark.study import rnnx_study, spec
from scripts.benchmark.study.spec import Study


class Candidate(NamedTuple):
    """A command that runs a study, or a part of one, from nothing to its records."""

    name: str
    library: str
    """`OURS` or one of `PEERS`; what is compared is the fastest contestant of each."""
    about: str
    command: Callable[[Study, Path], list[str]]
    """(study, workdir) -> command line."""
    compiles: bool = True
    """Whether a second run finds what the first one has compiled."""
    once: bool = False
    """Run a single time: it is there to be known, and not compared."""


def of_study(study: Study, libraries: Sequence[str], only: Sequence[str] = ()) -> list[Candidate]:
    """All contestants of these libraries, or those whose names match one of the patterns `only`.

    The first is rnnx as its users run it for this study.
    """
    cores = machine.cores()
    found = [*_rnnx(study, cores)]
    for name, compiles in (("torch", False), ("flax", True)):
        found += [_script(name, jobs, compiles) for jobs in sorted({1, cores})]
    return [
        contestant
        for contestant in found
        if contestant.library in libraries
        and (not only or any(fnmatchcase(contestant.name, pattern) for pattern in only))
    ]


def _rnnx(study: Study, cores: int) -> list[Candidate]:
    def sweep(vectorize: int, diagnostics: str | None) -> Callable[[Study, Path], list[str]]:
        return lambda study, workdir: rnnx_study.command(study, workdir, vectorize=vectorize, diagnostics=diagnostics)

    processes = f"{cores} process{'es' if cores > 1 else ''}"
    one = "`--config.diagnostics=state_gradient`"
    return [
        Candidate(OURS, OURS, f"{one}, {processes}", sweep(1, "state_gradient")),
        Candidate(
            "rnnx, vectorized",
            OURS,
            f"`--vectorize={study.seeds}`, {one}, {processes}",
            sweep(study.seeds, "state_gradient"),
        ),
        Candidate("rnnx, all measurements", OURS, f"the default measurements, {processes}", sweep(1, None), once=True),
    ]


def _script(library: str, jobs: int, compiles: bool) -> Candidate:
    module = f"scripts.benchmark.study.{library}_study"

    def command(study: Study, workdir: Path) -> list[str]:
        return [PYTHON[library], "-m", module, f"--workdir={workdir}", f"--jobs={jobs}", *spec.flags(study)]

    name = f"{library}, {jobs} process{'es' if jobs > 1 else ''}"
    return Candidate(name, library, f"`{library}_study.py --jobs={jobs}`", command, compiles)
