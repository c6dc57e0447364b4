"""Points of sweeps as text: the same lists as are put together in Python."""

import doctest
import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments import config
from experiments.config import ConfigError
from experiments.studies import grammar
from experiments.studies.grid import axis, product, when, zip_axes

kind = functools.partial(config.field_type, config.default())


def test_the_example_is_right():
    assert doctest.testmod(grammar, optionflags=doctest.NORMALIZE_WHITESPACE) == (0, 1)


@pytest.mark.parametrize(
    ("spec", "built"),
    [
        ("seed=0:3", axis("seed", 0, 1, 2)),
        ("seed=0:2, 7, 10:12", axis("seed", 0, 1, 7, 10, 11)),
        ("learning_rate=1e-3,3e-4;", axis("learning_rate", 1e-3, 3e-4)),
        ("cell.reset_after=true,False", axis("cell.reset_after", True, False)),
        (
            "cell.recurrent_initializer=orthogonal, sparse(15, 0.95),normal(0.1)",
            axis("cell.recurrent_initializer", "orthogonal", "sparse(15, 0.95)", "normal(0.1)"),
        ),
        (
            "cell.name=rnn,lstm,gru;task.length=16,64,256;seed=0:8",
            product(axis("cell.name", "rnn", "lstm", "gru"), axis("task.length", 16, 64, 256), axis("seed", *range(8))),
        ),
        (
            "(task.length, steps) = (16, 1000), (64, 4000)",
            zip_axes(axis("task.length", 16, 64), axis("steps", 1000, 4000)),
        ),
        (
            "(cell.recurrent_initializer,clip_norm)=(sparse(15,0.95),1),(orthogonal,0)",
            zip_axes(axis("cell.recurrent_initializer", "sparse(15,0.95)", "orthogonal"), axis("clip_norm", 1.0, 0.0)),
        ),
        (
            "cell.name=rnn,lstm,gru; cell.forget_bias=0,1 if cell.name=lstm; seed=0:2",
            product(
                axis("cell.name", "rnn", "lstm", "gru"),
                when(axis("cell.forget_bias", 0.0, 1.0), axis("cell.name", "lstm")),
                axis("seed", 0, 1),
            ),
        ),
        (
            "cell.name=rnn,lstm,minlstm; cell.forget_bias=0 if cell.name=lstm,minlstm",
            product(
                axis("cell.name", "rnn", "lstm", "minlstm"),
                when(axis("cell.forget_bias", 0.0), axis("cell.name", "lstm", "minlstm")),
            ),
        ),
        (
            "cell.name=lstm,gru;task.length=8,16;(steps,seed)=(50,1),(100,2) if (cell.name,task.length)=(gru,16)",
            product(
                axis("cell.name", "lstm", "gru"),
                axis("task.length", 8, 16),
                when(
                    zip_axes(axis("steps", 50, 100), axis("seed", 1, 2)),
                    zip_axes(axis("cell.name", "gru"), axis("task.length", 16)),
                ),
            ),
        ),
    ],
)
def test_text_and_functions_build_the_same_list(spec, built):
    found = grammar.parse(spec, kind)
    assert found == built
    # True == 1 == 1.0, so types are compared by themselves.
    assert [[type(value) for value in point.values()] for point in found] == [
        [type(value) for value in point.values()] for point in built
    ]


VALUES = {
    "seed": st.integers(0, 10**9),
    "learning_rate": st.floats(1e-30, 1e30),
    "cell.reset_after": st.booleans(),
    "cell.input_initializer": st.sampled_from(["orthogonal", "sparse(15, 0.95)", "uniform(-1, 1)"]),
}
AXES = st.lists(st.sampled_from(sorted(VALUES)), min_size=1, unique=True).flatmap(
    lambda fields: st.fixed_dictionaries({field: st.lists(VALUES[field], min_size=1, max_size=3) for field in fields})
)


@given(AXES)
def test_any_product_can_be_written(axes):
    spec = ";".join(f"{field}={','.join(map(str, values))}" for field, values in axes.items())
    assert grammar.parse(spec, kind) == product(*(axis(field, *values) for field, values in axes.items()))


@given(AXES)
def test_any_axes_that_go_together_can_be_written(axes):
    rows = list(zip(*axes.values(), strict=False))
    columns = zip(*rows, strict=True)
    spec = f"({','.join(axes)})={','.join('(' + ','.join(map(str, row)) + ')' for row in rows)}"
    assert grammar.parse(spec, kind) == zip_axes(
        *(axis(field, *column) for field, column in zip(axes, columns, strict=True))
    )


def test_a_condition_leaves_the_others_as_they_are_and_the_order_as_it_was():
    found = grammar.parse("seed=0:2;cell.name=lstm,gru;cell.forget_bias=0,1 if cell.name=lstm", kind)
    assert found == [
        {"seed": 0, "cell.name": "lstm", "cell.forget_bias": 0.0},
        {"seed": 0, "cell.name": "lstm", "cell.forget_bias": 1.0},
        {"seed": 0, "cell.name": "gru"},
        {"seed": 1, "cell.name": "lstm", "cell.forget_bias": 0.0},
        {"seed": 1, "cell.name": "lstm", "cell.forget_bias": 1.0},
        {"seed": 1, "cell.name": "gru"},
    ]


def test_a_condition_can_rest_on_an_axis_with_a_condition():
    found = grammar.parse(
        "cell.name=lstm,gru;cell.forget_bias=0,1 if cell.name=lstm;seed=3 if cell.forget_bias=1", kind
    )
    assert found == [
        {"cell.name": "lstm", "cell.forget_bias": 0.0},
        {"cell.name": "lstm", "cell.forget_bias": 1.0, "seed": 3},
        {"cell.name": "gru"},
    ]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("", "--sweep is empty"),
        (" ; ", "--sweep is empty"),
        ("seed", "'seed' is not of the form field=value,value"),
        ("seed=", "'seed=' is not of the form"),
        ("=3", "'=3' is not of the form"),
        ("seed=0:2;cell.name", "'cell.name' is not of the form"),
        ("seed=1,,2", "seed has an empty value"),
        ("cell.name=rnn,", "cell.name has an empty value"),
        ("cell.nam=rnn", r"no config field named 'cell.nam'; did you mean 'cell.name'\?"),
        ("seed=3:1", "the range '3:1' is not of the form start:stop"),
        ("seed=0:", "the range '0:'"),
        ("seed=-1:2", "the range '-1:2'"),
        ("task.length=16,x", "task.length must be a whole number, not 'x'"),
        ("steps=1e3", "steps must be a whole number, not '1e3'"),
        ("learning_rate=0:4", "learning_rate must be a number, not '0:4'"),
        ("cell.reset_after=yes", "cell.reset_after must be true or false, not 'yes'"),
        ("diagnostics=gates", "diagnostics is a list of names, which a study's sweep"),
        ("cell.name=rnn;cell.name=lstm", "two of the sweep's axes set cell.name"),
        ("(seed,seed)=(0,1)", "two of the sweep's axes set seed"),
        ("cell.recurrent_initializer=sparse(15,0.95", "brackets of .* do not match"),
        ("cell.recurrent_initializer=sparse)15(", "brackets of .* do not match"),
        ("(task.length,steps)=(16,100),(64)", r"\(64\) does not have a value for each of \(task.length,steps\)"),
        ("(task.length,steps)=16,100", "'16' should be in brackets"),
        ("(task.length,stps)=(16,100)", r"no config field named 'stps'; did you mean 'steps'\?"),
        ("seed=0:2;cell.forget_bias=0 if", "cell.forget_bias must be a number, not '0 if'"),
        ("cell.name=lstm;cell.forget_bias=0 if lstm", "'cell.forget_bias=0 if lstm' is not of the form"),
        ("cell.forget_bias=0 if cell.name=lstm", "holds for no trial: no axis before it sets cell.name"),
        (
            "cell.name=rnn,lstm;cell.forget_bias=0,1 if cell.name=lsmt",
            "cell.forget_bias if cell.name=lsmt holds for no trial: cell.name is rnn or lstm",
        ),
        ("cell.name=lstm;seed=0 if cell.nme=lstm", r"no config field named 'cell.nme'; did you mean 'cell.name'\?"),
    ],
)
def test_a_part_that_cannot_be_read_is_named(spec, message):
    with pytest.raises(ConfigError, match=message):
        grammar.parse(spec, kind)
