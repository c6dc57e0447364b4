"""What every task keeps to; a new file is tested on arrival."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx import data
from tests.examples import assert_close

# The data set that a task stands on: without it the task is not tested, and nothing is downloaded for a test.
NEEDS = {"characters": "tinyshakespeare"}

# Long enough for every task.
T, B = 24, 5
SHORTEST = {"copy_memory": 21}


@pytest.fixture(params=rnnx.tasks.names())
def task(request):
    needed = NEEDS.get(request.param)
    if needed and not data.available(needed):
        pytest.skip(f"{needed} is neither in RNNX_DATA_DIR nor in the cache")
    return rnnx.tasks.get(request.param)()


@pytest.fixture(params=["sample", "sample_heldout"])
def sample(request, task):
    return getattr(task, request.param)


def perfect(task, batch):
    """Outputs that say exactly what the targets are."""
    if jnp.issubdtype(batch.targets.dtype, jnp.integer):
        return 1e4 * jax.nn.one_hot(batch.targets, task.output_size)
    return batch.targets


def test_a_sample_depends_on_its_key_alone(sample):
    batch = sample(jax.random.key(0), B, T)
    assert_close(sample(jax.random.key(0), B, T), batch, rtol=0, atol=0)
    assert not np.array_equal(sample(jax.random.key(1), B, T).inputs, batch.inputs)


def test_sampling_can_be_compiled_and_gives_the_same(sample):
    jitted = jax.jit(sample, static_argnums=(1, 2))
    assert_close(jitted(jax.random.key(0), B, T), sample(jax.random.key(0), B, T), rtol=1e-6)  # float32 rounds at 6e-8


def test_sampling_can_be_mapped_over_keys(sample):
    keys = jax.random.split(jax.random.key(0), 3)
    many = jax.vmap(lambda key: sample(key, B, T))(keys)
    assert_close(jax.tree.map(lambda a: a[1], many), sample(keys[1], B, T), rtol=1e-6)  # float32 rounds at 6e-8


@pytest.mark.parametrize(("batch_size", "length"), [(5, T), (1, 3)])
def test_shapes_types_and_weights(request, task, sample, batch_size, length):
    length = max(length, SHORTEST.get(request.node.callspec.params["task"], 1))
    batch = sample(jax.random.key(0), batch_size, length)
    if task.discrete:
        assert batch.inputs.shape == (length, batch_size)
        assert jnp.issubdtype(batch.inputs.dtype, jnp.integer)
        assert jnp.all((batch.inputs >= 0) & (batch.inputs < task.input_size))
    else:
        assert batch.inputs.shape == (length, batch_size, task.input_size)
        assert batch.inputs.dtype == jnp.float32
    if jnp.issubdtype(batch.targets.dtype, jnp.integer):
        assert batch.targets.shape == (length, batch_size)
        assert jnp.all((batch.targets >= 0) & (batch.targets < task.output_size))
    else:
        assert batch.targets.shape == (length, batch_size, task.output_size)
    assert batch.weights.shape == (length, batch_size)
    assert jnp.all(batch.weights >= 0)
    assert jnp.all(batch.weights.sum(axis=0) > 0), "every example scores some step"
    if batch.lengths is not None:
        assert batch.lengths.shape == (batch_size,)
        assert jnp.issubdtype(batch.lengths.dtype, jnp.integer)
        assert jnp.all((batch.lengths >= 1) & (batch.lengths <= length))
        past = jnp.arange(length)[:, None] >= batch.lengths
        assert not jnp.any(past & (batch.weights > 0)), "nothing is scored in the padding"


def test_a_perfect_prediction_has_no_loss(task, sample):
    batch = sample(jax.random.key(0), B, T)
    assert task.loss(perfect(task, batch), batch) == 0
    wrong = jnp.roll(perfect(task, batch), 1, axis=-1) + 1
    assert task.loss(wrong, batch) > 0


def test_only_steps_with_weight_are_scored(task, sample):
    """Neither loss nor metrics look at the others."""
    batch = sample(jax.random.key(0), B, T)
    batch = batch._replace(weights=batch.weights.at[: T // 2].set(0))
    outputs = jax.random.normal(jax.random.key(1), (T, B, task.output_size))
    other = jnp.where((batch.weights == 0)[..., None], 1e3, outputs)
    assert_close(task.loss(other, batch), task.loss(outputs, batch), rtol=1e-6)  # float32 rounds at 6e-8
    assert_close(task.metrics(other, batch), task.metrics(outputs, batch), rtol=1e-6)


def test_loss_and_metrics_are_means_over_the_batch(task, sample):
    """So that they do not grow with it: a batch given twice scores the same."""
    batch = sample(jax.random.key(0), B, T)
    outputs = jax.random.normal(jax.random.key(1), (T, B, task.output_size))

    def twice(tree):
        return jax.tree.map(lambda a: jnp.concatenate([a, a], axis=a.ndim > 1), tree)

    for score in (task.loss, task.metrics):
        # float32 rounds at 6e-8, times a sum of some tens
        assert_close(score(twice(outputs), twice(batch)), score(outputs, batch), rtol=1e-5)
    for name, value in task.metrics(outputs, batch).items():
        assert value.shape == (), name


def test_the_loss_can_be_differentiated(task):
    batch = task.sample(jax.random.key(0), B, T)
    outputs = jax.random.normal(jax.random.key(1), (T, B, task.output_size))
    gradient = jax.grad(task.loss)(outputs, batch)
    np.testing.assert_array_equal(jnp.any(gradient != 0, axis=-1), batch.weights > 0)


def test_it_says_what_it_is(task):
    assert task.floor(T) > 0
    assert isinstance(task.floor(T), float)
    assert math.isfinite(task.floor(T))
    assert task.loss_unit
    assert all(isinstance(key, str) and isinstance(value, str) for key, value in task.provenance.items())


@pytest.mark.parametrize(("batch_size", "length"), [(0, 12), (-1, 12), (5, 0), (5, -3), (5, 2.5), (5, None), (2.0, 12)])
def test_bad_sizes_are_refused_in_one_line(sample, batch_size, length):
    with pytest.raises(ValueError, match=r"^(batch_size|length).* must be a whole number of at least \d+, not .*\.$"):
        sample(jax.random.key(0), batch_size, length)
