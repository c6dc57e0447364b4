"""What the record of a run over the language models says."""

from collections.abc import Sequence

from scripts.benchmark.language.candidates import Candidate
from scripts.benchmark.language.timing import Sample
from scripts.benchmark.record import Record


def add(record: Record, contestant: Candidate, samples: Sequence[Sample], cold: Sample | None) -> None:
    """Put in what a contestant took, in place of what it took before.

    Args:
      record: as of `scripts.benchmark.record`.
      contestant: who.
      samples: of each round.
      cold: of a process before them, which found nothing compiled.
    """
    record["contestants"][contestant.name] = {
        "library": contestant.library,
        "task": contestant.task,
        "about": contestant.about,
        "characters_per_second": [round(sample.rate) for sample in samples],
        "first_seconds": [round(sample.first, 3) for sample in samples if sample.first is not None],
        "first_seconds_cold": None if cold is None or cold.first is None else round(cold.first, 3),
    }
