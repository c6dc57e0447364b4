"""Writing to a split: the likeliest token each time, whatever the batches are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnx.decoding import greedy
from rnnx.decoding.beam import _beam_search
from rnnx.types import Batch, Decoding, Pair
from tests.helpers import writers
from tests.helpers.writers import V

pytestmark = pytest.mark.xdist_group("decoding")  # the same models write in all of these tests

END = 1


def decoding_of(inputs, length, end):
    """Of prompts `[P, N]`, or of a pair of such."""
    N = jax.tree.leaves(inputs)[0].shape[1]

    def batches(batch_size):
        for n in range(0, N, batch_size):
            yield Batch(jax.tree.map(lambda a, n=n: a[:, n : n + batch_size], inputs), None, None)

    return Decoding(batches, length, end, score=lambda outputs: ({}, []))


def write(writer, decoding, batch_size):
    return greedy(writer.graphdef, writer.params, decoding, batch_size=batch_size)


def test_what_follows_on_each_token_is_written_up_to_the_end():
    """0 is followed by 2, 2 by 3, and 3 by the end, which is not part of what is written; at most five tokens."""
    likeliest = np.full((V, V), 0.1)
    for token, after in ((0, 2), (2, 3), (3, END), (END, 0)):
        likeliest[token, after] = 0.7
    writer = writers.markov(likeliest, [0])
    prompts = jnp.array([[0, 2, 3, END, 2]])
    expected = [[2, 3], [3], [], [0, 2, 3], [3]]
    assert write(writer, decoding_of(prompts, 5, END), 5) == expected
    assert write(writer, decoding_of(prompts, 2, END), 5) == [[2, 3], [3], [], [0, 2], [3]]
    assert write(writer, decoding_of(prompts, 3, None), 5)[0] == [2, 3, END]


def test_it_does_not_depend_on_the_batches():
    """Nor on what fills the last one up; and it is what the model holds for likeliest after what it wrote."""
    L, N = 6, 7
    writer = writers.made("encoder_decoder")
    tokens = jnp.array(np.random.default_rng(5).integers(V, size=(3, N)), jnp.int32)
    decoding = decoding_of(Pair(tokens, tokens), L, END)
    outputs = write(writer, decoding, N)
    assert len({tuple(output) for output in outputs}) > 2
    compiled = _beam_search._cache_size()
    assert write(writer, decoding, 3) == outputs
    assert _beam_search._cache_size() == compiled + 1  # the last batch, of one, is filled up
    given = np.full((L, N), END)
    for n, output in enumerate(outputs):
        given[: len(output), n] = output
    said = writer._replace(prompt=Batch(Pair(tokens, tokens), None, None)).said(writer.params, jnp.array(given))
    for n, output in enumerate(outputs):
        likeliest = np.asarray(said)[:, n].argmax(axis=-1).tolist()
        assert likeliest[: len(output) + 1] == [*output, END][:L]
