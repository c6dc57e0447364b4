"""What a run of the tests survived, as JSON and as a page."""

import datetime
import json
import platform
import re
import time
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path

from rnnx.logbook import files
from scripts.benchmark import machine

PROMISES = {
    "R1": "a run that is killed resumes bit for bit",
    "R2": "the same seed gives the same bytes",
    "R3": "a batch is a function of seed and step",
    "R4": "a damaged checkpoint is detected, and the one before it used",
    "R5": "a kill while a checkpoint is written leaves the one before it whole",
    "R6": "SIGTERM and SIGINT: saved, and gone within seconds",
    "R7": "loss or gradient not finite: stopped before the update, the others go on",
    "R8": "a full disk: a clear error, nothing lost",
    "R9": "a mistake is one line and exit status 2",
    "R10": "a checkpoint of another model is refused",
    "R11": "one writer in a directory",
    "R12": "a sweep whose process is killed goes on where it was",
    "R13": "a cluster that loses a node goes on",
    "R14": "no step is missing or twice in a record after kills",
    "R15": "damaged and hostile files are refused, no pickle is loaded",
    "R16": "nothing listens on the network",
}

_ELSEWHERE = {
    "tests/data/": ("R15", "damaged, wrong or hostile data files and archives, and ways to fetch them"),
    "tests/experiments/executors/test_ray.py::test_a_trial_whose_node_is_lost": ("R13", "a node of a cluster killed"),
}
"""Beginnings of the names of tests that make a fault each without saying so."""


_OF_THIS = "test_record.py"
"""The tests of the record make no faults, and look at the one that is there before."""


class Recorder:
    """A plug-in of pytest that writes the record when all tests have run."""

    def __init__(self, path: Path):
        """Into a JSON file, and a page beside it."""
        self._path = path
        self._started = time.monotonic()
        self._reports = []

    def pytest_runtest_logreport(self, report):
        """Once for each test: its call, or what went wrong before or after it."""
        if _OF_THIS not in report.nodeid and (report.when == "call" or report.outcome != "passed"):
            self._reports.append(report)

    def pytest_sessionfinish(self):
        """Write JSON and page."""
        record = {
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "minutes": round((time.monotonic() - self._started) / 60, 1),
            "machine": machine.describe(),
            "versions": {name: version(name) for name in ("rnnx", "jax", "orbax-checkpoint", "tensorboardX")}
            | {"python": platform.python_version()},
            "tests": [_entry(report) for report in self._reports],
        }
        files.write(self._path, json.dumps(record, indent=1, ensure_ascii=False).encode() + b"\n")
        files.write(self._path.with_suffix(".md"), page(record).encode())


def _entry(report):
    said = [list(value) for name, value in report.user_properties if name == "survived"]
    elsewhere = [[*note, 1] for place, note in _ELSEWHERE.items() if report.nodeid.startswith(place)]
    entry = {
        "test": re.sub(r"@\w+$", "", report.nodeid),  # the group that pytest-xdist has put it in
        "outcome": report.outcome,
        "seconds": round(report.duration, 1),
        "survived": (said or elsewhere) if report.outcome == "passed" else [],
    }
    if report.outcome == "skipped":
        entry["why"] = report.longrepr[2].removeprefix("Skipped: ")
    return entry


def page(record):
    """The record for people."""
    machine, versions = record["machine"], record["versions"]
    times, tests = defaultdict(int), defaultdict(set)
    for entry in record["tests"]:
        for promise, fault, count in entry["survived"]:
            times[promise, fault] += count
            tests[promise, fault].add(entry["test"].partition("[")[0].rpartition("tests/")[2])
    rows = [
        f"| {promise}: {title} | {fault} | {times[promise, fault]:,} | {' '.join(sorted(tests[promise, fault]))} |"
        for promise, title in PROMISES.items()
        for fault in (sorted(fault for of, fault in times if of == promise) or ["–"])
    ]
    failed = [f"- {entry['test']}" for entry in record["tests"] if entry["outcome"] == "failed"]
    skipped = [f"- {entry['test']}: {entry['why']}" for entry in record["tests"] if entry["outcome"] == "skipped"]
    parts = [
        "# Faults survived",
        "Written by `scripts/faults`; the figures are in the JSON file beside this one, and what each promise means is "
        "in [reliability.md](../reliability.md).",
        f"{record['date']}, {machine['cores']} cores of {machine['cpu']}, {machine['system']}, {record['minutes']} "
        f"minutes. {', '.join(f'{name} {number}' for name, number in versions.items())}. "
        f"Tests failed: {len(failed)}.",
        "| promise | fault | times | in `tests/` |\n| --- | --- | --: | --- |\n" + "\n".join(rows),
    ]
    if failed:
        parts += ["## Failed", "\n".join(failed)]
    if skipped:
        parts += ["## Not run", "\n".join(skipped)]
    return "\n\n".join(parts) + "\n"
