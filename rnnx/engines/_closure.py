"""What the functions of a `Dense` form close over, made parameters.

A function with a derivative of its own may not close over values that are being traced: differentiated, mapped over, or
of a loop or a `jax.checkpoint` around it. Nor may it be differentiated by whole numbers or by keys of random numbers.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun

from rnnx.types import Array, Dense, Params, State


class Opened(NamedTuple):
    """A form, with all that its functions depend on."""

    form: Callable[[list[Array]], Dense]
    """(fixed) -> the form, as one of `params`."""
    params: Any
    """What may be differentiated by: the parameters, and with them what was closed over."""
    fixed: list[Array]
    """The rest of both."""


def opened(form: Dense, params: Params, x: Array, state: State, stretches: Iterable[int]) -> Opened:
    """The form for one step, and for stretches of so many steps at once.

    It is the form itself, and its parameters, if nothing traced is closed over and all parameters are numbers.
    """
    closes = any(_is_traced(c) for c in jax.make_jaxpr(form.step)(params, state, x).consts)
    if not closes and all(map(_is_number, jax.tree.leaves(params))):
        return Opened(lambda fixed: form, params, [])

    # Traced here: in the backward pass it is too late, what was closed over is then no longer to be had.
    functions = form.project, form.recurrent, form.hidden, form.pointwise
    programs = {}
    for leading in ((), *((size,) for size in stretches)):
        xs, states = (jax.eval_shape(lambda tree, n=leading: _repeated(tree, n), tree) for tree in (x, state))
        gx = jax.eval_shape(form.project, params, xs)
        gh = jax.eval_shape(lambda params, s: form.hidden(params, s) @ form.recurrent(params), params, states)
        for number, arguments in enumerate(((xs,), (), (states,), (states, gx, gh))):
            programs[number, _shapes(arguments)] = jax.make_jaxpr(functions[number], return_shape=True)(
                params, *arguments
            )
    closed = list({id(c): c for program, _ in programs.values() for c in program.consts if _is_traced(c)}.values())
    leaves, structure = jax.tree.flatten((params, closed))

    def of_fixed(fixed: list[Array]) -> Dense:
        def of_numbers(number: int) -> Callable:
            def call(numbers: list[Array], *arguments: Any) -> Any:
                rest = {True: iter(numbers), False: iter(fixed)}
                params, values = jax.tree.unflatten(structure, [next(rest[_is_number(leaf)]) for leaf in leaves])
                instead = {id(old): new for old, new in zip(closed, values, strict=True)}
                program, result = programs[number, _shapes(arguments)]
                function = jaxpr_as_fun(ClosedJaxpr(program.jaxpr, [instead.get(id(c), c) for c in program.consts]))
                return jax.tree.unflatten(jax.tree.structure(result), function(*jax.tree.leaves((params, arguments))))

            return call

        project, recurrent, hidden, pointwise = map(of_numbers, range(len(functions)))
        return Dense(project, recurrent, hidden, pointwise)

    numbers, fixed = ([leaf for leaf in leaves if _is_number(leaf) is kind] for kind in (True, False))
    return Opened(of_fixed, numbers, fixed)


def _is_traced(constant: Any) -> bool:
    return isinstance(constant, jax.core.Tracer)


def _is_number(leaf: Array) -> bool:
    """Whether there is a derivative by it."""
    return jnp.issubdtype(leaf.dtype, jnp.inexact)


def _repeated(tree: Any, leading: tuple[int, ...]) -> Any:
    return jax.tree.map(lambda a: jnp.broadcast_to(a, (*leading, *a.shape)), tree)


def _shapes(tree: Any) -> tuple[tuple[int, ...], ...]:
    return tuple(leaf.shape for leaf in jax.tree.leaves(tree))
