"""Configs: complete, checked, and told apart."""

import dataclasses
import json

import pytest

import rnnx
from experiments import config
from experiments.config import ConfigError


def test_a_record_holds_every_option_of_the_cell():
    given = config.default()
    given.cell.forget_bias = 0.5
    plain = config.parse(given).to_dict()
    assert plain["cell"] == {
        "name": "lstm",
        "hidden_size": 64,
        "bias_initializer": "zeros",
        "forget_bias": 0.5,
        "input_initializer": "glorot_uniform",
        "recurrent_initializer": "orthogonal",
    }
    assert json.loads(json.dumps(plain)) == plain


def test_a_record_holds_policies_with_their_numbers():
    given = config.default()
    given.cell.recurrent_initializer = "sparse(15, 0.95)"
    given.cell.bias_initializer = "chrono(750)"
    cell = config.parse(given).to_dict()["cell"]
    assert (cell["recurrent_initializer"], cell["bias_initializer"]) == ("sparse(15, 0.95)", "chrono(750)")


@pytest.mark.parametrize("name", rnnx.cells.names())
def test_every_cell_can_be_named_and_built(name):
    given = config.default()
    given.cell.name = name
    given.cell.hidden_size = 3
    assert config.cell(config.parse(given)).output_size == 3


def test_hashes_follow_the_content():
    one = config.parse(config.default())
    assert hash(one) == hash(dataclasses.replace(one)) != hash(dataclasses.replace(one, seed=1))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("batch_size", True, "batch_size must be a whole number of at least 1, not True"),
        ("steps", 0, "steps must be a whole number"),
        ("seed", -1, "seed must be a whole number of at least 0"),
        ("learning_rate", float("inf"), "learning_rate must be a finite number"),
        ("clip_norm", 0.0, "clip_norm must be a finite number above 0"),
        ("measurements", ("state_gradent",), "did you mean 'state_gradient'?"),
    ],
)
def test_bad_values_are_named(field, value, message):
    given = config.default()
    with given.ignore_type():
        given[field] = value
    with pytest.raises(ConfigError, match=message.replace("?", r"\?")):
        config.parse(given)


def test_differences_are_named_with_both_values():
    one = config.parse(config.default())
    other = dataclasses.replace(one, seed=3, cell=dataclasses.replace(one.cell, size=8))
    assert config.difference(one.to_dict(), other.to_dict()) == (
        "cell.hidden_size (64 there, 8 here), seed (0 there, 3 here)"
    )
