"""One point: each contestant computes it, is compared with the reference, and is timed in turns with the others."""

import datetime
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scripts.benchmark.interpreters import WorkerError
from scripts.benchmark.layers import equality, problem, timing
from scripts.benchmark.layers.point import Point
from scripts.benchmark.layers.problem import Answer
from scripts.benchmark.layers.workers import Worker

PRODUCT = 2048


def measure(point: Point, contestants: Sequence[Worker], reference: Worker, repetitions: int) -> dict[str, Any]:
    """The entry of a point in the record; the first contestant is rnnx, in whose process the product is timed.

    A contestant that fails or computes something else is not timed, and its entry says why.
    """
    entries: dict[str, dict[str, Any]] = {}
    ready = []
    with tempfile.TemporaryDirectory() as folder:
        posed, answered = Path(folder) / "problem.npz", Path(folder) / "answer.npz"
        problem.save_problem(posed, problem.draw(point))

        def build(contestant: Worker, **options: Any) -> tuple[dict[str, float], Answer]:
            contestant.start()
            settings = {**contestant.settings, **options}
            reply = contestant.ask(do="build", problem=str(posed), answer=str(answered), settings=settings)
            return reply["first_call"], problem.load_answer(answered)

        # A variant of a cell, by its options, has a reference of its own.
        references: dict[str, Answer] = {}
        for contestant in contestants:
            options = contestant.about["reference"].get(point.cell, {})
            if str(options) not in references:
                references[str(options)] = build(reference, **options)[1]
            try:
                first_call, answer = build(contestant)
                errors = equality.errors(answer, references[str(options)])
            except (WorkerError, equality.UnequalError) as error:
                entries[contestant.name] = {"failed": str(error)}
                continue
            entries[contestant.name] = {
                "first_call_s": {which: round(seconds, 3) for which, seconds in first_call.items()},
                "error": float(f"{max(errors.values()):.1e}"),
                "variant": options,
            }
            ready.append(contestant)
    contestants[0].start()  # it may have ended
    rate = product_rate(contestants[0])
    samples, failed = timing.time_all(ready, repetitions)
    for name, found in samples.items():
        entries[name] |= {which: timing.describe(seconds) for which, seconds in found.items()}
    for name, why in failed.items():
        entries[name] = {"failed": why}
    return {
        **point._asdict(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "product_gflops": round(rate / 1e9, 1),
        "contestants": entries,
    }


def product_rate(contestant: Worker) -> float:
    """FLOP/s of a float32 product of two 2048 x 2048 matrices, median of five."""
    seconds = contestant.ask(do="product", size=PRODUCT, calls=5)["seconds"]
    return 2 * PRODUCT**3 / float(np.median(seconds))
