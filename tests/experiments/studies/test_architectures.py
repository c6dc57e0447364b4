"""Sweeps of architectures: every combinator has a setting, of which names, plan, cost and grouping know."""

import functools

import pytest

import rnnx
from experiments import config, cost
from experiments.build import program_key
from experiments.studies import grammar, names, study
from experiments.studies.grid import axis, product
from experiments.trials import groups

SETTINGS = {
    "attention": {"task.name": "reverse", "model.attention": ("none", "dot")},
    "bidirectional": {"model.bidirectional": (False, True)},
    "dropout": {"objective.recurrent_dropout": (0.0, 0.2)},
    "layer_norm": {"model.layer_norm": (False, True)},
    "learned_initial_state": {"model.learned_initial_state": (False, True)},
    "random_truncation": {"objective.random_truncation": (0.0, 0.2)},
    "residual": {"model.layers": 2, "model.residual": (False, True)},
    "stack": {"model.layers": (1, 2)},
    "zoneout": {"objective.zoneout": (0.0, 0.2)},
}


@pytest.fixture
def base():
    given = config.default()
    given.cell.hidden_size, given.task.length, given.batch_size = 3, 5, 2
    return given


@pytest.mark.parametrize("name", rnnx.combinators.names())
def test_every_combinator_can_be_swept(base, tmp_path, name):
    """In Python and as text; the trials have names of their own, and are not trained as one program."""
    fixed = {field: value for field, value in SETTINGS[name].items() if not isinstance(value, tuple)}
    ((field, values),) = ((field, value) for field, value in SETTINGS[name].items() if isinstance(value, tuple))
    text = ";".join([f"{field}={','.join(map(str, values))}", *(f"{f}={value}" for f, value in fixed.items())])
    points = grammar.parse(text, lambda field: config.field_type(base, field))
    assert points == [{field: value} | fixed for value in values]
    plain, combined = study.resolve(base, points, tmp_path)
    assert f",{field.rpartition('.')[2]}={values[1]}/" in combined.name
    assert program_key(plain.config) != program_key(combined.config)
    assert len(groups.grouped([plain, combined], most=8)) == 2


def test_layers_and_directions_cost_what_they_are(base, tmp_path):
    points = product(axis("model.layers", 1, 2), axis("model.bidirectional", False, True))
    flops = [cost.training_flops(trial.config) for trial in study.resolve(base, points, tmp_path)]
    assert flops == sorted(set(flops))
    assert flops[1] == 2 * flops[0], "two cells, and a readout of both"


def test_a_sweep_over_all_of_them_has_names(base):
    text = "model.layers=1,2;model.bidirectional=False,True;objective.recurrent_dropout=0,0.2;engine=scan,fused"
    points = grammar.parse(text, functools.partial(config.field_type, base))
    found = names.names(points, [config.parse(base)] * len(points))
    assert len(set(found)) == 16
    assert found[-1] == "adding/lstm,engine=fused,bidirectional=True,layers=2,recurrent_dropout=0.2/T5/seed0"


def test_a_name_is_told_by_what_it_is_of(base):
    points = grammar.parse(
        "model.name=sequence,windowed;schedule.name=cosine,constant", functools.partial(config.field_type, base)
    )
    found = names.names(points, [config.parse(base)] * len(points))
    assert found[0] == "adding/lstm,model=sequence,schedule=cosine/T5/seed0"
