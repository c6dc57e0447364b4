"""Every tag of every diagnostic is declared in its file, every declaration has its tag, and the page follows."""

import functools
from pathlib import Path

import jax
import pytest

import rnnx
from rnnx.diagnostics.__main__ import with_tables
from tests.helpers import attending
from tests.variants import example

PAGE = Path(__file__).parents[2] / "docs" / "measurements.md"


@functools.cache
def flows():
    """Of cells that have all there is: a plain one, one with gates, one backward. Traced only."""

    def forward(variant):
        cell, params, _, xs = example(variant)
        flow = functools.partial(rnnx.gradient_flow, cell, loss=lambda ys: ys[-1].sum())
        return jax.eval_shape(flow, params, xs)

    def backward(variant):
        cell, params, _, xs = example(variant)

        def loss(params, run):
            return run("", cell, params, xs, reverse=True).outputs[-1].sum()

        return jax.eval_shape(lambda params: rnnx.gradient_flows(loss, params)[2][""], params)

    return forward("rnn"), forward("lstm"), backward("lstm")


def tags(name):
    of = [attending.flow()] if name == "attention" else flows()
    return {tag for flow in of for tag in jax.eval_shape(rnnx.diagnostics.get(name), flow)}


@pytest.mark.parametrize("name", rnnx.diagnostics.names())
def test_a_tag_and_its_declaration(name):
    emitted, declared = tags(name), rnnx.diagnostics.tags(name)
    assert emitted
    for tag in emitted:
        assert sum(one.declares(tag) for one in declared) == 1, tag
    for one in declared:
        assert one.name.startswith(f"{name}/")
        assert one.meaning
        assert any(one.declares(tag) for tag in emitted), one.name
        quartiles = {tag for tag in emitted if one.declares(tag) and tag.endswith(("_q25", "_q75"))}
        assert bool(quartiles) == one.quartiles, one.name


def test_the_page_is_that_of_the_declarations():
    """If not: python -m rnnx.diagnostics docs/measurements.md"""
    page = PAGE.read_text(encoding="utf-8")
    assert with_tables(page) == page
