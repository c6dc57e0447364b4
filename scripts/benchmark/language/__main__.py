"""Flags, the run over the contestants, and what it prints: `python -m scripts.benchmark.language --help`."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import jax

from rnnx.logbook import files
from scripts.benchmark import command, interpreters, machine
from scripts.benchmark import record as records
from scripts.benchmark.interpreters import OURS, WorkerError
from scripts.benchmark.language import candidates, corpus, equality, page, record, timing, trial
from scripts.benchmark.language.candidates import Candidate, Places
from scripts.benchmark.language.spec import Settings
from scripts.benchmark.language.timing import Sample
from scripts.benchmark.layers.timing import rotated
from scripts.benchmark.parser import Parser
from scripts.benchmark.record import Record

OUT = "docs/benchmarks/language.json"
_NUMBERS = {
    "length": "T of the training windows",
    "batch": "B",
    "seconds": "of training that a process counts",
    "writer": "H of the LSTM that writes",
    "characters": "that it writes",
    "rounds": "processes of each contestant",
}


def main() -> int:
    """Run what the flags ask for; 1 if a contestant failed."""
    parser = Parser("Training and writing of a language model in rnnx, PyTorch and Flax, timed.", "bench language")
    whole = Settings()
    parser.add_argument("--hidden", default=",".join(map(str, whole.hidden)), help="H of the trainings: %(default)s")
    for name, about in _NUMBERS.items():
        value = getattr(whole, name)
        parser.add_argument(f"--{name}", type=type(value), default=value, help=f"{about}: %(default)s")
    command.add_flags(parser, OUT)
    given = parser.parse_args()
    settings = _settings(given, parser)
    peers = interpreters.peers(given.peers, parser.error)
    command.check_out(parser, given.out)
    return command.status(parser, lambda: run(settings, peers, given.out))


def _settings(given: argparse.Namespace, parser: Parser) -> Settings:
    hidden = given.hidden.split(",")
    if bad := [size for size in hidden if not (size.isdecimal() and int(size) > 0)]:
        parser.error(f"--hidden: {bad[0]!r} is not a whole number above 0.")
    numbers = {name: getattr(given, name) for name in _NUMBERS}
    for name, value in numbers.items():
        if not value > 0:
            parser.error(f"--{name} must be above 0, not {value}.")
    return Settings(hidden=tuple(map(int, hidden)), **numbers)


def run(settings: Settings, peers: list[str], out: Path) -> int:
    """Check that all compute the same, time all in turns, and write record and page after each round; 1 if one
    failed."""
    if busy := machine.busy():
        print("The machine is busy: times will be too long.")
    jax.config.update("jax_platforms", "cpu")  # as for all contestants
    with tempfile.TemporaryDirectory(prefix="rnnx-language-") as name:
        folder = Path(name)
        places = Places(folder / "text.txt", folder / "trial", folder / "writer.pt")
        text = corpus.write(places.text)
        trial.make(places.trial, places.text, settings.writer, folder / "trial_cache")
        differences, versions = equality.check(
            peers, places.text, min(settings.hidden), places.trial, places.checkpoint
        )
        print(f"All compute the same, on {text}.", flush=True)
        results = records.new(busy, versions, settings=settings._asdict(), text=text, agreement=differences)
        chosen = candidates.all_of(settings, [OURS, *peers], places)
        failed = time_all(chosen, settings, folder / "cache", results, out)
    print(f"{out} and {out.with_suffix('.md')} hold {len(results['contestants'])} contestants.")
    return int(failed)


def time_all(contestants: Sequence[Candidate], settings: Settings, cache: Path, results: Record, out: Path) -> bool:
    """Time all in turns, each round beginning with the next one; whether one failed, which then takes part no more."""
    samples: dict[str, list[Sample]] = {contestant.name: [] for contestant in contestants}
    cold: dict[str, Sample] = {}
    failed: set[str] = set()

    def sample(contestant: Candidate, label: str) -> Sample | None:
        try:
            found = timing.sample(contestant, settings.characters, cache)
        except WorkerError as error:
            failed.add(contestant.name)
            print(f"{contestant.name} failed: {error}", flush=True)
            return None
        first = "" if found.first is None else f", the first after {found.first:.2f} s"
        print(f"{label} {contestant.name}: {found.rate:,.0f} characters per second{first}", flush=True)
        return found

    for contestant in contestants:
        if contestant.compiles and (found := sample(contestant, "cold")):
            cold[contestant.name] = found
    for number in range(settings.rounds):
        for contestant in rotated(contestants, number):
            if contestant.name in failed:
                continue
            if found := sample(contestant, f"{number + 1}/{settings.rounds}"):
                samples[contestant.name].append(found)
        for contestant in contestants:
            if contestant.name not in failed:
                record.add(results, contestant, samples[contestant.name], cold.get(contestant.name))
        records.write(out, results)
        files.write(out.with_suffix(".md"), page.page(results).encode())
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
