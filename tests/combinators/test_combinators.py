"""What every combinator keeps to; the laws of cells run on what they make, in tests/variants.py."""

import inspect

import jax
import pytest

import rnnx

# What else a combinator cannot do without.
NEEDED = {
    "attention": {"memory_size": 3},
    "dropout": {"key": jax.random.key(0)},
    "random_truncation": {"key": jax.random.key(0), "probability": 0.1},
    "zoneout": {"rate": 0.1},
}

every_combinator = pytest.mark.parametrize("name", rnnx.combinators.names())


@every_combinator
def test_it_is_a_public_name_and_explained(name):
    combinator = rnnx.combinators.get(name)
    assert getattr(rnnx, name) is combinator
    assert name in rnnx.__all__
    for section in ("Args:", "Raises:", ">>> "):
        assert section in combinator.__doc__, section
    for argument in inspect.signature(combinator).parameters:
        assert f"{argument}: " in combinator.__doc__, argument


@every_combinator
@pytest.mark.parametrize("wrong", [rnnx.rnn, [rnnx.rnn(2)], "lstm", None])
def test_what_is_not_a_cell_is_refused_in_one_line(name, wrong):
    cells = (rnnx.rnn(2), wrong) if name == "bidirectional" else (wrong,)
    with pytest.raises(ValueError, match=rf"^{name} takes cells, such as rnnx\.lstm\(hidden_size=8\), not [^\n]*\.$"):
        rnnx.combinators.get(name)(*cells, **NEEDED.get(name, {}))
