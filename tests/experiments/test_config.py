"""Configs: complete, checked, and told apart."""

import dataclasses
import json

import jax
import pytest

import rnnx
from experiments import config
from experiments.config import ConfigError
from rnnx.objective import Objective
from rnnx.settings import flatten
from tests.experiments import study_small


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
        ("clip_norm", -1.0, "clip_norm must be a number of at least 0, where 0 is for none, not -1.0"),
        ("optimizer", "sdg", "did you mean 'sgd'?"),
        ("precision", "float16", "did you mean 'bfloat16'?"),
        ("truncate", -4, "truncate must be a whole number of at least 0"),
        ("random_truncation", 1.0, "random_truncation must be a probability of at least 0 and below 1"),
        ("omega", -2.0, "omega must be a number of at least 0"),
        ("flossing_steps", 1.5, "flossing_steps must be a whole number of at least 0"),
        ("measurements", ("state_gradent",), "did you mean 'state_gradient'?"),
    ],
)
def test_bad_values_are_named(field, value, message):
    given = config.default()
    with given.ignore_type():
        given[field] = value
    with pytest.raises(ConfigError, match=message.replace("?", r"\?")):
        config.parse(given)


def test_every_setting_of_training_reaches_it():
    given = config.default()
    given.optimizer, given.clip_norm, given.precision = "sgd", 0.0, "bfloat16"
    given.truncate, given.omega, given.flossing_steps, given.flossing_exponents = 7, 2.0, 50, 3
    parsed = config.parse(given)
    assert parsed.objective == Objective(truncate=7, omega=2.0, flossing_steps=50, flossing_exponents=3)
    given.truncate, given.random_truncation = 0, 0.25
    assert config.parse(given).objective.random_truncation == 0.25
    program = config.build(parsed)
    state = jax.eval_shape(program.init, 0)
    assert jax.tree.leaves(state.opt_state) == []  # plain gradient descent keeps nothing
    trained = jax.make_jaxpr(program.train)(state, config.hyperparameters(parsed))
    assert "bf16[" in str(trained)


def test_clipping_at_zero_is_none():
    """At a norm of 0 all gradients would be clipped to nothing."""
    given = study_small.get_config()
    given.cell.name, given.clip_norm = "rnn", 0.0
    parsed = config.parse(given)
    program = config.build(parsed)
    before = jax.device_get(program.init(0).params)
    after, _ = program.train(program.init(0), config.hyperparameters(parsed))
    assert (after.params["cell"].recurrent_kernel != before["cell"].recurrent_kernel).all()


def test_a_record_gives_its_config_back():
    given = config.default()
    given.cell.name, given.cell.recurrent_initializer, given.truncate = "rnn", "sparse(15, 0.95)", 7
    parsed = config.parse(given)
    record = flatten(json.loads(json.dumps(parsed.to_dict())))
    assert config.restore(record) == parsed
    older = {field: value for field, value in record.items() if field not in ("omega", "optimizer")}
    assert config.restore(older) == parsed
    with pytest.raises(ConfigError, match=r"did you mean 'cell\.name'\?"):
        config.restore(record | {"cell.nam": "rnn"})


def test_differences_are_named_with_both_values():
    one = config.parse(config.default())
    other = dataclasses.replace(one, seed=3, cell=dataclasses.replace(one.cell, size=8))
    assert config.difference(one.to_dict(), other.to_dict()) == (
        "cell.hidden_size (64 there, 8 here), seed (0 there, 3 here)"
    )
