"""Captions of drawn scenes."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx import data
from rnnx.data._labelled_images import LabelledImages
from rnnx.tasks.images import _captions, scenes
from rnnx.tasks.images._drawing import COLORS, SIZES
from rnnx.tasks.images._handwriting import handwriting
from rnnx.tasks.images._parts import part_of
from rnnx.training.program import mean_scores
from tests.helpers import compiled

pytestmark = pytest.mark.xdist_group("scenes")

TASK = rnnx.tasks.get("scenes")()
WORDS = scenes.world("shapes").words
SHAPES = WORDS[9:13]
UNSEEN = [(SIZES[n % 2], color, SHAPES[n % 4]) for n, color in enumerate(COLORS)]
B = 300


@pytest.fixture(scope="module")
def batch():
    return jax.device_get(compiled.sample(TASK.sample, jax.random.key(0), B, 11))


def objects(caption):
    """(size, colour, shape) of each object, and the relations between them."""
    told = caption.replace("left of", "left").split()
    return [tuple(told[n + 1 : n + 4]) for n in range(0, len(told), 5)], told[4::5]


def read(pixels):
    """What is drawn, found by colour alone: rows of (name of the colour, pixels that are all of it, their middle)."""
    found = []
    for name, color in COLORS.items():
        own = np.abs(pixels - np.array(color)).max(axis=-1) < 0.02
        if own.any():
            found.append((name, int(own.sum()), np.argwhere(own).mean(axis=0), np.argwhere(own)))
    return found


def test_a_caption_says_what_is_drawn(batch):
    """Of objects of different colours: which there are, how large, of what shape, and how they stand."""
    captions = _captions.targets(WORDS, batch)
    told = 0
    for n, caption in enumerate(captions):
        named, relations = objects(caption)
        colors = [color for _, color, _ in named]
        if len(set(colors)) < len(colors):
            continue
        told += 1
        drawn = {name: rest for name, *rest in read(batch.inputs.image[0, n])}
        assert sorted(drawn) == sorted(colors), caption
        for size, color, shape in named:
            count, _, at = drawn[color]
            high, wide = np.ptp(at, axis=0) + 1
            assert (max(high, wide) > 9) == (size == "large"), caption
            share = count / (high * wide)  # of the box around it
            expected = {"square": 1, "circle": math.pi / 4, "triangle": 0.5, "cross": 0.51}[shape]
            if size == "large":  # of a small one too few pixels are covered as a whole
                assert abs(share - expected) < 0.2, caption
        for (one, other), relation in zip(itertools.pairwise(colors), relations, strict=True):
            apart = drawn[other][1] - drawn[one][1]
            assert apart[["above", "left"].index(relation)] > abs(apart[["left", "above"].index(relation)]), caption
    assert told > 200


def test_no_object_leaves_the_picture_or_its_cell(batch):
    """All around is white, but for what covers an edge in part."""
    edges = np.concatenate([batch.inputs.image[0][:, [0, -1]], np.swapaxes(batch.inputs.image[0], 1, 2)[:, [0, -1]]])
    assert edges.min(axis=-1).mean() > 0.99
    assert batch.inputs.image.min() >= 0
    assert batch.inputs.image.max() <= 1


def test_what_was_never_trained_on_is_in_every_scene_of_unseen_and_in_none_of_the_others(batch):
    assert len(UNSEEN) == 6
    for values, place in ((SIZES, 0), (COLORS, 1), (SHAPES, 2)):
        assert {one[place] for one in UNSEEN} == set(values)
        assert len({one[place] for one in itertools.product(SIZES, COLORS, SHAPES) if one not in UNSEEN}) == len(values)
    asked = {name: list(map(objects, scenes.asked("shapes", name).captions)) for name in ("seen", "unseen", "more")}
    asked["trained"] = list(map(objects, _captions.targets(WORDS, batch)))
    kinds = {name: {one for named, _ in of for one in named} for name, of in asked.items()}
    assert kinds["unseen"] == set(UNSEEN)
    for name in ("seen", "more", "trained"):
        assert not kinds[name] & set(UNSEEN)
    assert len(kinds["more"]) == 42
    counts = {name: {len(named) for named, _ in of} for name, of in asked.items()}
    assert counts == {"seen": {1, 2}, "unseen": {1, 2}, "trained": {1, 2}, "more": {3}}


def test_a_length_decides_how_many_objects_there_are(batch):
    one = compiled.sample(TASK.sample, jax.random.key(0), 5, 10)
    assert one.targets.shape == (5, 5)
    assert (one.inputs.target_lengths == 5).all()
    assert batch.targets.shape == (11, B)
    np.testing.assert_array_equal(batch.weights.sum(axis=0), batch.inputs.target_lengths)
    np.testing.assert_array_equal(batch.inputs.target[0], len(WORDS) + 1)
    np.testing.assert_array_equal(batch.inputs.target[1:], batch.targets[:-1])
    with pytest.raises(ValueError, match=r"^length of captions must be a whole number of at least 5, not 4\.$"):
        TASK.sample(jax.random.key(0), 5, 4)


@pytest.mark.parametrize(("length", "most"), [(5, 1), (11, 2)])
def test_the_baseline_is_the_entropy_of_all_captions_there_are(length, most):
    """Counted out over every sequence of objects and relations."""
    nats = words = 0.0
    for n in range(1, most + 1):
        for relations in itertools.product((2, 1), repeat=n - 1):  # words of "left of" and of "above"
            p = 1 / most / 42**n / 2 ** (n - 1)
            nats -= 42**n * p * math.log(p)
            words += 42**n * p * (4 * n + sum(relations) + 1)
    np.testing.assert_allclose(TASK.baseline_loss(length), nats / words, rtol=1e-12)  # float64


def test_scores_of_all_three_splits_come_from_what_was_written():
    """Right, all of one word, and nothing."""
    right = [[WORDS.index(word) for word in caption.split()] for caption in scenes.asked("shapes", "seen").captions]
    numbers, records = TASK.decoding.score([*right, *[[0]] * 1000, *[[]] * 1000])
    assert [numbers[f"exact_{name}"] for name in ("seen", "unseen", "more")] == [1, 0, 0]
    assert numbers["bleu4_seen"] == 100
    assert 0 < numbers["bleu1_unseen"] < 5  # as short as it is
    assert numbers["bleu1_more"] == 0
    assert len(records) == 3000
    first = scenes.asked("shapes", "seen").captions[0]
    assert records[0] == {"split": "seen", "input": "seen 0", "targets": [first], "output": first, "right": True}


@pytest.mark.slow
def test_all_three_splits_are_written_to_in_order():
    many = list(TASK.decoding.batches(600))
    assert [batch.weights.shape[1] for batch in many] == [600, 400] * 3
    captions = [caption for batch in many for caption in _captions.targets(WORDS, batch)]
    assert captions == [
        caption for name in ("seen", "unseen", "more") for caption in scenes.asked("shapes", name).captions
    ]


def test_people_see_the_picture_and_what_was_written_to_it(batch):
    few = jax.tree.map(lambda a: a[:2] if a.ndim == 1 else a[:, :2], batch)
    told = TASK.decoding.shown(few, [[0, 1], []])
    assert [one.target for one in told] == _captions.targets(WORDS, few)
    assert [one.output for one in told] == ["a small", ""]
    assert told[0].example == TASK.example(few)
    assert [*map(str.strip, told[0].example.data["pieces"]), told[0].example.data["target"]] == [
        "→",
        *told[0].target.split(),
        "end",
    ]


def test_one_wrong_word_spoils_a_caption(batch):
    few = jax.tree.map(lambda a: a[:4] if a.ndim == 1 else a[:, :4], batch)
    right = jax.nn.one_hot(jnp.asarray(few.targets), TASK.output_size)
    assert mean_scores(TASK, right, few)["exact"] == 1
    assert mean_scores(TASK, right.at[1, 2].multiply(-1), few)["exact"] == 0.75


def test_a_digit_is_a_drawing_of_that_digit_and_of_its_part():
    """As large as it was drawn it is what was drawn, pixel by pixel; which it is follows from kind and number."""
    labels = np.tile(np.arange(10), 30)
    pixels = np.random.default_rng(0).uniform(size=(300, 8, 8)).astype(np.float32)
    images = LabelledImages("mine", "", pixels, labels)
    y, x = np.meshgrid(*[np.arange(8) - 3.5] * 2, indexing="ij")
    seen = {}
    for part, count in (("train", 22), ("heldout", 2), ("test", 6)):
        covered = jax.jit(handwriting(images, part).covered)
        drawn = [np.asarray(covered(jnp.int32(3), jnp.int32(n), y, x, 4.0)) for n in range(count + 1)]
        np.testing.assert_array_equal(drawn[count], drawn[0])  # there are no more of them
        own = part_of(labels, part)
        np.testing.assert_allclose(drawn[:count], pixels[own[labels[own] == 3]], atol=1e-6)  # weights 0 and 1, rounded
        seen[part] = set(own)
    assert sorted(itertools.chain(*seen.values())) == list(range(300))  # each image in one part


def test_scenes_of_digits_are_told_by_their_words():
    if not data.available("digits"):
        pytest.skip("digits were not downloaded")
    task = rnnx.tasks.get("scenes")(objects="digits")
    batch = jax.device_get(compiled.sample(task.sample, jax.random.key(0), 8, 11))
    words = scenes.world("digits").words
    assert words[9:19] == ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    assert task.data["images"] == "digits"
    for n, caption in enumerate(_captions.targets(words, batch)):
        named, _ = objects(caption)
        assert all(kind in words[9:19] for *_, kind in named)
        drawn = {name for name, color in COLORS.items() if touches(batch.inputs.image[0, n], color)}
        assert drawn == {color for _, color, _ in named}, caption


def touches(pixels, color):
    """Whether something is drawn in a colour, which on white is mixed with it at most."""
    dark = pixels[pixels.min(axis=-1) < 0.5]
    return any(np.abs(np.cross(1 - np.array(color), 1 - one)).max() < 0.02 for one in dark)


def test_other_objects_than_there_are_are_refused():
    with pytest.raises(ValueError, match=r"^no objects named 'digit'; did you mean 'digits'\?"):
        rnnx.tasks.get("scenes")(objects="digit")
