"""The model for sequence to sequence: its parts, and what they hand to each other."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.combinators.attention import attended
from rnnx.models.encoder_decoder import EncoderDecoder
from rnnx.training.program import applying
from tests.helpers import compiled

REVERSE = rnnx.tasks.get("reverse")()
BATCH = compiled.sample(REVERSE.sample, jax.random.key(1), 3, 5)
H = 4


def made(cell, **options):
    """The model as a pure function, and its parameters."""
    model = functools.partial(EncoderDecoder, cell, REVERSE, **options)
    return applying(model), compiled.params(model)


def recorded(apply, params):
    """The outputs, and what each part was run with and gave."""
    seen = {}

    def run(name, cell, params, xs, state=None, **options):
        seen[name] = (cell, params, xs, state, rnnx.plain_run(name, cell, params, xs, state, **options))
        return seen[name][-1]

    return apply(params, BATCH, run), seen


def test_layers_both_ways_with_everything_are_that_written_out():
    """Each layer of the decoder starts where that of the encoder ended, forward; the lowest one attends."""
    cell = rnnx.layer_norm(rnnx.rnn(H))
    reading = rnnx.learned_initial_state(cell)
    every = {"bidirectional": True, "residual": True, "layer_norm": True, "learned_initial_state": True}
    apply, params = made(rnnx.rnn(H), layers=2, attention="dot", **every)
    seen = []

    @jax.jit
    def both(params):
        outputs, parts = recorded(apply, params)
        seen.extend(parts)
        return outputs, written_out(params)

    def written_out(params):
        source, target = (params[side]["embedding"] for side in ("source", "target"))
        first, handed0 = encoder(params, 0, source[BATCH.inputs.source])
        second, handed1 = encoder(params, 1, first)
        lowest = attended(params["cells"]["decoder/layer0"], first + second, lengths=BATCH.lengths)
        attending = rnnx.attention(cell, 2 * H, score="dot")
        lengths = BATCH.inputs.target_lengths
        ys = rnnx.unroll(attending, lowest, target[BATCH.inputs.target], handed0, lengths=lengths).outputs
        ys = ys + rnnx.unroll(cell, params["cells"]["decoder/layer1"], ys, handed1, lengths=lengths).outputs
        return ys @ params["readout"]["kernel"] + params["readout"]["bias"]

    def encoder(params, n, xs):
        sides = [
            rnnx.unroll(reading, params["cells"][f"encoder/layer{n}/{side}"], xs, lengths=BATCH.lengths, reverse=back)
            for side, back in (("forward", False), ("backward", True))
        ]
        return jnp.concatenate([side.outputs for side in sides], axis=-1), sides[0].final_state

    outputs, expected = both(params)
    assert seen == [
        *(f"encoder/layer{n}/{side}" for n in (0, 1) for side in ("forward", "backward")),
        *(f"decoder/layer{n}" for n in (0, 1)),
    ]
    # The same products in the same order: equal but for fusion by the compiler, a few float32 roundings.
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-5)


def test_without_options_there_are_two_parts_and_the_state_is_handed_over():
    outputs, seen = recorded(*made(rnnx.gru(H), attention="none"))
    assert list(seen) == ["encoder", "decoder"]
    np.testing.assert_array_equal(seen["decoder"][3].h, seen["encoder"][-1].final_state.h)
    assert outputs.shape == (5, 3, REVERSE.output_size)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"layers": 0}, "^layers must be"), ({"attention": "dott"}, "'dott'"), ({"layer_norm": True}, "layer_norm needs")],
)
def test_what_can_not_be_meant_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        made(rnnx.mingru(H), **options)
