"""What the functions of a `Dense` form depend on, found by tracing them once."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from rnnx.types import Array, Dense, Params, State


class StepParams(NamedTuple):
    """The parameters that a step itself uses, such as a bias of the recurrent product: few, and small."""

    params: Params
    used: tuple[bool, ...]

    def of(self, params: Params) -> list[Array]:
        """Those parameters, taken out."""
        return [leaf for leaf, used in zip(jax.tree.leaves(params), self.used, strict=True) if used]

    def put(self, small: list[Array]) -> Params:
        """All parameters, with those put in."""
        return self._changed(self.params, small, lambda old, new: new)

    def add(self, gradients: Params, small: list[Array]) -> Params:
        """Gradients of all parameters, with more of those added."""
        return self._changed(gradients, small, lambda old, new: old + new)

    def _changed(self, params: Params, small: list[Array], change: Callable[[Array, Array], Array]) -> Params:
        leaves, structure = jax.tree.flatten(params)
        news = iter(small)
        changed = [change(leaf, next(news)) if used else leaf for leaf, used in zip(leaves, self.used, strict=True)]
        return jax.tree.unflatten(structure, changed)


def used_in_steps(form: Dense, params: Params, x: Array, state: State) -> StepParams:
    """The parameters that `pointwise` and `hidden` use.

    A vjp with respect to all parameters would give zeros in the shape of every matrix at every step.
    """
    state, gx, gh = _shapes(form, params, x, state)
    leaves = len(jax.tree.leaves(params))

    def used(function: Callable, *arguments: Any) -> list[bool]:
        jaxpr = jax.make_jaxpr(function)(params, *arguments).jaxpr
        read = {id(v) for equation in jaxpr.eqns for v in equation.invars} | {id(v) for v in jaxpr.outvars}
        return [id(variable) in read for variable in jaxpr.invars[:leaves]]

    either = zip(used(form.pointwise, state, gx, gh), used(form.hidden, state), strict=True)
    return StepParams(params, tuple(a or b for a, b in either))


def depends_on_sum(form: Dense, params: Params, x: Array, state: State) -> bool:
    """Whether ∂pointwise/∂gx and ∂pointwise/∂gh are the same expression, so that only gx + gh matters."""
    state, gx, gh = _shapes(form, params, x, state)

    def cotangents(state: State, gx: Array, gh: Array, delta: State) -> tuple[Array, Array]:
        return jax.vjp(lambda gx, gh: form.pointwise(params, state, gx, gh), gx, gh)[1](delta)

    of_gx, of_gh = jax.make_jaxpr(cotangents)(state, gx, gh, state).jaxpr.outvars
    return of_gx is of_gh


def _shapes(form: Dense, params: Params, x: Array, state: State) -> tuple[State, Any, Any]:
    """Shapes and types of the state, gx and gh at one step."""
    gx = jax.eval_shape(form.project, params, x)
    gh = jax.eval_shape(lambda p, s: form.hidden(p, s) @ form.recurrent(p), params, state)
    return jax.eval_shape(lambda s: s, state), gx, gh
