"""What the record of a run over the study says."""

from typing import Any

from scripts.benchmark import record as records
from scripts.benchmark.record import Record
from scripts.benchmark.study import results, timing
from scripts.benchmark.study.candidates import Candidate
from scripts.benchmark.study.results import Findings
from scripts.benchmark.study.spec import Study


def new(study: Study, busy: bool, differences: dict[str, Any], versions: dict[str, dict[str, str]]) -> Record:
    """A record without times.

    Args:
      study: what is run.
      busy: whether something else was running on the machine.
      differences, versions: what `equality.check` gave.
    """
    return records.new(busy, versions, study=study._asdict(), agreement=differences)


def add(record: Record, contestant: Candidate, study: Study, seconds: dict[str, float], found: Findings) -> None:
    """Add what a contestant took, and found."""
    alone = timing.training(study, seconds)
    record["contestants"][contestant.name] = {
        "library": contestant.library,
        "about": contestant.about,
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        "training_seconds": None if alone is None else round(alone, 2),
        "found": {point: values._asdict() for point, values in found.items()},
    }


def findings(record: Record) -> dict[str, Findings]:
    """What each library found, by its first contestant."""
    found: dict[str, Findings] = {}
    for entry in record["contestants"].values():
        read = {point: results.Found(**values) for point, values in entry["found"].items()}
        found.setdefault(entry["library"], read)
    return found
