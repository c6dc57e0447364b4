"""A contestant's command, timed once."""

import json
import math
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from scripts.benchmark import processes
from scripts.benchmark.interpreters import WorkerError
from scripts.benchmark.language.candidates import Candidate

PAUSE = 0.005
"""Seconds between looks at what is shown: to be woken by each character would take a core from who draws them."""


class Sample(NamedTuple):
    """What one process took."""

    rate: float
    """Characters per second."""
    first: float | None = None
    """Seconds from its start to the first that it shows."""


def sample(contestant: Candidate, characters: int, cache: Path) -> Sample:
    """Run it.

    Args:
      contestant: who.
      characters: how many it is to show, if it shows a text.
      cache: of compiled programs.

    Raises:
      WorkerError: it failed, or did not do what it should.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        started = time.perf_counter()
        with processes.running(contestant.command, cache, stdout=subprocess.PIPE, stderr=log) as process:
            pieces = _pieces(process)
            status = process.wait()
        log.seek(0)
        processes.check(contestant.name, status, log.read())
    if contestant.shows:
        return _shown(contestant.name, pieces, started, characters)
    return _reported(contestant.name, b"".join(piece for _, piece in pieces))


def _pieces(process: subprocess.Popen) -> list[tuple[float, bytes]]:
    """What a process prints, and when each piece was there."""
    assert process.stdout is not None
    pieces = []
    while piece := os.read(process.stdout.fileno(), 2**16):
        pieces.append((time.perf_counter(), piece))
        time.sleep(PAUSE)
    process.stdout.close()
    return pieces


def _shown(name: str, pieces: list[tuple[float, bytes]], started: float, characters: int) -> Sample:
    shown = sum(len(piece) for _, piece in pieces)  # the text is ASCII
    if shown < characters or len(pieces) < 2:
        raise WorkerError(f"{name} showed {shown} of {characters} characters, in {len(pieces)} pieces")
    (first, with_it), (last, _) = pieces[0], pieces[-1]
    # What came with the first piece was drawn before.
    return Sample((shown - len(with_it)) / (last - first), first - started)


def _reported(name: str, printed: bytes) -> Sample:
    report = json.loads(printed)
    if not math.isfinite(report.get("loss", 0.0)):
        raise WorkerError(f"{name}: its loss is {report['loss']}")
    return Sample(report["characters_per_second"])
