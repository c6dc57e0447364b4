"""Images and curves read as sequences: each is in one part, stands in a batch as it is, and its class at its end."""

import jax
import numpy as np
import pytest

from rnnx.data._labelled_images import LabelledImages
from rnnx.report.on_data.image import pixels_of
from rnnx.tasks.images import _classes, _pixels, mnist1d, sequential_digits, sequential_mnist
from rnnx.tasks.images._classes import Sequences
from tests.helpers import at_hand

RNG = np.random.default_rng(0)
OF_EACH = 50
PIXELS = (RNG.integers(0, 256, size=(10 * OF_EACH, 28, 28)) / 255).astype(np.float32)
IMAGES = LabelledImages("few", "0" * 64, PIXELS, np.arange(len(PIXELS)) % 10)


@pytest.fixture
def mnist(monkeypatch):
    """`sequential_mnist` of images that are drawn."""
    monkeypatch.setattr(sequential_mnist, "mnist_5k", lambda: IMAGES)
    return sequential_mnist.sequential_mnist


def sets(task, length):
    """What can be drawn, held out, and tested on, each as a set of sequences with their classes."""

    def of(*batches):
        found = set()
        for batch in batches:
            inputs, targets = np.asarray(batch.inputs), np.asarray(batch.targets)
            found |= {(inputs[:, b].tobytes(), int(targets[-1, b])) for b in range(inputs.shape[1])}
        return found

    drawn = (of(*(sample(jax.random.key(n), 4000, length) for n in range(2))) for sample in task[:2])
    return (*drawn, of(*task.test_batches(64)))


def test_of_each_class_a_fifth_is_tested_on_and_a_tenth_of_the_others_held_out(mnist):
    task = mnist(by="rows")
    train, heldout, test = sets(task, 28)
    assert [len(part) for part in (train, heldout, test)] == [360, 40, 100]
    expected = {(image.tobytes(), int(label)) for image, label in zip(IMAGES.pixels, IMAGES.labels, strict=True)}
    assert train | heldout | test == expected, "with the class of each"
    for part, of_each in ((train, 36), (heldout, 4), (test, 10)):
        assert np.bincount([label for _, label in part]).tolist() == [of_each] * 10


def test_mnist1d_has_the_published_split(monkeypatch):
    task = at_hand.task("mnist1d")
    sequences = mnist1d._sequences()
    assert sum(batch.weights.shape[1] for batch in task.test_batches(300)) == 1000
    (batch,) = task.test_batches(1000)
    np.testing.assert_array_equal(np.asarray(batch.inputs)[..., 0].T, sequences.test.astype(np.float32))
    np.testing.assert_array_equal(np.asarray(batch.targets)[-1], sequences.test_digits)
    held = {row.tobytes() for row in sequences.train.astype(np.float32)[9::10]}
    drawn = np.asarray(task.sample_heldout(jax.random.key(0), 4000, 40).inputs)[..., 0].T
    assert {row.tobytes() for row in np.ascontiguousarray(drawn)} == held
    drawn = np.asarray(task.sample(jax.random.key(0), 4000, 40).inputs)[..., 0].T
    assert not held & {row.tobytes() for row in np.ascontiguousarray(drawn)}


@pytest.mark.parametrize(
    ("options", "steps"),
    [({}, 784), ({"permuted": True}, 784), ({"by": "rows"}, 28), ({"by": "rows", "permuted": True}, 28)],
)
def test_an_image_is_read_in_one_order_and_shown_the_right_way_round(mnist, options, steps):
    task = mnist(**options)
    assert task.min_length == steps
    batch = next(task.test_batches(3))
    assert np.flatnonzero(batch.weights[:, 0]).tolist() == [steps - 1]
    image = IMAGES.pixels[40]  # the fifth of class 0
    read = np.asarray(batch.inputs)[:, 0].ravel()
    assert sorted(read) == sorted(image.ravel())
    example = task.example(batch)
    at = np.array(example.data["at"])
    if options.get("permuted"):
        assert (at != np.arange(784).reshape(28, 28) // (784 // steps)).mean() > 0.9
    else:
        np.testing.assert_array_equal(read, image.ravel())
        np.testing.assert_array_equal(at, np.arange(784).reshape(28, 28) // (784 // steps))
    # Each pixel is among those of the step at which it is said to be read.
    inputs = np.asarray(batch.inputs)[:, 0]
    assert all(image[y, x] in inputs[at[y, x]] for y in range(28) for x in range(28))
    np.testing.assert_array_equal(pixels_of(example)[..., 0], np.rint(255 * image))
    assert example.data["target"] == "0"


def test_the_permutation_is_the_same_for_all_images_and_always(mnist):
    (one,), (other,) = (mnist(permuted=True).test_batches(1000) for _ in range(2))
    np.testing.assert_array_equal(one.inputs, other.inputs)
    # So it was when this was written: NumPy's RandomState is not changed any more.
    np.testing.assert_array_equal(np.asarray(one.inputs)[:3, 0, 0], IMAGES.pixels[40].ravel()[[693, 85, 647]])


def test_past_the_image_is_padding(mnist):
    batch = jax.tree.map(np.asarray, mnist(by="rows").sample(jax.random.key(0), 5, 31))
    assert batch.lengths.tolist() == [28] * 5
    assert not batch.inputs[28:].any()
    assert np.flatnonzero(batch.weights[:, 0]).tolist() == [27]
    assert mnist(by="rows").sample(jax.random.key(0), 5, 28).lengths is None


@pytest.mark.parametrize(("options", "least"), [({}, 784), ({"by": "rows"}, 28)])
def test_no_image_is_cut_off(mnist, options, least):
    with pytest.raises(ValueError, match=rf"^length must be a whole number of at least {least}, not {least - 1}\.$"):
        mnist(**options).sample(jax.random.key(0), 2, least - 1)


def test_another_way_to_read_is_told(mnist):
    with pytest.raises(ValueError, match=r"no unit to read by named 'row'; did you mean 'rows'"):
        mnist(by="row")


def test_digits_are_eight_rows_of_eight(monkeypatch):
    images = LabelledImages("few", "0" * 64, IMAGES.pixels[:, :8, :8], IMAGES.labels)
    monkeypatch.setattr(sequential_digits, "digits", lambda: images)
    task = sequential_digits.sequential_digits()
    batch = next(task.test_batches(100))
    np.testing.assert_array_equal(np.asarray(batch.inputs)[:, 0, 0], images.pixels[40].ravel())
    assert (task.min_length, task.input_size, task.output_size) == (64, 1, 10)


def test_a_split_of_classes_of_several_sizes_is_of_each():
    labels = np.array([3] * 5 + [7] * 63)
    parts = _classes.split(Sequences(np.arange(68.0)[:, None, None], labels))
    assert [np.bincount(part.labels, minlength=8)[[3, 7]].tolist() for part in parts] == [[4, 46], [0, 5], [1, 12]]
    assert sorted(np.concatenate([part.inputs.ravel() for part in parts])) == list(range(68))


def test_what_is_read_at_a_step_is_found_again():
    reading = _pixels.Reading(2, 3, each=2, order=np.array([5, 0, 3, 1, 4, 2]))
    part = reading.part(LabelledImages("", "", np.arange(6.0).reshape(1, 2, 3), np.array([1])))
    assert part.inputs[0].tolist() == [[5, 0], [3, 1], [4, 2]]
