"""Flags, the run over the contestants, and what it prints: `python -m scripts.benchmark.study --help`."""

import sys
from pathlib import Path

import jax

from rnnx.logbook import files
from scripts.benchmark import command, interpreters, machine
from scripts.benchmark import record as records
from scripts.benchmark.interpreters import OURS, WorkerError
from scripts.benchmark.study import candidates, equality, page, record, timing
from scripts.benchmark.study.candidates import Candidate
from scripts.benchmark.study.spec import Parser, Study

OUT = "docs/benchmarks/study.json"


def main() -> int:
    """Run what the flags ask for; 1 if a contestant failed."""
    parser = Parser("A whole study in rnnx, PyTorch and Flax, timed from start to end.", "bench study")
    parser.add_argument(
        "--only", action="append", default=[], help="contestants whose names match this; may be repeated"
    )
    command.add_flags(parser, OUT)
    given = parser.parse_args()
    study = parser.study(given)
    peers = interpreters.peers(given.peers, parser.error)
    command.check_out(parser, given.out)
    chosen = candidates.of_study(study, [OURS, *peers], given.only)
    if not chosen:
        parser.error(f"--only={given.only[0]!r} matches no contestant.")
    return command.status(parser, lambda: run(study, peers, chosen, given.out))


def run(study: Study, peers: list[str], chosen: list[Candidate], out: Path) -> int:
    """Check that all measure the same, time all in turn, and write record and page after each; 1 if one failed."""
    if busy := machine.busy():
        print("The machine is busy: times will be too long.")
    jax.config.update("jax_platforms", "cpu")  # as for all contestants
    differences, versions = equality.check(study, peers)
    print(f"All measure the same. {study.trials} trials of {study.steps} steps.", flush=True)
    results = record.new(study, busy, differences, versions)
    failures = 0
    for contestant in chosen:
        try:
            seconds, found = timing.time_all(contestant, study)
        except WorkerError as error:
            failures += 1
            print(f"{contestant.name} failed: {error}", flush=True)
            continue
        record.add(results, contestant, study, seconds, found)
        records.write(out, results)
        if OURS in results["contestants"]:
            files.write(out.with_suffix(".md"), page.page(results).encode())
        print(f"{contestant.name}: {', '.join(f'{kind} {value:.1f} s' for kind, value in seconds.items())}", flush=True)
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
