"""Costs of training, against counts by hand."""

import pytest

from experiments import config, cost


def of(**fields):
    given = config.default()
    given.update_from_flattened_dict({"cell.hidden_size": 8, "task.length": 10, "batch_size": 3, **fields})
    return config.parse(given)


@pytest.mark.parametrize(
    ("cell", "weights", "rest"),
    [
        # The adding problem: two inputs, one output.
        ("rnn", 2 * 8 + 8 * 8 + 8, 8 + 1),
        ("lstm", 4 * (2 * 8 + 8 * 8) + 8, 4 * 8 + 1),
        ("minlstm", 3 * 2 * 8 + 8, 3 * 8 + 1),
        # B and C have a real and an imaginary part; λ and γ go element by element.
        ("lru", 2 * 2 * 8 + 2 * 8 * 8 + 2 * 8 + 8, 3 * 8 + 1),
    ],
)
def test_weights_of_products_count_six_times_and_all_are_parameters(cell, weights, rest):
    chosen = of(**{"cell.name": cell})
    assert cost.training_flops(chosen) == 6 * weights * 10 * 3
    assert cost.parameters(chosen) == weights + rest


def test_initial_values_and_the_number_of_steps_change_no_step():
    assert cost.training_flops(of(steps=100)) == cost.training_flops(of(**{"cell.forget_bias": 0.0, "seed": 3}))
