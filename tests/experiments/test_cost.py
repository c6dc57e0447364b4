"""Costs of training, against counts by hand."""

import jax
import jax.numpy as jnp
import pytest

from experiments import config, cost

T, B, H = 10, 3, 8


def of(**fields):
    given = config.default()
    given.update_from_flattened_dict({"cell.hidden_size": H, "task.length": T, "batch_size": B, **fields})
    return config.parse(given)


@pytest.mark.parametrize(
    ("cell", "data", "others", "rest"),
    [
        # The adding problem: two inputs, one output. The first weights are those of the inputs, the last ones biases.
        ("rnn", 2 * H, H * H + H, H + 1),
        ("lstm", 4 * 2 * H, 4 * H * H + H, 4 * H + 1),
        ("gru", 3 * 2 * H, 3 * H * H + H, 3 * H + H + 1),
        ("minlstm", 3 * 2 * H, H, 3 * H + 1),
        # B and C have a real and an imaginary part; λ and γ go element by element. D sees the inputs too.
        ("lru", 2 * 2 * H + 2 * H, 2 * H * H + H, 3 * H + 1),
    ],
)
def test_weights_count_three_times_but_two_where_data_need_no_gradient(cell, data, others, rest):
    chosen = of(**{"cell.name": cell})
    assert cost.training_flops(chosen) == 2 * (2 * data + 3 * others) * T * B
    assert cost.parameters(chosen) == data + others + rest


LAYERS = {"model.layers": 2, "model.bidirectional": True}


@pytest.mark.parametrize(
    ("fields", "products"),
    [
        # Products a step and example: forward, and backward.
        ({"engine": "scan"}, 2 * 8 * H + 3 * (4 * H * H + H)),
        ({"remat": "full"}, 2 * 8 * H + 3 * (4 * H * H + H) + (4 * H * H + 8 * H)),
        (LAYERS, 2 * 2 * 8 * H + 3 * (2 * 4 * H * H + 2 * (4 * 2 * H * H + 4 * H * H) + 2 * H)),
        ({"task.name": "reverse", "model.attention": "none"}, 3 * (2 * 4 * 2 * H * H + 8 * H)),
        # 2n - 1 nodes, a tensor [2H, 2H, H] and a matrix at each, three outcomes.
        (
            {"task.name": "tournament", "cell.name": "rntn", "engine": "scan"},
            3 * (4 * H**3 + 2 * H * H + 3 * H) * (2 * T - 1) / T,
        ),
    ],
)
def test_what_is_computed_again_other_models_and_engines_are_counted_too(fields, products):
    assert cost.training_flops(of(**fields)) == 2 * products * T * B


def test_a_long_sequence_costs_no_more_to_count():
    """The program is as large: time is a loop."""
    assert cost.training_flops(of(**{"task.length": 100_000})) == 10_000 * cost.training_flops(of())


def test_initial_values_and_the_number_of_steps_change_no_step():
    assert cost.training_flops(of(steps=100)) == cost.training_flops(of(**{"cell.forget_bias": 0.0, "seed": 3}))


def test_convolutions_and_the_dearer_branch():
    images, kernel = jnp.ones((B, 4, 6, 6)), jnp.ones((5, 4, 3, 3))

    def loss(images, kernel, branch):
        made = jax.lax.conv(images, kernel, (1, 1), "SAME")
        return jnp.sum(jax.lax.cond(branch, lambda a: a @ jnp.ones((6, 7)), lambda a: a[..., :1] * jnp.ones(7), made))

    convolution, product = 2 * B * 5 * 6 * 6 * (4 * 3 * 3), 2 * B * 5 * 6 * 6 * 7
    assert cost.flops(jax.make_jaxpr(loss)(images, kernel, True).jaxpr) == convolution + product
    both = jax.make_jaxpr(jax.grad(loss, (0, 1)))(images, kernel, True).jaxpr
    assert cost.flops(both) == 3 * convolution + 2 * product
