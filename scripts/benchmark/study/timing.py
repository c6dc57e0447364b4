"""A contestant's command, timed from its start to its end."""

import subprocess
import tempfile
import time
from pathlib import Path

from scripts.benchmark import processes
from scripts.benchmark.study import results
from scripts.benchmark.study.candidates import Candidate
from scripts.benchmark.study.results import Findings
from scripts.benchmark.study.spec import Study


def time_all(contestant: Candidate, study: Study) -> tuple[dict[str, float], Findings]:
    """Seconds of the whole study, and what was found.

    Returns:
      ({"cold": with nothing compiled before, "warm": with all that compiled, "half": warm, with half the measurements
      after the first}, what the last whole run found). There is no "cold" for a contestant that compiles nothing, no
      other for one that is run once, and no "half" for a study of one measurement.

    Raises:
      WorkerError: the command failed, or not all is there that it should have left.
    """
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="rnnx-study-") as folder:
        cache = Path(folder) / "cache"
        runs = {"cold": study} if contestant.compiles else {}
        if not contestant.once:
            runs["warm"] = study
        if not contestant.once and study.steps > study.measure_every:
            runs["half"] = study._replace(steps=half(study))
        for name, of in runs.items():
            workdir = Path(folder) / name
            seconds[name] = _time(contestant, of, workdir, cache)
            found = results.read(of, workdir)
            if of == study:
                whole = found
    return seconds, whole


def half(study: Study) -> int:
    """The training steps of the shorter run."""
    return study.steps // study.measure_every // 2 * study.measure_every


def training(study: Study, seconds: dict[str, float]) -> float | None:
    """Seconds of training, measuring and logging alone, without start-up and compilation: what the second half of the
    study costs, for all of its steps. `None` where there is no "half", or noise is larger than the difference."""
    more = seconds["warm"] - seconds["half"] if "half" in seconds else 0.0
    return more * study.steps / (study.steps - half(study)) if more > 0 else None


def _time(contestant: Candidate, study: Study, workdir: Path, cache: Path) -> float:
    with open(workdir.with_suffix(".log"), "w+", encoding="utf-8") as log:
        started = time.perf_counter()
        command = contestant.command(study, workdir)
        with processes.running(command, cache, stdout=log, stderr=subprocess.STDOUT) as process:
            status = process.wait()
        seconds = time.perf_counter() - started
        log.seek(0)
        processes.check(contestant.name, status, log.read())
    return seconds
