"""The model for captions: what it hands to its decoder."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import rnnx
from rnnx.combinators.attention import attended
from rnnx.models.captioner import Captioner
from rnnx.training.program import applying
from tests.helpers import compiled

pytestmark = pytest.mark.xdist_group("captioner")

SCENES = rnnx.tasks.get("scenes")()
BATCH = compiled.sample(SCENES.sample, jax.random.key(1), 3, 11)
H, T = 4, 11


def made(cell, **options):
    """The model as a pure function, and its parameters."""
    model = functools.partial(Captioner, cell, SCENES, **options)
    return applying(model), compiled.params(model)


def places(params):
    """What each place of the pictures has, [36, B, H], written out with the convolution of JAX."""
    seen = BATCH.inputs.image[0]
    for n in range(3):
        layer = params["convolutions"][n]
        layout = ("NHWC", "HWIO", "NHWC")
        seen = jax.lax.conv_general_dilated(seen, layer["kernel"], (2, 2), "SAME", dimension_numbers=layout)
        seen = jnp.maximum(seen + layer["bias"], 0)
    return jnp.swapaxes(seen.reshape(3, 36, H), 0, 1) + params["places"]


def outputs(params, cell, cell_params, state):
    words = params["words"]["embedding"][BATCH.inputs.target]
    ys = rnnx.unroll(cell, cell_params, words, state, lengths=BATCH.inputs.target_lengths).outputs
    return ys @ params["readout"]["kernel"] + params["readout"]["bias"]


@pytest.mark.parametrize("attention", ["dot", pytest.param("none", marks=pytest.mark.slow)])
def test_the_picture_is_in_the_first_state_and_is_looked_at(attention):
    apply, params = made(rnnx.lstm(H), attention=attention)
    cell = rnnx.lstm(H) if attention == "none" else rnnx.attention(rnnx.lstm(H), H, score=attention)

    @jax.jit
    def both(params):
        memory, of_cell = places(params), params["cells"]["decoder"]
        start = jnp.swapaxes(memory, 0, 1).reshape(3, -1) @ params["start"]["kernel"] + params["start"]["bias"]
        state = type(cell.initial_state(of_cell, (3,)))(start[:, :H], start[:, H:])
        of_cell = of_cell if attention == "none" else attended(of_cell, memory)
        return apply(params, BATCH, rnnx.plain_run), outputs(params, cell, of_cell, state)

    # The same products in another order: some float32 roundings of 6e-8.
    np.testing.assert_allclose(*both(params), rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_its_parts_can_be_carried_by_a_complex_state():
    """A linear recurrent unit begins in the picture as well, two numbers for each of its own."""
    apply, params = made(rnnx.cells.get("lru")(H), attention="none")
    gradients = jax.jit(jax.grad(lambda params: jnp.sum(apply(params, BATCH, rnnx.plain_run) ** 2)))(params)
    assert params["start"]["bias"].shape == (2 * H,)
    assert all(np.any(leaf) for leaf in jax.tree.leaves(gradients["start"]))


@pytest.mark.parametrize(
    ("cell", "task", "options", "message"),
    [
        (rnnx.gru(H), SCENES, {"attention": "dott"}, "'dott'"),
        (rnnx.cells.get("lru")(H), SCENES, {}, "attention asks by what the cell gave out last"),
        (rnnx.cells.get("rntn")(H), SCENES, {}, r"^the model 'captioner' runs over time, and this cell over trees\.$"),
        (rnnx.gru(H), rnnx.tasks.get("adding")(), {}, r"^the model 'captioner' writes to pictures, and this task has "),
    ],
)
def test_what_can_not_be_meant_is_refused(cell, task, options, message):
    with pytest.raises(ValueError, match=message):
        Captioner(cell, task, rngs=nnx.Rngs(0), **options)
