"""The gradient at every step, in every recurrent layer of anyone's Flax model, by one call and no change to the model.

Layers of `rnnx.flax_modules` run time by `run_layer`. While a loss is differentiated here that hands each of them on to
the run of `rnnx.gradient_flows`; at any other time it is `rnnx.unroll`.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, NamedTuple

from flax import nnx
from jax.extend import core

from rnnx.gradient_flow import gradient_flows
from rnnx.types import Array, Cell, GradientFlow, Params, Run, State, Trajectory
from rnnx.unroll import plain_run


def nnx_gradient_flows(
    loss_fn: Callable[..., Any], model: nnx.Module, *args: Any, has_aux: bool = False
) -> tuple[Any, nnx.State, dict[str, GradientFlow]]:
    """Differentiate the loss of an NNX model, and see the gradient at every step of each of its recurrent layers.

    It is what `nnx.value_and_grad(loss_fn)(model, *args)` gives, and one `rnnx.GradientFlow` for each time that an
    `NNXRecurrent` in the model is called. The model is measured and stays as it is: what the call would change in it,
    such as counts of random numbers or statistics of batches, is not kept, in the arguments neither.

    Call it under `nnx.jit` or `jax.jit` if it is called more than once.

    Args:
      loss_fn: (model, *args) -> a scalar.
      model: any module, with layers of `rnnx.flax_modules` anywhere in it.
      args: what the loss takes beside it.
      has_aux: the loss gives (scalar, anything else), as for `nnx.value_and_grad`.

    Returns:
      (what the loss gives, its gradient with respect to every `nnx.Param` as `nnx.Optimizer.update` takes it,
      `{path: GradientFlow}`). A path is that of the layer in the model, `encoder/rnn` for `model.encoder.rnn`, and
      `cell` for a model that is a layer itself; the second call of a layer is `encoder/rnn#2`. Flows are time-major,
      as all of rnnx is.

    Raises:
      ValueError: a layer is called within a transformation of its own (`nnx.jit`, `nnx.scan`, `nnx.vmap`, `nnx.remat`,
        …) inside of the loss.

    >>> import jax.numpy as jnp, rnnx
    >>> from rnnx.flax_modules import NNXRecurrent
    >>> class Model(nnx.Module):
    ...     def __init__(self, rngs):
    ...         self.lower = NNXRecurrent(rnnx.gru(8), 3, rngs=rngs)
    ...         self.upper = NNXRecurrent(rnnx.lstm(8), 8, rngs=rngs)
    ...     def __call__(self, xs):
    ...         return self.upper(self.lower(xs))[:, -1]
    >>> model = Model(nnx.Rngs(0))
    >>> def loss_fn(model, xs):
    ...     return jnp.mean(model(xs) ** 2)
    >>> loss, gradients, flows = nnx_gradient_flows(loss_fn, model, jnp.ones((4, 20, 3)))
    >>> {path: flow.log10_state_norm.shape for path, flow in flows.items()}
    {'lower': (20, 4), 'upper': (20, 4)}
    """
    graphdef, params, *rest = nnx.split(model, nnx.Param, ...)

    def loss(params: nnx.State, run: Run) -> Any:
        merged = nnx.merge(graphdef, params, *rest, copy=True)  # of what the call changes, too
        copies = [nnx.clone(arg) if isinstance(arg, nnx.Pytree) else arg for arg in args]
        paths = {id(node): "/".join(map(str, path)) for path, node in nnx.iter_graph(merged)}
        with _measuring(run, paths):
            return loss_fn(merged, *copies)

    return gradient_flows(loss, params, has_aux=has_aux)


def linen_gradient_flows(
    loss_fn: Callable[..., Any], params: Params, *args: Any, has_aux: bool = False
) -> tuple[Any, Params, dict[str, GradientFlow]]:
    """Differentiate the loss of a Linen model, and see the gradient at every step of each of its recurrent layers.

    It is what `jax.value_and_grad(loss_fn)(params, *args)` gives, and one `rnnx.GradientFlow` for each time that the
    loss has a `LinenRecurrent` applied. All else as `nnx_gradient_flows`.

    Args:
      loss_fn: (params, *args) -> a scalar; it calls `model.apply`.
      params: a pytree of arrays, the model's variables or the collection `params` of them.
      args: what the loss takes beside them.
      has_aux: the loss gives (scalar, anything else).

    >>> import jax, jax.numpy as jnp, rnnx
    >>> from rnnx.flax_modules import LinenRecurrent
    >>> model, xs = LinenRecurrent(rnnx.lstm(8)), jnp.ones((4, 20, 3))
    >>> variables = model.init(jax.random.key(0), xs)
    >>> def loss_fn(variables, xs):
    ...     return jnp.mean(model.apply(variables, xs)[:, -1] ** 2)
    >>> loss, gradients, flows = linen_gradient_flows(loss_fn, variables, xs)
    >>> flows["cell"].state_gradients.c.shape
    (20, 4, 8)
    """

    def loss(params: Params, run: Run) -> Any:
        with _measuring(run, {}):
            return loss_fn(params, *args)

    return gradient_flows(loss, params, has_aux=has_aux)


def run_layer(
    layer: Any, path: tuple[str, ...], cell: Cell, params: Params, xs: Array, state: State | None, **options: Any
) -> Trajectory:
    """Run the cell of a layer, as a part of the model that is being measured if there is one.

    `path` is where the layer knows itself to be, as one of Linen's does.
    """
    measured = _measured.get()
    if measured is None:
        return plain_run("", cell, params, xs, state, **options)
    name = "/".join(path) or measured.paths.get(id(layer), "") or "cell"
    if measured.trace != _trace():
        raise ValueError(
            f"the layer {name!r} is called within a transformation, such as jit, scan, vmap or remat, inside of the "
            "loss, and its gradient flow can't be seen from outside: transform the call of gradient flows instead."
        )
    count = measured.calls[name] = measured.calls.get(name, 0) + 1
    return measured.run(name if count == 1 else f"{name}#{count}", cell, params, xs, state, **options)


class _Measured(NamedTuple):
    """The model whose layers are looked at."""

    run: Run
    paths: dict[int, str]
    """By the identity of each module."""
    trace: Any
    """What JAX is tracing."""
    calls: dict[str, int]
    """How often each layer was called."""


# Of each thread, or asynchronous task, its own.
_measured: ContextVar[_Measured | None] = ContextVar("measured", default=None)


@contextlib.contextmanager
def _measuring(run: Run, paths: dict[int, str]) -> Iterator[None]:
    token = _measured.set(_Measured(run, paths, _trace(), {}))
    try:
        yield
    finally:
        _measured.reset(token)


def _trace() -> Any:
    return core.get_opaque_trace_state(convention="flax")
