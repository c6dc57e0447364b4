"""Configs: complete, checked, and told apart."""

import dataclasses
import inspect
import json
import re

import jax
import numpy as np
import optax
import pytest
from ml_collections import ConfigDict

from experiments import build, config
from experiments.build import initial
from experiments.config import ConfigError
from experiments.studies import study
from rnnx import data
from rnnx.pytrees import flatten_dict
from rnnx.training import program as training
from rnnx.training.objective import Objective
from tests.experiments import study_small
from tests.variants import CELLS


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


@pytest.mark.parametrize("name", CELLS)
def test_every_cell_can_be_named_and_built(name):
    given = config.default()
    given.cell.name = name
    given.cell.hidden_size = 3
    assert build.cell(config.parse(given)).output_size == 3


def test_hashes_follow_the_content():
    one = config.parse(config.default())
    assert hash(one) == hash(dataclasses.replace(one)) != hash(dataclasses.replace(one, seed=1))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("batch_size", True, "batch_size must be a whole number of at least 1, not True"),
        ("steps", 0, "steps must be a whole number"),
        ("seed", -1, "seed must be a whole number of at least 0"),
        ("seed", 2**32, "seed must be a whole number below 4294967296, not 4294967296"),
        ("objective.flossing_steps", 2**31, "flossing_steps must be a whole number below 2147483648, not 2147483648"),
        ("learning_rate", float("inf"), "learning_rate must be a finite number"),
        ("clip_norm", -1.0, "clip_norm must be a number of at least 0, where 0 is for none, not -1.0"),
        ("optimizer", "sdg", "did you mean 'sgd'?"),
        ("weight_decay", 0.1, "weight_decay = 0.1: the optimizer 'adam' has none; 'adamw' has."),
        ("momentum", 0.9, "momentum = 0.9: the optimizer 'adam' has none; 'sgd' has."),
        ("initial_sum", 0.5, "initial_sum = 0.5: the optimizer 'adam' has none; 'adagrad' has."),
        (
            "l2",
            "cells",
            "l2 = 'cells': 'cells' must be a group of parameters with a number above 0, as in readout=1e-4.",
        ),
        ("l2", "cell=0.1", "no group of parameters named 'cell'; did you mean 'cells'?"),
        ("sgd_rates", "readout=-1", "sgd_rates = 'readout=-1': 'readout=-1' must be a group of parameters"),
        ("restart_every", -1, "restart_every must be a whole number of at least 0, not -1"),
        ("clip_value", 0.5, "clip_norm and clip_value are two ways to clip the gradient: set one of them to 0."),
        ("schedule.name", "cosine", "no schedule named 'cosine'; did you mean 'warmup_cosine'?"),
        ("schedule.name", "step", "schedule.transition_steps must be a whole number of at least 1, not 0"),
        ("schedule.warmup_steps", 5, "the schedule 'constant' has no such option; it takes no options"),
        ("patience", -1, "patience must be a whole number of at least 0, not -1"),
        ("best_metric", "heldout/within", "did you mean 'heldout/within_0.1'?"),
        ("precision", "float16", "did you mean 'bfloat16'?"),
        ("objective.truncate", -4, "truncate must be a whole number of at least 0"),
        ("objective.random_truncation", 1.0, "random_truncation must be a probability of at least 0 and below 1"),
        ("objective.omega", -2.0, "omega must be a number of at least 0"),
        ("objective.flossing_steps", 1.5, "flossing_steps must be a whole number of at least 0"),
        ("diagnostics", ("state_gradent",), "did you mean 'state_gradient'?"),
        ("diagnostics", ("surprise",), "'surprise' is a reading, and no diagnostic: experiments.analyze takes it"),
    ],
)
def test_bad_values_are_named(field, value, message):
    given = config.default()
    section, _, leaf = field.rpartition(".")
    with given.ignore_type():
        (given[section] if section else given)[leaf] = value
    with pytest.raises(ConfigError, match=re.escape(message)):
        config.parse(given)


def test_what_is_left_empty_is_as_optax_has_it_and_a_decay_lasts_as_long_as_training():
    given = config.default()
    given.optimizer, given.schedule.name, given.schedule.warmup_steps, given.steps = "adamw", "warmup_cosine", 50, 400
    parsed = config.parse(given)
    assert parsed.weight_decay == inspect.signature(optax.adamw).parameters["weight_decay"].default
    assert dict(parsed.schedule.options) == {"alpha": 0.0, "decay_steps": 400, "warmup_steps": 50}
    assert config.restore(flatten_dict(parsed.to_dict())) == parsed
    given.best_metric, given.patience = "", 1
    with pytest.raises(ConfigError, match=r"^patience needs a best_metric .*, such as heldout/loss\.$"):
        config.parse(given)


@pytest.mark.parametrize(("cell", "S"), [("rnn", 4), ("lstm", 8), ("lru", 8)])
def test_no_more_exponents_are_flossed_than_the_state_has_numbers(cell, S):
    """Of an LSTM h and c; of an LRU real and imaginary parts."""
    given = study_small.get_config()
    given.cell.name, given.objective.flossing_steps, given.objective.flossing_exponents = cell, 10, S
    assert config.parse(given).objective.flossing_exponents == S
    given.objective.flossing_exponents = S + 1
    with pytest.raises(
        ConfigError, match=f"^flossing_exponents must be at most {S}, .*, not {S + 1}: there are no more"
    ):
        config.parse(given)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"task.name": "adding"},
            r"^objective.carry_state is for tasks that have a stream, such as characters; the task 'adding' has none",
        ),
        ({"model.bidirectional": True}, "^the part 'backward' runs in reverse, and can't read on from batch to batch"),
        ({"batch_size": 30}, r"^batch_size must be at most 29, the stretches of 5 characters to train on, not 30: "),
        ({"batch_size": 29, "model.layers": 2}, None),
    ],
)
def test_a_state_is_carried_where_task_and_model_read_on(monkeypatch, settings, message):
    """Of 160 letters 144 are trained on; what can't be is said before anything compiles."""
    monkeypatch.setattr(data, "texts", lambda: ("tinyshakespeare",))
    monkeypatch.setattr(data, "get", lambda name: lambda: data.Text("short", "abcdefghij" * 16, "0"))
    given = study_small.get_config()
    given.update_from_flattened_dict(
        {"task.name": "characters", "task.length": 5, "objective.carry_state": True} | settings
    )
    if message:
        with pytest.raises(ConfigError, match=message):
            config.parse(given)
    else:
        carried = jax.eval_shape(initial(config.parse(given))).carried
        assert {part: state.h.shape[0] for part, state in carried.items()} == {"layer0": 29, "layer1": 29}


def test_held_out_text_is_longer_than_a_sequence(monkeypatch, tmp_path):
    """A tenth of the text is held out; that the rest would do is no help. In a sweep the trial is named."""
    text = data.Text("short", "abcdefghij" * 20, "0")
    monkeypatch.setattr(data, "get", lambda name: lambda: text)
    monkeypatch.setattr(data, "texts", lambda: ("shakespeare",))
    base = study_small.get_config()
    base.task.name, base.task.corpus, base.task.length = "characters", "shakespeare", 19
    config.parse(base)
    base.task.length = 20
    message = "length must be below 20, the characters held out, not 20."
    with pytest.raises(ConfigError) as refused:
        config.parse(base)
    assert str(refused.value) == message
    with pytest.raises(ConfigError) as refused:
        study.resolve(base, [{"task.length": 19}, {"task.length": 20}], tmp_path)
    assert str(refused.value) == f"{message} (In the trial of task.length=20.)"


def test_a_seed_is_any_number_of_32_bits():
    """The same from a record, and to JAX what it is to NumPy; a plain number would be an int32."""
    given = study_small.get_config()
    given.cell.name = "rnn"
    kernels = {}
    for seed in (0, 2**31 - 1, 2**31, 2**32 - 1):
        given.seed = seed
        parsed = config.parse(given)
        assert config.restore(flatten_dict(json.loads(json.dumps(parsed.to_dict())))) == parsed
        kernels[seed] = np.asarray(initial(parsed)().params["cells"]["cell"].recurrent_kernel)
        by_hand = training.split(build.model(parsed), training._keys(np.uint32(seed))[0])[1]
        np.testing.assert_allclose(
            kernels[seed], by_hand["cells"]["cell"].recurrent_kernel, atol=1e-6
        )  # fused otherwise
    assert len({kernel.tobytes() for kernel in kernels.values()}) == 4


@pytest.mark.parametrize(
    ("change", "nearest"),
    [
        ({"learnig_rate": 0.5}, "learning_rate"),
        ({"cell": {"forget_bais": 0.5}}, "forget_bias"),
        ({"task": {"lenght": 5}}, "length"),
    ],
)
def test_a_field_that_there_is_not_can_be_neither_set_nor_kept(change, nearest):
    given = config.default()
    with pytest.raises(ConfigError, match=rf"did you mean '{nearest}'\?"):
        given.update(change)
    given.unlock().update(change)
    with pytest.raises(ConfigError, match=rf"did you mean '(cell\.|task\.)?{nearest}'\?"):
        config.parse(given)


@pytest.mark.parametrize(
    ("field", "section"),
    [("objective.drpout", "objective"), ("cell.nam", "cell"), ("foo", "")],
)
def test_of_the_fields_there_are_those_of_the_nearest_section_are_told(field, section):
    with pytest.raises(ConfigError) as refused:
        config.field_type(config.default(), field)
    told = str(refused.value).partition("Known: ")[2].removesuffix(".").split(", ")
    assert {name.rpartition(".")[0] for name in told if not name.endswith(".…")} == {section}
    assert ("model.…" in told) == (not section)


def test_what_is_not_a_config_is_said_to_be_none():
    with pytest.raises(ConfigError, match=r"what config\.default\(\) returns, with changes, not None"):
        config.parse(None)
    given = config.default().unlock()
    del given["steps"]
    with pytest.raises(ConfigError, match="has no field steps: start from"):
        config.parse(given)


def test_numbers_of_numpy_are_numbers():
    plain, numpy = config.default(), config.default()
    plain.cell.name, numpy.cell.name = "gru", np.str_("gru")
    plain.cell.reset_after, numpy.cell.reset_after = False, np.bool_(False)
    plain.cell.hidden_size, numpy.cell.hidden_size = 3, np.int64(3)
    plain.seed, numpy.seed = 5, np.uint8(5)
    plain.learning_rate, numpy.learning_rate = 0.25, np.float32(0.25)
    plain.clip_norm, numpy.clip_norm = 0.5, np.float64(0.5)
    plain.diagnostics, numpy.diagnostics = ("gates",), [np.str_("gates")]
    one, other = config.parse(plain), config.parse(numpy)
    assert repr(one) == repr(other)  # in which a number of NumPy is not written as one
    assert json.dumps(one.to_dict()) == json.dumps(other.to_dict())
    assert config.restore(flatten_dict(json.loads(json.dumps(other.to_dict())))) == one
    for field, value in (("seed", np.bool_(True)), ("seed", np.float32(2)), ("learning_rate", np.bool_(True))):
        with pytest.raises((TypeError, ConfigError)):
            config.parse(ConfigDict(numpy.to_dict() | {field: value}))


def test_every_setting_of_training_reaches_it():
    given = config.default()
    given.optimizer, given.clip_norm, given.precision = "sgd", 0.0, "bfloat16"
    (
        given.objective.truncate,
        given.objective.omega,
        given.objective.flossing_steps,
        given.objective.flossing_exponents,
    ) = 7, 2.0, 50, 3
    parsed = config.parse(given)
    assert parsed.objective == Objective(truncate=7, omega=2.0, flossing_steps=50, flossing_exponents=3)
    given.objective.truncate, given.objective.omega, given.objective.random_truncation = 0, 0.0, 0.25
    assert config.parse(given).objective.random_truncation == 0.25
    program = build.program(parsed)
    state = jax.eval_shape(program.init, 0)
    # Gradient descent keeps the step before, for its momentum, and no squares.
    assert len(jax.tree.leaves(state.opt_state)) == len(jax.tree.leaves(state.params))
    trained = jax.make_jaxpr(program.train)(state, build.hyperparameters(parsed))
    assert "bf16[" in str(trained)


def test_clipping_at_zero_is_none():
    """At a norm of 0 all gradients would be clipped to nothing."""
    given = study_small.get_config()
    given.cell.name, given.clip_norm = "rnn", 0.0
    parsed = config.parse(given)
    program = build.program(parsed)
    before = jax.device_get(program.init(0).params)

    def of_cell(params):
        return params["cells"]["cell"]

    after, _ = program.train(program.init(0), build.hyperparameters(parsed))
    assert (of_cell(after.params).recurrent_kernel != of_cell(before).recurrent_kernel).all()


def test_a_record_gives_its_config_back():
    given = config.default()
    given.cell.name, given.cell.recurrent_initializer, given.objective.truncate = "rnn", "sparse(15, 0.95)", 7
    parsed = config.parse(given)
    record = flatten_dict(json.loads(json.dumps(parsed.to_dict())))
    assert config.restore(record) == parsed
    older = {field: value for field, value in record.items() if field not in ("objective.omega", "optimizer")}
    assert config.restore(older) == parsed
    with pytest.raises(ConfigError, match=r"did you mean 'cell\.name'\?"):
        config.restore(record | {"cell.nam": "rnn"})


def test_differences_are_named_with_both_values():
    one = config.parse(config.default())
    other = dataclasses.replace(
        one,
        seed=3,
        cell=dataclasses.replace(one.cell, options=tuple((dict(one.cell.options) | {"hidden_size": 8}).items())),
    )
    assert config.difference(one.to_dict(), other.to_dict()) == (
        "cell.hidden_size (64 there, 8 here), seed (0 there, 3 here)"
    )


def test_the_model_is_the_tasks_own_unless_it_is_named():
    given = config.default()
    alone = {
        "bidirectional": False,
        "layer_norm": False,
        "layers": 1,
        "learned_initial_state": False,
        "residual": False,
    }
    assert config.parse(given).to_dict()["model"] == {"name": "sequence", "tied_embedding": False} | alone
    given.task.name, given.cell.name = "reverse", "gru"
    assert config.parse(given).model == config.Section("encoder_decoder", (("attention", "additive"), *alone.items()))
    given.model.attention = "dot"
    assert dict(config.parse(given).model.options)["attention"] == "dot"
    given.task.name, given.cell.name = "tournament", "rntn"
    with pytest.raises(
        ConfigError, match=r"^model\.attention = 'dot': the model 'recursive' .*; it takes no options\.$"
    ):
        config.parse(given)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model.name": "sequnce"}, "no model named 'sequnce'; did you mean 'sequence'?"),
        ({"model.layers": 0}, "model.layers must be a whole number of at least 1, not 0."),
        ({"model.layer_norm": True, "cell.name": "mingru"}, "layer_norm needs a cell of form Dense"),
        ({"task.name": "tournament"}, "the model 'recursive' runs over trees and needs a cell of form Tree"),
        ({"cell.name": "rntn"}, "the model 'sequence' runs over time, and this cell over trees"),
        (
            {"task.name": "reverse", "model.name": "sequence"},
            "the model 'sequence' fails on the task 'reverse', whose own",
        ),
        ({"task.name": "reverse", "cell.name": "lru"}, "attention asks by what the cell gave out last"),
        ({"engine": "fsued"}, "no engine named 'fsued'; did you mean 'fused'?"),
        ({"engine": "fused", "cell.name": "mingru"}, "engine 'fused' is for cells of form Dense"),
        ({"engine": "fused", "task.name": "reverse"}, "decoder: engine 'fused' is for cells of form Dense"),
        ({"objective.recurrent_dropout": 0.1, "cell.name": "lru"}, "recurrent dropout needs a cell of form Dense"),
        (
            {"objective.zoneout": 0.1, "task.name": "tournament", "cell.name": "rntn"},
            "tree: zoneout takes cells that run over time, and this one runs over trees.",
        ),
        ({"diagnostics": ("gates", "paths", "gates")}, "diagnostics must be named once each, not gates, paths, gates."),
        ({"remat": "sqr"}, "remat must be None, 'full', 'sqrt' or a whole number of steps, not 'sqr'."),
    ],
)
def test_an_architecture_that_can_not_be_is_refused_before_anything_compiles(changes, message):
    given = config.default()
    given.update_from_flattened_dict(changes)
    with pytest.raises(ConfigError) as refused:
        config.parse(given)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model.name": "da_rnn", "model.window": 20}, "the model 'da_rnn' looks at the last 20 steps (window), and "),
        ({"model.name": "lstnet", "cell.name": "recursive"}, "the model 'lstnet' runs over time, and this cell over"),
        ({"model.name": "da_rnn", "cell.name": "lru"}, "what is weighed anew at each step is no input of the output"),
        (
            {"model.name": "dsanet", "model.window": 9, "model.layers": 1, "objective.dropout": 0.1},
            "dropout is for models with a recurrent part, and this one has none: set it to 0.",
        ),
    ],
)
def test_a_network_that_can_not_forecast_from_what_it_is_given_is_refused(tmp_path, changes, message):
    path = tmp_path / "my.csv"
    path.write_text("wind\n" + "\n".join(str(t * t % 7) for t in range(100)))
    given = config.default()
    given.update_from_flattened_dict({"task.name": "series", "task.path": str(path), "task.length": 12} | changes)
    with pytest.raises(ConfigError) as refused:
        config.parse(given)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(("text", "remat"), [("none", None), ("full", "full"), ("sqrt", "sqrt"), ("16", 16)])
def test_remat_is_a_text(text, remat):
    given = config.default()
    given.remat = text
    parsed = config.parse(given)
    assert parsed.remat == remat
    assert config.restore(flatten_dict(json.loads(json.dumps(parsed.to_dict())))) == parsed


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("task.horizn", "no config field named 'task.horizn'; did you mean 'task.horizon'?"),  # and not 28 more
        ("cell.nam", "no config field named 'cell.nam'; did you mean 'cell.name'? Known: cell.activation, "),
        ("zzz.qqq", "no config field named 'zzz.qqq'. Known: batch_size, best_metric, cell.…, "),
    ],
)
def test_a_field_that_is_unknown_is_told_with_no_long_list(field, told):
    with pytest.raises(ConfigError) as refused:
        config.field_type(config.default(), field)
    message = str(refused.value)
    assert message.startswith(told)
    assert len(message) < 800
    assert "task.horizon, " not in message
