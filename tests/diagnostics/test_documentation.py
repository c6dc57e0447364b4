"""Every tag of every measurement has its row in docs/measurements.md, and every row its measurement."""

import re
from pathlib import Path

import jax
import pytest

import rnnx
from tests.examples import example

DOCUMENT = Path(__file__).parents[2] / "docs" / "measurements.md"
ROWS = [line.split("|")[1] for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
DOCUMENTED = {tag for row in ROWS for tag in re.findall("`([^`]+)`", row)}


def tags(name):
    """Of a measurement, for cells that have all there is: a plain one, and one with gates. Traced only."""
    found = set()
    for variant in ("rnn", "lstm"):
        cell, params, _, xs = example(variant)

        def measure(params, xs, cell=cell):
            return rnnx.diagnostics.get(name)(rnnx.evidence(cell, params, xs, lambda ys: ys[-1].sum()))

        found |= jax.eval_shape(measure, params, xs).keys()
    return found


@pytest.mark.parametrize("name", rnnx.diagnostics.names())
def test_a_tag_and_its_row(name):
    rows = {row: re.compile(re.sub(r"<\w+>", "[^/]+", row)) for row in DOCUMENTED if row.startswith(f"{name}/")}
    of_all = tags(name)
    assert of_all
    for tag in of_all:
        assert any(pattern.fullmatch(tag.removesuffix("_q25").removesuffix("_q75")) for pattern in rows.values()), tag
    for row, pattern in rows.items():
        assert any(pattern.fullmatch(tag) for tag in of_all) or row == "state_gradient/against_lag", row
