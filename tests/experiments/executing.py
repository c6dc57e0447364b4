"""Running groups under an executor within a test, and what is to be seen of it."""

import contextlib
from pathlib import Path

from experiments import executors
from experiments.executors import Options
from experiments.studies import study
from experiments.trials.trial import Progress, Trial, TrialGroup
from tests.experiments import study_small

ENDLESS = 1_000_000
"""Training steps, more than any test waits for."""


def made(directory: Path, *overrides: dict, **settings: object) -> list[TrialGroup]:
    """A group for each trial; nothing is measured but losses, which is quick."""
    base = study_small.get_config()
    base.cell.name = "rnn"  # the least to compile
    base.update({"diagnostics": ()} | settings)
    return [TrialGroup((trial,), 1) for trial in study.resolve(base, list(overrides), directory)]


def execute(name: str, groups: list[TrialGroup], tell=lambda news: None, jobs=1, timeout=0.0, **settings: str):
    """Run groups; the last news of each trial, in their order."""
    last: dict[str, Progress] = {}

    def update(news: Progress) -> None:
        last[news.trial] = news
        tell(news)

    executors.get(name)(groups, Options(jobs, timeout, settings), update)
    return [last[trial.name] for group in groups for trial in group.trials]


def record(trial: Trial) -> bytes:
    return (trial.directory / "metrics.jsonl").read_bytes()


def checkpoints(trial: Trial) -> list[int]:
    return sorted(int(path.name) for path in (trial.directory / "checkpoints").glob("[0-9]*") if path.name.isdigit())


def descendants(pid: int) -> list[int]:
    """A process and all that descend from it, itself first. Linux only: it reads /proc."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(path.parent.name))
    found = [pid]
    for member in found:
        found += children.get(member, [])
    return found
