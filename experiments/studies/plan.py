"""What a sweep would do, `--dry_run`: its trials and what each costs. Nothing is trained, compiled or written."""

import math
import statistics
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from experiments import cost
from experiments.config import Config
from experiments.progress import duration
from experiments.trials.trial import Trial, diverged, finished
from rnnx.logbook import read_metrics
from rnnx.logbook.run_directory import CONFIG, PERFORMANCE


def show(trials: Sequence[Trial], jobs: int) -> None:
    """Print the trials as a table, with totals of what is left to do.

    Raises:
      ConfigError: a directory holds a trial of another config.
      DamagedError: a record is.
    """
    speeds = {trial: speed for trial in trials if finished(trial) and (speed := _gflop_per_second(trial)) is not None}
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("trial", overflow="fold")
    for heading in ("steps", "parameters", "FLOPs", "time"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("state", no_wrap=True)
    left, flops_left, seconds_left = 0, 0.0, 0.0
    for trial in trials:
        config, state = trial.config, _state(trial)
        flops = config.steps * cost.training_flops(config)
        seconds = _seconds(config, flops, speeds) if state in ("", "begun") else None
        if state in ("", "begun"):
            left, flops_left, seconds_left = left + 1, flops_left + flops, seconds_left + (seconds or 0)
        time = duration(seconds) if seconds is not None else ""
        table.add_row(trial.name, str(config.steps), f"{cost.parameters(config):,}", _short(flops), time, state)
    console = Console()
    # Elsewhere than in a terminal a line is as long as it must be: it is for other programs to read.
    console = console if console.is_terminal else Console(width=10_000)
    console.print(table)
    print(f"{left} of {len(trials)} trials to do, {_short(flops_left)} FLOPs{_total(left, seconds_left, speeds, jobs)}")


def _state(trial: Trial) -> str:
    if finished(trial):
        return "done"
    if diverged(trial):
        return "diverged"
    return "begun" if (trial.directory / CONFIG).exists() else ""


def _gflop_per_second(trial: Trial) -> float | None:
    """Of the process that trained it, which may have trained others beside it."""
    records = read_metrics(trial.directory / PERFORMANCE)
    speeds = [record["performance/gflop_per_second"] for record in records]
    speeds = [speed for speed in speeds if math.isfinite(speed)]
    return statistics.median(speeds) if speeds else None


def _seconds(config: Config, flops: float, speeds: dict[Trial, float]) -> float | None:
    """Of one process, at the speed of those finished trials that are most like it."""
    if not speeds:
        return None
    likeness = {trial: _likeness(trial.config, config) for trial in speeds}
    most = max(likeness.values())
    return flops / 1e9 / statistics.median(speed for trial, speed in speeds.items() if likeness[trial] == most)


def _likeness(one: Config, other: Config) -> int:
    """How many they share of the settings that decide how fast a step of time is."""
    return (
        2 * (one.cell.name == other.cell.name)
        + (one.cell.options == other.cell.options)
        + (one.model == other.model)
        + (one.batch_size == other.batch_size)
        + (one.task.name == other.task.name)
    )


def _total(left: int, seconds: float, speeds: dict[Trial, float], jobs: int) -> str:
    if not left:
        return "."
    if not speeds:
        return "; without times, because no finished trial of this workdir has recorded its speed."
    at_a_time = min(jobs, left)
    source = f"the speed of {len(speeds)} finished trial{'s' if len(speeds) > 1 else ''}"
    return f", about {duration(seconds / at_a_time)} with {at_a_time} at a time, from {source}."


def _short(number: float) -> str:
    """With the letter for its thousands, `1.23 T`."""
    power = min(int(math.log10(max(number, 1)) // 3), 5)
    return f"{number / 1000**power:.3g} {' kMGTP'[power]}".rstrip()
