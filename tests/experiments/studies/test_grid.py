"""Points of sweeps, put together in Python; and those of the studies that are committed."""

import doctest
import importlib

import pytest

from experiments.config import ConfigError
from experiments.studies import grid
from experiments.studies.grid import axis, product, zip_axes
from rnnx import data


def test_the_examples_are_right():
    assert doctest.testmod(grid, optionflags=doctest.NORMALIZE_WHITESPACE).attempted >= 5
    assert doctest.testmod(grid, optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0


def test_lists_written_by_hand_are_axes():
    by_hand = [{"cell.name": "rnn"}, {"cell.name": "lstm", "cell.forget_bias": 0.0}]
    assert product(by_hand + axis("cell.name", "gru"), axis("seed", 1)) == [
        {"cell.name": "rnn", "seed": 1},
        {"cell.name": "lstm", "cell.forget_bias": 0.0, "seed": 1},
        {"cell.name": "gru", "seed": 1},
    ]


def test_mistakes_in_a_study_are_named():
    with pytest.raises(ConfigError, match="axis seed has no values"):
        axis("seed")
    with pytest.raises(ConfigError, match=r"as many values: task\.length has 2, steps has 3"):
        zip_axes(axis("task.length", 1, 2), axis("steps", 1, 2, 3))


def tasks():
    complete = data.available("shakespeare") and not data.available("tinyshakespeare")
    corpus = "shakespeare" if complete else "tinyshakespeare"
    return {"task.name": "adding"}, {"task.name": "characters", "task.corpus": corpus}


COMMITTED = {
    "architectures": lambda study: [
        {"cell.name": cell, "seed": seed} | architecture
        for cell in ("lstm", "gru")
        for architecture in study.ARCHITECTURES
        for seed in (0, 1)
    ],
    "clipping": lambda study: [
        way | {"task.length": length, "seed": seed}
        for length in (20, 50, 100)
        for way in study.WAYS
        for seed in range(3)
    ],
    "forget_bias": lambda study: [bias | {"seed": seed} for bias in study.BIASES for seed in range(3)],
    "gradient_flow": lambda study: [
        task | cell | {"task.length": length, "seed": seed}
        for task in tasks()
        for length in ((16, 32, 64, 128) if task["task.name"] == "adding" else (64,))
        for cell in study.CELLS
        for seed in range(5)
    ],
    "initialization": lambda study: [policy | {"seed": seed} for policy in study.POLICIES for seed in (0, 1)],
    "precision": lambda study: [
        {"cell.name": cell, "precision": precision, "task.length": length, "seed": seed}
        for length in (32, 64)
        for cell in ("rnn", "lstm", "gru")
        for precision in ("float32", "bfloat16")
        for seed in (0, 1)
    ],
    "trained_vs_initial": lambda study: [
        {"cell.name": cell, "seed": seed} for cell in ("rnn", "lstm", "gru") for seed in (0, 1)
    ],
    "truncation": lambda study: [cut | {"seed": seed} for cut in study.CUTS for seed in (0, 1)],
}


@pytest.mark.parametrize("name", COMMITTED)
def test_the_committed_studies_have_the_trials_that_their_results_are_of(name):
    study = importlib.import_module(f"configs.{name}")
    assert study.sweep() == COMMITTED[name](study)
