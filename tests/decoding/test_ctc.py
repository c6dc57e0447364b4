"""Reading labellings off CTC's outputs: known answers, and all paths gone through one by one."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from rnnx.decoding.ctc import ctc_beam_search, ctc_greedy
from rnnx.tasks._edit_distance import edit_distance
from rnnx.tasks.speech._error_rate import edit_distances

RNG = np.random.default_rng(0)


def labelling(path):
    """Repeats are merged, then blanks left out."""
    return tuple(symbol for symbol, _ in itertools.groupby(path) if symbol)


def all_labellings(logits):
    """ln p of every labelling, by all K^T paths."""
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    found = {}
    for path in itertools.product(range(logits.shape[1]), repeat=len(logits)):
        value = math.exp(sum(log_p[t, symbol] for t, symbol in enumerate(path)))
        found[labelling(path)] = found.get(labelling(path), 0.0) + value
    return {labels: math.log(p) for labels, p in found.items()}


@pytest.mark.parametrize(("T", "K"), [(1, 3), (4, 3), (5, 4)])
def test_a_search_that_keeps_all_prefixes_finds_the_exact_chances(T, K):
    logits = 2 * RNG.normal(size=(T, K))
    exact = all_labellings(logits)
    found = dict(ctc_beam_search(logits, width=K ** (T + 1)))
    assert {labels for labels in found if found[labels] > -math.inf} == exact.keys()
    for labels, log_p in exact.items():
        assert found[labels] == pytest.approx(log_p, rel=1e-9)  # float64, over some hundred paths
    best, log_p = ctc_beam_search(logits, width=K ** (T + 1))[0]
    assert log_p == pytest.approx(max(exact.values()))
    assert exact[best] == pytest.approx(log_p)


def test_the_chances_are_those_of_the_loss():
    T, K = 5, 4
    logits = RNG.normal(size=(T, K))
    for labels, log_p in all_labellings(logits).items():
        if labels:
            arguments = (logits[None], np.zeros((1, T)), np.array([labels]), np.zeros((1, len(labels))))
            loss = optax.ctc_loss(*(jnp.asarray(of, jnp.int32 if of.dtype == int else jnp.float32) for of in arguments))
            np.testing.assert_allclose(-loss[0], log_p, rtol=1e-4)  # float32


def test_a_narrow_search_is_no_better():
    logits = RNG.normal(size=(6, 4))
    exact = all_labellings(logits)
    for width in (1, 2, 5):
        for labels, log_p in ctc_beam_search(logits, width):
            assert log_p <= exact[labels] + 1e-9


def test_the_likeliest_path_is_not_the_likeliest_labelling():
    logits = np.log([[0.6, 0.4], [0.6, 0.4]])
    labels, counts = ctc_greedy(jnp.asarray(logits, jnp.float32)[:, None])
    assert (labels[:, 0].tolist(), counts.tolist()) == ([0, 0], [0])
    (best, log_p), *_ = ctc_beam_search(logits, width=2)
    assert best == (1,)
    assert log_p == pytest.approx(math.log(0.64))


@pytest.mark.parametrize(
    ("path", "expected"),
    [([1, 1, 2], [1, 2]), ([1, 0, 1], [1, 1]), ([0, 0, 0], []), ([2, 2, 0, 0, 2, 1, 1, 0], [2, 2, 1]), ([3], [3])],
)
def test_repeats_are_merged_before_blanks_are_left_out(path, expected):
    labels, counts = ctc_greedy(jax.nn.one_hot(jnp.array(path), 4)[:, None])
    assert labels[: int(counts[0]), 0].tolist() == expected
    assert not labels[int(counts[0]) :].any()


def test_padding_is_not_read():
    logits = jnp.asarray(RNG.normal(size=(9, 5, 4)), jnp.float32)
    lengths = jnp.array([9, 1, 4, 7, 5])
    labels, counts = jax.jit(ctc_greedy)(logits, lengths)
    for b, length in enumerate(lengths.tolist()):
        own = labelling(np.asarray(logits[:length, b]).argmax(axis=-1).tolist())
        assert labels[: int(counts[b]), b].tolist() == list(own)


def test_edit_distances_are_those_of_each_pair():
    B, L, N = 200, 8, 5
    outputs, targets = RNG.integers(1, 4, (L, B)), RNG.integers(1, 4, (N, B))
    counts, target_counts = RNG.integers(0, L + 1, B), RNG.integers(0, N + 1, B)
    found = jax.jit(edit_distances)(*(jnp.asarray(of, jnp.int32) for of in (outputs, counts, targets, target_counts)))
    for b in range(B):
        one, other = outputs[: counts[b], b].tolist(), targets[: target_counts[b], b].tolist()
        assert found[b] == edit_distance(one, other)


@pytest.mark.parametrize(
    ("logits", "width", "message"), [(np.zeros((2, 3)), 0, "width must be"), (np.zeros(3), 1, r"\[T, K\]")]
)
def test_what_can_not_be_searched_is_told(logits, width, message):
    with pytest.raises(ValueError, match=message):
        ctc_beam_search(logits, width)
