"""What every task keeps to; a new file is tested on arrival."""

import functools
import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx import examples
from rnnx.report import on_data
from rnnx.training.program import mean_loss, mean_scores
from rnnx.types import Captioned, Pair
from rnnx.vocabulary import UNKNOWN
from tests.helpers import at_hand, compiled
from tests.helpers.texts import in_one
from tests.variants import assert_close

# Long enough for every task.
T, B = 64, 5


# All of one task in one process, which so compiles its sampling and its scores once.
@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in rnnx.tasks.names()])
def task(request):
    task = at_hand.task(request.param)
    if task is None:
        pytest.skip("its data is neither in RNNX_DATA_DIR nor in the cache")
    return task


@pytest.fixture(params=["sample", "sample_heldout"])
def sample(request, task):
    return getattr(task, request.param)


# Where it is about what is done with a batch: those held out are of the same kind.
@pytest.fixture(params=["sample", pytest.param("sample_heldout", marks=pytest.mark.slow)])
def either(request, task):
    return getattr(task, request.param)


def drawn(sample, key=0, batch_size=B, length=T):
    """A batch, compiled, which is some dozens of programs else; as NumPy's arrays."""
    batch = compiled.sample(sample, jax.random.key(key), batch_size, length)
    return jax.tree.map(np.asarray, batch)


def outputs_for(task, batch):
    rng = np.random.default_rng(1)
    positions = batch.weights.shape if batch.weights.ndim > 1 else (T, B)
    return rng.standard_normal((*positions, task.output_size), dtype=np.float32)


@functools.cache
def _scored(losses, scores):
    task = rnnx.tasks.get("adding")()._replace(losses=losses, scores=scores)
    return jax.jit(lambda outputs, batch: (mean_loss(task, outputs, batch), mean_scores(task, outputs, batch)))


def scored(task, outputs, batch):
    """Loss and metrics."""
    return _scored(task.losses, task.scores)(outputs, batch)


def perfect(task, batch):
    """Outputs that say exactly what the targets are."""
    if np.issubdtype(batch.targets.dtype, np.integer):
        return np.float32(1e4) * (batch.targets[..., None] == np.arange(task.output_size))
    if batch.targets.dtype == bool:  # each by itself
        return np.float32(1e4) * np.where(batch.targets, 1, -1)
    return batch.targets


def test_a_sample_depends_on_its_key_alone(sample):
    batch = drawn(sample)
    assert_close(drawn(sample), batch, rtol=0, atol=0)
    other = drawn(sample, key=1)
    assert not all(map(np.array_equal, jax.tree.leaves(other.inputs), jax.tree.leaves(batch.inputs)))


def test_sampling_can_be_compiled_and_gives_the_same(either):
    assert_close(drawn(either), either(jax.random.key(0), B, T), rtol=1e-6)  # float32 rounds at 6e-8


def test_sampling_can_be_mapped_over_keys(either):
    keys = jax.random.split(jax.random.key(0), 3)
    many = jax.jit(jax.vmap(lambda key: either(key, B, T)))(keys)
    one = compiled.sample(either, keys[1], B, T)
    assert_close(jax.tree.map(lambda a: np.asarray(a)[1], many), one, rtol=1e-6)  # float32 rounds at 6e-8


@pytest.mark.parametrize(("batch_size", "length"), [(5, T), (1, 3)])
def test_shapes_types_and_weights(task, sample, batch_size, length):
    length = max(length, task.min_length)
    batch = drawn(sample, 0, batch_size, length)
    if task.model == "sequence" and task.vocab_size is None:
        assert batch.inputs.shape == (length, batch_size, task.input_size)
        assert batch.inputs.dtype == np.float32
    elif task.model == "sequence":
        assert batch.inputs.shape == (length, batch_size)
        assert np.issubdtype(batch.inputs.dtype, np.integer)
        assert np.all((batch.inputs >= 0) & (batch.inputs < task.vocab_size))
    for leaf in jax.tree.leaves(batch):
        assert leaf.shape[leaf.ndim > 1] == batch_size
    positions = batch.weights.shape
    if len(positions) == 1:  # a loss for each example as a whole
        assert positions == (batch_size,)
    elif np.issubdtype(batch.targets.dtype, np.integer):
        assert batch.targets.shape == positions
        assert np.all((batch.targets >= 0) & (batch.targets < task.output_size))
    else:
        assert batch.targets.shape == (*positions, task.output_size)
    assert np.all(batch.weights >= 0)
    assert np.all(batch.weights.sum(axis=0) > 0), "every example scores some step"
    if batch.lengths is not None:
        assert batch.lengths.shape == (batch_size,)
        assert np.issubdtype(batch.lengths.dtype, np.integer)
        assert np.all((batch.lengths >= 1) & (batch.lengths <= length))
        scored = batch.inputs.target_lengths if isinstance(batch.inputs, Pair | Captioned) else batch.lengths
        past = np.arange(len(batch.weights))[:, None] >= (len(batch.weights) if scored is None else scored)
        assert len(positions) == 1 or not np.any(past & (batch.weights > 0)), "nothing is scored in the padding"


def test_a_stream_begins_everywhere_and_its_batches_are_like_samples(task):
    """A batch depends on key and step alone, and the step may be traced."""
    if task.stream is None:
        return
    batch = task.stream(jax.random.key(0), B, T, 0)
    assert batch.restarts.all()
    assert jax.tree.map(jnp.shape, batch._replace(restarts=None)) == jax.tree.map(
        jnp.shape, task.sample(jax.random.key(0), B, T)
    )
    later = task.stream(jax.random.key(0), B, T, 7)
    assert not later.restarts.all()
    jitted = jax.jit(task.stream, static_argnums=(1, 2))
    for step, expected in ((7, later), (0, batch)):
        assert_close(jitted(jax.random.key(0), B, T, step), expected, rtol=0, atol=0)


def test_a_perfect_prediction_has_no_loss(task, either):
    batch = drawn(either)
    if batch.weights.ndim == 1:
        pytest.skip("what is perfect is not said position by position")
    assert scored(task, perfect(task, batch), batch)[0] == 0
    wrong = np.roll(perfect(task, batch), 1, axis=-1) + 1
    assert scored(task, wrong, batch)[0] > 0


def test_only_steps_with_weight_are_scored(task, either):
    """Neither loss nor metrics look at the others."""
    batch = drawn(either)
    weights = batch.weights.copy()
    weights[: len(weights) // 2] = 0
    batch = batch._replace(weights=weights)
    outputs = outputs_for(task, batch)
    other = np.where((weights == 0)[..., None], np.float32(1e3), outputs)
    assert_close(scored(task, other, batch), scored(task, outputs, batch), rtol=1e-6)  # float32 rounds at 6e-8


def test_loss_and_metrics_are_means_over_the_batch(task, either):
    """So that they do not grow with it: a batch given twice scores the same."""
    batch = drawn(either)
    outputs = outputs_for(task, batch)

    def twice(tree):
        return jax.tree.map(lambda a: np.concatenate([a, a], axis=int(a.ndim > 1)), tree)

    loss, metrics = scored(task, outputs, batch)
    # float32 rounds at 6e-8, times a sum of some tens
    assert_close(scored(task, twice(outputs), twice(batch)), (loss, metrics), rtol=1e-5)
    for name, value in metrics.items():
        assert value.shape == (), name


def test_the_loss_can_be_differentiated(task):
    batch = drawn(task.sample)
    gradient = jax.jit(jax.grad(lambda outputs: mean_loss(task, outputs, batch)))(outputs_for(task, batch))
    reached = np.any(np.asarray(gradient) != 0, axis=-1)
    np.testing.assert_array_equal(reached.any(axis=0) if batch.weights.ndim == 1 else reached, batch.weights > 0)


def test_it_says_what_it_is(task):
    assert task.baseline_loss(T) > 0
    assert isinstance(task.baseline_loss(T), float)
    assert math.isfinite(task.baseline_loss(T))
    assert task.loss_unit
    assert all(isinstance(key, str) and isinstance(value, str) for key, value in task.data.items())
    assert task.model in rnnx.models.names()


def test_what_its_tokens_stand_for_is_read_back(task):
    """A source as text is these tokens again, but for `<unk>`; and all that is written has a meaning."""
    pair = task.pair_vocabulary
    if pair is None:
        return
    assert (len(pair.source), len(pair.target)) == (task.vocab_size, task.output_size)
    assert type(pair).from_dict(json.loads(json.dumps(pair.to_dict()))) == pair
    batch = drawn(task.sample)
    for b, length in enumerate(batch.lengths.tolist()):
        tokens = batch.inputs.source[:length, b]
        if UNKNOWN not in [pair.source.tokens[token] for token in tokens]:
            np.testing.assert_array_equal(pair.source.encode(pair.source.decode(tokens)), tokens)
    if task.decoding is not None:
        assert (task.decoding.end, task.decoding.length) == (pair.end, pair.length)


def test_its_first_example_is_what_people_see(task):
    """Of that example alone, without padding, in what JSON can hold; and it can be painted."""
    batch = drawn(task.sample_heldout)
    example = examples.first(task, batch)
    assert rnnx.types.Example(**json.loads(json.dumps(example._asdict()))) == example
    alone = jax.tree.map(lambda a: a[..., :1] if a.ndim == 1 else a[:, :1], batch)
    assert examples.first(task, alone) == example
    steps = sum(example.steps.values())
    assert example.scored == steps - 1
    if batch.weights.ndim > 1:
        last = len(batch.weights) - 1 - np.argmax(batch.weights[::-1, 0] > 0)
        assert example.scored == steps - list(example.steps.values())[-1] + last
    assert all(0 <= step < steps for step in example.marks)
    (axes, _) = on_data.paint(example, {"a": np.linspace(-3, 0, steps)}).axes
    letters = {text.get_text() for text in axes.texts}
    assert letters or example.kind == "sequence"


def assert_in_order(odd, many):
    """Both have the same examples, in batches as large as can be."""
    sizes = [batch.weights.shape[-1] for batch in many]
    assert sizes[:-1] == [1000] * (len(many) - 1)
    assert 0 < sizes[-1] <= 1000

    def joined(batches):
        return jax.tree.map(lambda *parts: np.concatenate(parts, axis=int(parts[0].ndim > 1)), *batches)

    assert_close(joined(odd), joined(many), rtol=0, atol=0)


def test_a_test_split_is_gone_through_once_and_in_order(task):
    """Whatever the batch size, also one that leaves a smaller batch for the end; examples of one text are stretches."""
    if task.test_batches is None:
        return
    many = list(task.test_batches(1000))
    odd = list(task.test_batches(999))
    if many[0].restarts is not None:
        assert many[0].weights.shape[-1] == 1000
        assert_close(in_one(odd), in_one(many), rtol=0, atol=0)
    else:
        assert_in_order(odd, many)
    with pytest.raises(ValueError, match=r"^batch_size must be a whole number of at least 1, not 0\.$"):
        task.test_batches(0)


@pytest.mark.parametrize(("batch_size", "length"), [(0, 12), (-1, 12), (5, 0), (5, -3), (5, 2.5), (5, None), (2.0, 12)])
def test_bad_sizes_are_refused_in_one_line(sample, batch_size, length):
    with pytest.raises(ValueError, match=r"^(batch_size|length).* must be a whole number of at least \d+, not .*\.$"):
        sample(jax.random.key(0), batch_size, length)


def test_classes_are_those_of_the_outputs_and_a_text_is_read_as_one_example(task):
    """What can't be read is told in one line."""
    assert len(set(task.classes)) == len(task.classes)
    assert len(task.classes) in (0, task.output_size)
    if task.read is None:
        return
    batch = task.read("(a film)" if task.model == "recursive" else "a film")
    sample = task.sample_heldout(jax.random.key(0), 1, max(T, task.min_length))
    assert jax.tree.structure(batch) == jax.tree.structure(sample)
    for found, like in zip(jax.tree.leaves(batch), jax.tree.leaves(sample), strict=True):
        assert (found.dtype, found.ndim) == (like.dtype, like.ndim)
        assert found.shape[min(found.ndim - 1, 1)] == 1
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        task.read(" ")
