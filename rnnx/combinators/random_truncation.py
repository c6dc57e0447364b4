"""Back-propagation through time that is cut at random, without bias.

    forward     s_t = step(s_{t-1}, x_t)                                    as it is
    backward    δ_{t-1} = ∂⁺L/∂s_{t-1} + w_t (∂s_t/∂s_{t-1})ᵀ δ_t           w_t = 0 with probability c, else 1 / (1 - c)

The w_t are independent and have the mean 1, so the mean over draws is the whole gradient: what goes on past a cut that
might have been makes up for what was cut. Variant: ARTBP, Tallec & Ollivier 2017 ("Unbiasing truncated backpropagation
through time"), with the same c at each step. As there, a batch is cut at the same steps in all its examples.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from rnnx.combinators import _common
from rnnx.combinators._each import each
from rnnx.factory import factory
from rnnx.placement import like_steps
from rnnx.types import Array, Cell, Composed, Params, State


@factory
def random_truncation(cell: Cell, key: Array, probability: float | Array) -> Cell:
    """The cell with one draw of steps at which no gradient passes to the state before (Tallec & Ollivier 2017).

    Values are the cell's, and so is the gradient on average; a single one is the noisier the further back it comes
    from, by a factor of 1 / (1 - c) a step in its variance. Parameters and state are the cell's too. Training makes
    this cell inside the loss from the key of the training step; it can be unrolled but not stepped. Time runs by
    `scan` whatever the cell's form is, at the cost of a pass without truncation. Of a cell made of cells each has draws
    of its own: one draw would bias a gradient that crosses a step twice, through two layers in opposite directions.

    Args:
      cell: the cell.
      key: what the cuts are drawn from.
      probability: c, the chance of a cut at each step, at least 0 and below 1: stretches are 1 / c steps long on
        average. It may be traced.

    Raises:
      ValueError: something that is not a cell or a key; a probability outside [0, 1).

    >>> import jax, rnnx
    >>> cell = rnnx.gru(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> def loss(params, key):
    ...     cut = rnnx.random_truncation(cell, key, 0.2)
    ...     return rnnx.unroll(cut, params, jax.numpy.ones((30, 2, 3))).outputs.sum()
    >>> one, other = (jax.value_and_grad(loss)(params, jax.random.key(n)) for n in (1, 2))
    >>> bool(one[0] == other[0]), bool((one[1].bias == other[1].bias).any())
    (True, False)
    """
    _common.cells("random_truncation", cell)
    _common.key(key)
    if not isinstance(probability, jax.Array) and _common.rate("probability", probability) == 1:
        raise ValueError("probability must be below 1, since what is not cut is divided by 1 - probability.")

    if isinstance(cell.form, Composed):
        return each(cell, lambda number, part: random_truncation(part, jax.random.fold_in(key, number), probability))

    def over_time(
        run: Callable, params: Params, xs: Array, state: State, perturbations: State | None
    ) -> tuple[State, State]:
        kept = _kept(key, probability, xs.shape[0]).astype(xs.dtype).reshape(-1, *[1] * (xs.ndim - 1))
        # The draws travel beside x_t, so that they reach any engine's steps.
        kept = like_steps(xs, jnp.broadcast_to(kept, (*xs.shape[:-1], 1)))
        xs = jnp.concatenate([xs, kept], axis=-1)
        return run(_cut(cell, probability), params, xs, state, perturbations)

    return cell._replace(step=None, form=Composed(over_time))


def _kept(key: Array, probability: float | Array, steps: int) -> Array:
    """At which steps the gradient passes, [T]; those of the first steps do not depend on how many there are."""

    def at_step(t: Array) -> Array:
        return jax.random.bernoulli(jax.random.fold_in(key, t), 1 - probability)

    return jax.vmap(at_step)(jnp.arange(steps))


def _cut(cell: Cell, probability: float | Array) -> Cell:
    """The cell with the gradient of the state before a step multiplied by w, from 0 or 1 as the last of the inputs."""

    def step(params: Params, state: State, x: Array) -> State:
        assert cell.step is not None
        kept = x[..., -1]

        def weighed(s: Array) -> Array:
            w = kept.astype(s.dtype) / jnp.asarray(1 - probability, s.dtype)
            return _weighed(s, w.reshape(*w.shape, *[1] * (s.ndim - w.ndim)))

        return cell.step(params, jax.tree.map(weighed, state), x[..., :-1])

    return cell._replace(step=step, form=None)


@jax.custom_jvp
def _weighed(s: Array, w: Array) -> Array:
    """s itself, with the derivative w."""
    return s


@_weighed.defjvp
def _(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    s, w = primals
    return s, w * tangents[0]
