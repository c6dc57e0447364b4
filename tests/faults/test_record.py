"""The record of faults, its page, and the table of promises in docs/reliability.md."""

import ast
import json
import re

from tests.experiments.commands import ROOT
from tests.faults.record import PROMISES, page

DOCUMENT = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
SAVED = ROOT / "docs" / "faults" / "survived.json"


def entry(test, outcome="passed", survived=(), **more):
    return {"test": f"tests/faults/{test}", "outcome": outcome, "seconds": 1.0, "survived": list(survived), **more}


def record(*tests):
    machine = {"cpu": "an abacus", "cores": 2, "system": "Linux x86_64"}
    return {"date": "2026-01-02", "minutes": 3.5, "machine": machine, "versions": {"jax": "1.2"}, "tests": list(tests)}


def test_the_page_adds_up_what_was_survived():
    written = page(
        record(
            entry("test_a.py::test_x[1]", survived=[["R1", "kill -9", 5]]),
            entry("test_a.py::test_x[2]", survived=[["R1", "kill -9", 7], ["R14", "kill -9", 7]]),
            entry("test_b.py::test_y", survived=[["R1", "power cut", 1000]]),
        )
    )
    rows = [line for line in written.splitlines() if re.match(r"\| R\d", line)]
    assert rows[0] == f"| R1: {PROMISES['R1']} | kill -9 | 12 | faults/test_a.py::test_x |"
    assert rows[1] == f"| R1: {PROMISES['R1']} | power cut | 1,000 | faults/test_b.py::test_y |"
    assert rows[2] == f"| R2: {PROMISES['R2']} | – | 0 |  |"
    assert "Tests failed: 0." in written
    assert "## " not in written


def test_the_page_names_what_failed_and_what_was_not_run():
    written = page(record(entry("t.py::a", "failed"), entry("t.py::b", "skipped", why="no root")))
    assert "Tests failed: 1." in written
    assert "## Failed\n\n- tests/faults/t.py::a\n" in written
    assert written.endswith("## Not run\n\n- tests/faults/t.py::b: no root\n")


def test_the_committed_page_is_that_of_the_committed_record():
    saved = json.loads(SAVED.read_text(encoding="utf-8"))
    assert SAVED.with_suffix(".md").read_text(encoding="utf-8") == page(saved)
    assert not [entry["test"] for entry in saved["tests"] if entry["outcome"] == "failed"]


def test_every_promise_has_a_row_whose_tests_exist():
    rows = {row.split("|")[1].strip(): row for row in DOCUMENT.splitlines() if re.match(r"\| R\d", row)}
    assert rows.keys() == PROMISES.keys()
    for promise, row in rows.items():
        named = re.findall(r"`([\w/]+\.py)(?:::(\w+))?`", row)
        assert named, promise
        for path, test in named:
            tree = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
            functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
            assert not test or test in functions, f"{promise}: {path} has no {test}"
