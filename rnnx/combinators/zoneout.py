"""Zoneout: units that keep their previous value.

    s_t = z_t ⊙ s_{t-1} + (1 - z_t) ⊙ s̃_t    z_t ~ Bernoulli(p), for each step, example and unit     training
    s_t =   p   s_{t-1} + (1 -   p) s̃_t                                                              evaluation

s̃_t is the cell's own step from s_{t-1}. Variant: Krueger et al. 2017; of an LSTM, h̃_t = o_t ⊙ tanh(c̃_t) is read off the
cell's own c̃_t, and c and h have masks, and if wanted rates, of their own. Where z_t = 1 the old value is chosen, not
multiplied. Of a cell made of cells, each one gets masks of its own.
"""

import functools
import math
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np

from rnnx import registry
from rnnx.combinators import _common
from rnnx.combinators._each import each
from rnnx.factory import factory
from rnnx.placement import like_steps
from rnnx.pytrees import named_leaves
from rnnx.types import Array, Cell, Composed, Dense, Diagonal, Params, State


@factory
def zoneout(cell: Cell, rate: float | Mapping[str, float], key: Array | None = None) -> Cell:
    """The cell with units that keep their previous value at random (Krueger et al. 2017).

    Parameters and state are the cell's. Training makes the cell inside the loss from the key of the training step, and
    it can be unrolled but not stepped; evaluation leaves the key out, and the cell can be stepped like the one inside
    (unless that one is made of cells: put `zoneout` around each of them where stepping is wanted).

    Args:
      cell: the cell.
      rate: p, the chance to keep the previous value; by part of the state where they differ, as in
        `{"c": 0.5, "h": 0.05}` for an LSTM, with 0 for a part that is not named.
      key: what the masks are drawn from; `None` takes the expectation over them.

    Raises:
      ValueError: something that is not a cell or a key; a rate outside [0, 1]; when run, a rate for a part that the
        state does not have.

    >>> import jax, rnnx
    >>> cell, rate = rnnx.lstm(hidden_size=8), {"c": 0.5, "h": 0.05}
    >>> params = cell.init(jax.random.key(0), 3)
    >>> training = rnnx.zoneout(cell, rate, jax.random.key(1))
    >>> rnnx.unroll(training, params, jax.numpy.ones((5, 2, 3))).outputs.shape
    (5, 2, 8)
    >>> evaluation = rnnx.zoneout(cell, rate)
    >>> rnnx.unroll(evaluation, params, jax.numpy.ones((5, 2, 3))).outputs.shape
    (5, 2, 8)
    """
    _common.cells("zoneout", cell)
    if isinstance(rate, Mapping):
        for part, value in rate.items():
            _common.rate(f"rate of {part!r}", value)
    else:
        _common.rate("rate", rate)
    if key is not None:
        _common.key(key)

    if isinstance(cell.form, Composed):

        def hold(number: int, part: Cell) -> Cell:
            return zoneout(part, rate, None if key is None else jax.random.fold_in(key, number))

        return each(cell, hold)

    if key is None:
        return _mixed(cell, 0, lambda _, old, new: _expected(rate, old, new))

    def over_time(
        run: Callable, params: Params, xs: Array, state: State, perturbations: State | None
    ) -> tuple[State, State]:
        # One chance for each number in the state. The draws travel beside x_t, so that they reach any engine's steps.
        shapes = [leaf.shape[xs.ndim - 2 :] for leaf in jax.tree.leaves(state)]
        chances = np.repeat(_rates(rate, state), list(map(math.prod, shapes)))
        held = jax.random.bernoulli(key, chances, (*xs.shape[:-1], len(chances)))
        xs = jnp.concatenate([xs, like_steps(xs, held.astype(xs.dtype))], axis=-1)
        return run(_mixed(cell, len(chances), functools.partial(_chosen, shapes)), params, xs, state, perturbations)

    return cell._replace(step=None, form=Composed(over_time))


def _mixed(cell: Cell, size: int, mix: Callable[[Array, State, State], State]) -> Cell:
    """The cell with s_t = mix(beside, s_{t-1}, s̃_t), where `beside` is the last `size` entries of the inputs.

    `mix` acts on each entry alone, and is linear in the two states together.
    """

    def parted(a: Array) -> list[Array]:
        return jnp.split(a, [a.shape[-1] - size], axis=-1)

    form = cell.form
    if isinstance(form, Dense):

        def project(params: Params, xs: Array) -> Array:
            xs, beside = parted(xs)
            gx = form.project(params, xs)
            return jnp.concatenate([gx, beside.astype(gx.dtype)], axis=-1)

        def pointwise(params: Params, state: State, gx: Array, gh: Array) -> State:
            gx, beside = parted(gx)
            return mix(beside, state, form.pointwise(params, state, gx, gh))

        dense = form._replace(project=project, pointwise=pointwise)
        return cell._replace(step=dense.step, form=dense)

    if isinstance(form, Diagonal):

        def coefficients(params: Params, xs: Array) -> tuple[State, State]:
            xs, beside = parted(xs)
            a, b = form.coefficients(params, xs)
            # mix(s, a s + b) = mix(1, a) s + mix(0, b)
            ones, zeros = jax.tree.map(jnp.ones_like, a), jax.tree.map(jnp.zeros_like, b)
            return mix(beside, ones, a), mix(beside, zeros, b)

        diagonal = Diagonal(coefficients)
        return cell._replace(step=diagonal.step, form=diagonal)

    def step(params: Params, state: State, x: Array) -> State:
        assert cell.step is not None
        x, beside = parted(x)
        return mix(beside, state, cell.step(params, state, x))

    return cell._replace(step=step)


def _expected(rate: float | Mapping[str, float], old: State, new: State) -> State:
    """p s_{t-1} + (1 - p) s̃_t."""
    p = jax.tree.unflatten(jax.tree.structure(old), _rates(rate, old))
    return jax.tree.map(lambda p, old, new: p * old + (1 - p) * new, p, old, new)


def _chosen(shapes: list[tuple[int, ...]], held: Array, old: State, new: State) -> State:
    """s_{t-1} where `held [..., S]` is not zero, else s̃_t, of which one example's parts have these shapes."""
    ends = np.cumsum(list(map(math.prod, shapes)))
    parts_held = zip(jnp.split(held != 0, ends[:-1], axis=-1), shapes, strict=True)
    z = [part.reshape(*part.shape[:-1], *shape) for part, shape in parts_held]
    return jax.tree.map(jnp.where, jax.tree.unflatten(jax.tree.structure(old), z), old, new)


def _rates(rate: float | Mapping[str, float], state: State) -> list[float]:
    """p of each part of a state, in their order."""
    names = list(named_leaves(state))
    if not isinstance(rate, Mapping):
        return [float(rate)] * len(names)
    for name in rate:
        if name not in names:
            raise ValueError(registry.unknown("part of the state", name, names))
    return [float(rate.get(name, 0.0)) for name in names]
