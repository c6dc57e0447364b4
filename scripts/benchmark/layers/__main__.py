"""Flags, the run over the points, and what it prints: `python -m scripts.benchmark.layers --help`."""

import datetime
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from absl import app, flags

from rnnx import checks, engines
from rnnx.logbook import files
from scripts.benchmark import libraries, machine
from scripts.benchmark.interpreters import WorkerError
from scripts.benchmark.layers import grid, measure, page, ratios, record
from scripts.benchmark.layers.point import PASSES, Point
from scripts.benchmark.layers.progress import Progress
from scripts.benchmark.layers.workers import NotInstalledError, Worker

FLAGS = flags.FLAGS
DEFAULT_OUT = "docs/benchmarks/cpu.json"
QUICK_OUT = "runs/benchmark/quick.json"

flags.DEFINE_list("cells", None, f"Of {', '.join(grid.CELLS)}; all unless said.")
flags.DEFINE_list("hidden", None, f"Values of H; {', '.join(map(str, grid.HIDDEN))} unless said.")
flags.DEFINE_list("batch", None, f"Values of B; {', '.join(map(str, grid.BATCH))} unless said.")
flags.DEFINE_list("layers", None, f"Numbers of layers; {', '.join(map(str, grid.LAYERS))} unless said.")
flags.DEFINE_list("steps", None, f"Values of T; {grid.STEPS} unless said, and {grid.LONG['steps']} too at H = 64.")
flags.DEFINE_list("peers", None, "Libraries to compare with; all that are installed unless said.")
flags.DEFINE_list("engine", ["auto"], "rnnx's engines; the rest is compared with auto, or else with the first.")
flags.DEFINE_integer("repetitions", 20, "Timed calls at least; one a round where a call takes above 0.4 s.")
flags.DEFINE_string("out", None, f"The record, {DEFAULT_OUT} or with --quick {QUICK_OUT}; the page goes beside it.")
flags.DEFINE_bool("resume", False, "Leave out the points that the record has already.")
flags.DEFINE_bool("quick", False, "A few small points, to see that all works.")


class UsageError(Exception):
    """What the user asked for can't be done; the message is one line."""


def main(arguments: list[str]) -> int:
    """Run what the flags ask for; 1 if a contestant failed somewhere."""
    contestants: list[Worker] = []
    try:
        try:
            points, out, results = _prepare(arguments, contestants)
        except (UsageError, ValueError) as error:
            _fail(str(error))
        return _run(points, contestants, results, out)
    except OSError as error:  # no room, no permission
        _fail(f"{error.filename or 'input or output'}: {error.strerror or error}")
    except KeyboardInterrupt:
        print("interrupted; the same command with --resume goes on.", file=sys.stderr)
        return 130
    finally:
        for contestant in contestants:
            contestant.close()


def _prepare(arguments: list[str], contestants: list[Worker]) -> tuple[list[Point], Path, record.Record]:
    """Everything that may be a mistake of the user: points to measure, the record. Fills the list of contestants."""
    if len(arguments) > 1:
        raise UsageError(f"unexpected argument {arguments[1]!r}: every setting is a flag, --name=value.")
    checks.size("--repetitions", FLAGS.repetitions)
    points = _points()
    out = Path(FLAGS.out or (QUICK_OUT if FLAGS.quick else DEFAULT_OUT))
    if out.suffix != ".json":
        raise UsageError(f"--out={out} must be a .json file.")
    busy = machine.busy()  # before the workers make it so
    _start(contestants)
    names = [contestant.name for contestant in contestants[:-1]]
    results = _open(out, record.new(machine.describe(), {c.name: c.about for c in contestants[:-1]}))
    todo = [point for point in points if not (FLAGS.resume and record.has(results, point, names))]
    for point in todo:
        if lost := record.lost(results, point, names):
            raise UsageError(f"{out} has {point.name} with {', '.join(lost)}, not in this run: give another --out.")
    if busy:
        print("The machine is busy: times will be too long, most of all those of threads that wait for each other.")
    print(f"{len(points)} points, {len(points) - len(todo)} of them measured before.", flush=True)
    return todo, out, results


def _run(points: list[Point], contestants: list[Worker], results: record.Record, out: Path) -> int:
    """Measure the points; the last contestant is the reference."""
    *compared, reference = contestants
    names = [contestant.name for contestant in compared]
    _write(out, results)  # a place that can't be written shows now
    progress = Progress(points, len(compared), FLAGS.repetitions)
    print(f"About {progress.left()}.", flush=True)
    failures = 0
    for point in points:
        try:
            entry = measure.measure(point, compared, reference, FLAGS.repetitions)
        except WorkerError as error:
            failures += 1
            print(f"{progress.done(point)} {point.name}: not measured: {error}", flush=True)
            continue
        record.add(results, entry)
        _write(out, results)
        failures += sum("failed" in result for result in entry["contestants"].values())
        print(f"{progress.done(point)} {point.name}: {_line(entry, names)}", flush=True)
    print(f"{out} and {out.with_suffix('.md')} hold {len(results['points'])} points.")
    return int(failures > 0)


def _write(out: Path, results: record.Record) -> None:
    record.write(out, results)
    files.write(out.with_suffix(".md"), page.page(results).encode())


def _points() -> list[Point]:
    chosen: dict[str, Any] = dict(grid.QUICK) if FLAGS.quick else {}
    if FLAGS.cells:
        chosen["cells"] = [checks.choice("cell", cell, grid.CELLS) for cell in FLAGS.cells]
    for name in ("hidden", "batch", "layers", "steps"):
        if texts := FLAGS[name].value:
            chosen[name] = [_whole(name, text) for text in texts]
    return grid.points(**chosen)


def _whole(name: str, text: str) -> int:
    if not text.strip().isdecimal():
        raise UsageError(f"--{name}: {text!r} is not a whole number.")
    return checks.size(f"--{name}", int(text))


def _start(contestants: list[Worker]) -> None:
    """Start rnnx's engines (auto first), the peers, and last the reference."""
    known = [name for name in libraries.names() if name != libraries.OURS]
    asked = [checks.choice("peer", name, known) for name in FLAGS.peers or []]
    names = [checks.choice("engine", name, ["auto", *engines.names()]) for name in dict.fromkeys(FLAGS.engine)]
    for name in sorted(names, key=lambda name: name != "auto"):
        label = libraries.OURS if name == "auto" else f"{libraries.OURS}/{name}"
        contestants.append(Worker(label, libraries.OURS, {"engine": name}))
    for name in asked or known:
        try:
            contestants.append(Worker(name, name))
        except NotInstalledError as error:
            if asked:
                raise UsageError(f"--peers={name}: not installed here ({error}); scripts/bench installs it.") from None
            print(f"{name} is left out: it is not installed here ({error}).", flush=True)
    contestants.append(Worker("reference", libraries.OURS, {"engine": "scan"}, {"JAX_ENABLE_X64": "1"}))


def _open(path: Path, new: record.Record) -> record.Record:
    """The record that this run adds to: the one that is there if it is of the same code and machine."""
    if not path.exists():
        return new
    old = record.read(path)
    differing = record.differences(old, new)
    if not differing:
        return record.merge(old, new)
    if FLAGS.resume:
        raise UsageError(
            f"{path} can't be resumed, since it was measured under other conditions: {'; '.join(differing)}."
        )
    stamp = datetime.datetime.fromtimestamp(path.stat().st_mtime).strftime("%Y%m%d-%H%M%S")
    kept = path.with_name(f"{path.stem}.{stamp}.json")
    path.rename(kept)
    print(f"{path} was measured under other conditions ({'; '.join(differing)}) and is kept as {kept}.", flush=True)
    return new


def _line(entry: dict[str, Any], names: Sequence[str]) -> str:
    """One point in one line: ms forward and backward, then ratios."""
    first, *others = names
    times = [ratios.median(entry, first, which) for which in PASSES]
    if None in times:
        return f"{first} failed: {entry['contestants'][first]['failed']}"
    parts = [f"{first} {' / '.join(f'{time:.3g}' for time in times)} ms"]
    for name in others:
        found = [ratios.ratio(entry, name, which, over=first) for which in PASSES]
        timed = " / ".join(f"×{ratio.value:.2f}" for ratio in found if ratio is not None)
        parts.append(f"{name} {timed or entry['contestants'][name]['failed']}")
    return ", ".join(parts)


def _fail(message: str) -> NoReturn:
    print(f"bench: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)


def _parse(argv: list[str]) -> list[str]:
    try:
        return FLAGS(argv)
    except flags.Error as error:
        _fail(str(error))


if __name__ == "__main__":
    app.run(main, flags_parser=_parse)
