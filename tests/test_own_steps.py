"""Sequences with gaps, and the sequences that are left of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rnnx.own_steps import own_steps, packing
from tests.variants import B, T


def test_own_steps_are_those_before_the_length_that_are_not_masked():
    mask = np.ones((T, B), bool)
    mask[1] = False
    wanted = np.array([[t != 1 and t < length for length in (5, 3, 0, 9)] for t in range(T)])
    np.testing.assert_array_equal(own_steps(T, (B,), [5, 3, 0, 9], mask), wanted)
    assert own_steps(T, (B,), None, None) is None


@pytest.mark.parametrize("reverse", [False, True])
def test_packed_steps_stand_together_where_running_begins(reverse):
    own = np.random.default_rng(0).random((7, 6)) < 0.5
    own[:, 0], own[:, 1] = False, True
    t = np.broadcast_to(np.arange(7)[:, None], own.shape)
    packed = jax.jit(packing, static_argnums=1)(own, reverse)
    found, latest = packed.pack(t), packed.unpack(packed.pack(t), jnp.full(6, -1))
    for b in range(6):
        steps = np.flatnonzero(own[:, b])
        behind = 7 - len(steps)
        place = slice(behind, None) if reverse else slice(len(steps))
        np.testing.assert_array_equal(found[place, b], steps)
        np.testing.assert_array_equal(np.flatnonzero(packed.own[:, b]), np.arange(7)[place])
        done = [steps[steps >= at] if reverse else steps[steps <= at] for at in range(7)]
        np.testing.assert_array_equal(latest[:, b], [(s[0] if reverse else s[-1]) if len(s) else -1 for s in done])
