"""The gradient at every step of time, in every recurrent part of anyone's model, by one backward pass."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from rnnx.engines._tree import depth
from rnnx.numerics import log10_state_norm
from rnnx.own_steps import own_steps
from rnnx.placement import like_step, like_steps, zeros_like_type
from rnnx.types import Array, Cell, GradientFlow, Params, Run, State, Trajectory
from rnnx.unroll import as_sequence, first_state, plain_run


def gradient_flow(
    cell: Cell,
    params: Params,
    xs: Array,
    loss: Callable[[Array], Array],
    *,
    lengths: Array | None = None,
    mask: Array | None = None,
) -> GradientFlow:
    """Differentiate a loss with respect to the parameters, every state and every input, in one backward pass.

    δ_t = ∂L/∂s_t is the total derivative: the state is perturbed after step t, before y_t is read and before step
    t + 1 (Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent neural networks").

    Call it under `jax.jit` if it is called more than once: outside, each call compiles anew. For a model of several
    recurrent parts there is `rnnx.gradient_flows`.

    Args:
      cell: the cell.
      params: its parameters.
      xs: inputs `[T, B, I]`.
      loss: maps the outputs `[T, B, Y]` to a scalar.
      lengths, mask: `[B]` and `[T, B]`, as in `rnnx.unroll`; the gradient is zero past an example's length. The flow is
        that of the sequences with the masked steps left out: what is left of each example stands at its start.

    Returns:
      `GradientFlow`: `.loss`, `.param_gradients`, `.state_gradients` (like the state, `[T, B, …]`),
      `.input_gradients [T, B, I]`, `.output_gradients [T, B, Y]`, `.log10_state_norm [T, B]`, `.states`
      (s_0 … s_T, `[T + 1, B, …]`), and what diagnostics need beside it: `rnnx.diagnostics.get(name)(flow)`.

    Raises:
      ValueError: as `rnnx.unroll`.

    How much of the gradient at the last of 50 steps is left at the first, in powers of ten:

    >>> import jax, rnnx
    >>> cell = rnnx.lstm(hidden_size=16, forget_bias=0.0)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> xs = jax.random.normal(jax.random.key(1), (50, 8, 3))
    >>> flow = rnnx.gradient_flow(cell, params, xs, loss=lambda ys: ys[-1].sum())
    >>> lost = flow.log10_state_norm[0] - flow.log10_state_norm[-1]
    >>> lost.shape, bool((lost < -5).all())
    ((8,), True)
    """
    xs = as_sequence(xs)

    def of_outputs(params: Params, run: Run) -> Array:
        return loss(run("cell", cell, params, xs, lengths=lengths, mask=mask).outputs)

    return gradient_flows(of_outputs, params)[2]["cell"]


def gradient_flows(
    loss: Callable[[Params, Run], Any], params: Params, *, has_aux: bool = False
) -> tuple[Any, Params, dict[str, GradientFlow]]:
    """Differentiate the loss of a model, and see the gradient at every step of each of its recurrent parts.

    The loss is handed a `run`, to be called in place of `rnnx.unroll` with the name of a part before its arguments; it
    may be called any number of times, with a name of its own each time.

    Call it under `jax.jit` if it is called more than once.

    Args:
      loss: maps the parameters and `run` to a scalar.
      params: a pytree of arrays.
      has_aux: the loss gives (scalar, anything else), as for `jax.value_and_grad`.

    Returns:
      (what the loss gives, ∂L/∂params, `{part: GradientFlow}`).

    Raises:
      ValueError: as `rnnx.unroll`; a name that is used twice.

    An encoder that hands its state to a decoder, each a GRU:

    >>> import jax, rnnx
    >>> cell = rnnx.gru(hidden_size=8)
    >>> params = {name: cell.init(jax.random.key(n), 3) for n, name in enumerate(("encoder", "decoder"))}
    >>> source, target = jax.random.normal(jax.random.key(2), (2, 20, 4, 3))
    >>> def loss(params, run):
    ...     encoded = run("encoder", cell, params["encoder"], source)
    ...     decoded = run("decoder", cell, params["decoder"], target, encoded.final_state)
    ...     return (decoded.outputs[-1] ** 2).mean()
    >>> value, gradients, flows = rnnx.gradient_flows(loss, params)
    >>> sorted(flows), flows["encoder"].state_gradients.h.shape
    (['decoder', 'encoder'], (20, 4, 8))
    """
    statics: dict[str, tuple[Cell, bool, bool]] = {}

    def probed(
        params: Params, probes: dict[str, Any] | None
    ) -> tuple[Array, tuple[Any, dict[str, Any], dict[str, Any]]]:
        """The loss; what else it gives, what each part could be probed at, and what else there is to tell of each."""
        seen: dict[str, Any] = {}
        facts: dict[str, Any] = {}

        def run(
            name: str, cell: Cell, params: Params, xs: Array, state: State | None = None, **options: Any
        ) -> Trajectory:
            if name in seen:
                raise ValueError(f"the part {name!r} has run already; each call of run needs a name of its own.")
            xs = as_sequence(xs)
            probe = None if probes is None else probes[name]
            statics[name] = cell, state is not None, options.get("reverse", False)
            if probe is not None:
                params, xs = _tap((params, xs), (probe["params"], probe["inputs"]))
            trajectory = plain_run(
                name,
                cell,
                params,
                xs,
                state,
                return_states=True,
                perturbations=None if probe is None else probe["states"],
                **options,
            )
            outputs, final_state = trajectory.outputs, trajectory.final_state
            if probe is not None:
                outputs, final_state = _tap((outputs, final_state), (probe["outputs"], probe["final_state"]))
            seen[name] = {
                "params": params,
                "inputs": xs,
                "states": trajectory.states,
                "outputs": outputs,
                "final_state": final_state,
            }
            s_0 = first_state(cell, params, xs) if state is None else like_step(xs, state)
            facts[name] = {"params": params, "xs": xs, "s_0": s_0, "states": trajectory.states}
            facts[name] |= {option: options.get(option) for option in ("lengths", "mask", "resets", "children")}
            return Trajectory(outputs, final_state, trajectory.states)

        value, aux = loss(params, run) if has_aux else (loss(params, run), None)
        return value, (aux, seen, facts)

    shapes = jax.eval_shape(lambda params: probed(params, None)[1][1], params)
    zeros = jax.tree.map(zeros_like_type, shapes)
    (value, (aux, _, facts)), (gradients, found) = jax.value_and_grad(probed, argnums=(0, 1), has_aux=True)(
        params, zeros
    )
    flows = {name: _flow(value, *statics[name], facts[name], found[name]) for name in statics}
    return (value, aux) if has_aux else value, gradients, flows


def _flow(
    loss: Array,
    cell: Cell,
    state_given: bool,
    reverse: bool,
    facts: dict[str, Any],
    gradients: dict[str, Any],
) -> GradientFlow:
    """What was seen of one part, in the order in which its time ran."""
    params, xs, s_0, states = (facts[name] for name in ("params", "xs", "s_0", "states"))
    lengths, mask, resets, children = (facts[name] for name in ("lengths", "mask", "resets", "children"))
    T, *batch_shape = xs.shape[:-1]
    t = jnp.arange(T, dtype=jnp.int32).reshape(T, *[1] * len(batch_shape))
    own = own_steps(T, tuple(batch_shape), lengths, mask)
    valid = jnp.ones((T, *batch_shape), bool) if own is None else like_steps(xs, own)
    length = jnp.sum(valid, axis=0, dtype=jnp.int32)
    over_time = (xs, resets, states, gradients["inputs"], gradients["outputs"], gradients["states"])
    position = jnp.broadcast_to(t, valid.shape)
    if reverse or mask is not None:
        position = jnp.argsort(jnp.where(valid, -t if reverse else t, T), axis=0)  # stable, so padding stays last
        over_time = jax.tree.map(lambda a: _at(jnp.asarray(a), position), over_time)
    xs, resets, states, d_inputs, d_outputs, d_states = over_time
    lag = jnp.maximum(length - 1 - t, -1) if children is None else depth(children, valid)
    if own is not None:
        d_outputs = jnp.where((lag >= 0)[..., None], d_outputs, 0)
    return GradientFlow(
        loss=loss,
        cell=cell,
        params=params,
        inputs=xs,
        states=jax.tree.map(lambda s_0, s: jnp.concatenate([s_0[None], s]), s_0, states),
        state_given=state_given,
        reverse=reverse,
        lengths=None if own is None else length,
        resets=resets,
        children=None if children is None else jnp.asarray(children),
        lag=lag,
        position=position,
        param_gradients=gradients["params"],
        input_gradients=d_inputs,
        output_gradients=d_outputs,
        final_state_gradients=gradients["final_state"],
        state_gradients=d_states,
        log10_state_norm=log10_state_norm(d_states, xs.shape[:-1]),
    )


def _at(a: Array, position: Array) -> Array:
    """a[position[t, b], b] of `[T, B, …]`."""
    index = position.reshape(*position.shape, *[1] * (a.ndim - position.ndim))
    return jnp.take_along_axis(a, index, axis=0)


@jax.custom_vjp
def _tap(tree: Any, probe: Any) -> Any:
    """The tree as it is; its cotangent goes to the probe too, so that it can be asked for wherever the tree is made.

    Where `tree + probe` with a probe of zero would do in exact arithmetic, nothing is added here.
    """
    return tree


_tap.defvjp(lambda tree, probe: (tree, None), lambda _, gradient: (gradient, gradient))
