"""Time run over batches that are split over four devices, beside the same on one: run as a process, it prints JSON.

Its arguments are cases, `variant/engine/way/option`. Of each it says the largest difference of values and gradients
from what `scan` makes of the whole batch on one device, or with which error it ends.
"""

import functools
import json
import sys
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec

import rnnx
from rnnx.types import Dense, Trajectory
from tests.variants import VARIANTS, B, Example, T, Weights, example, like, over_time, weights

WAYS = ("shard_map", "explicit")
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},  # without a state, which then is zero on every device
    "masks": {},
    "reverse": {"reverse": True},
    "full": {"remat": "full"},
    "truncate": {"truncate": 3, "remat": 2},
}
WHOLE, SHARE, SHARE_OF_EACH_STEP = PartitionSpec(), PartitionSpec("data"), PartitionSpec(None, "data")


def flow(ex: Example, kind: str, option: str) -> Callable:
    """Value, trajectory and gradients of a loss that reaches everything."""

    def loss(params, xs, state, perturbations, w, lengths, resets):
        given = {} if option == "plain" else {"state": state, "perturbations": perturbations}
        masks = {} if option == "plain" else {"lengths": lengths, "resets": resets}
        trajectory = rnnx.unroll(
            ex.cell, params, xs, engine=kind, return_states=True, **given, **masks, **OPTIONS[option]
        )
        pairs = jax.tree.leaves(jax.tree.map(products, w, Weights(trajectory.outputs, trajectory.final_state)))
        return sum(map(jnp.sum, pairs)), trajectory

    return jax.value_and_grad(loss, argnums=(0, 1, 2, 3), has_aux=True)


def products(a, b):
    """Not `vdot`, which is over rows too."""
    return jnp.real(jnp.conj(a) * b)


def closing(cell):
    """A cell that closes over what is differentiated and over whole numbers, both of which the parameters hand over."""

    def closed(params, number):
        theta = params.bias[0]

        def pointwise(params, state, gx, gh):
            after = cell.form.pointwise(params, state, gx, gh)
            return after._replace(h=after.h * (1 + theta) + number.astype(gx.dtype))

        form = Dense(lambda p, xs: cell.form.project(p, xs) * theta, cell.form.recurrent, cell.form.hidden, pointwise)
        return cell._replace(form=form, step=form.step)

    return closed


def closing_flow(kind: str) -> Callable:
    cell = closing(rnnx.gru(3))

    def loss(params, xs, number):
        trajectory = rnnx.unroll(cell(params, number), params, xs, engine=kind)
        return jnp.sum(jnp.square(trajectory.outputs)), trajectory

    return jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)


def spread(function: Callable, way: str, given: tuple, specs: tuple, out_specs: Any) -> Any:
    """The function of a batch that is split."""
    if way == "explicit":
        with jax.set_mesh(jax.make_mesh((4,), ("data",))):
            return jax.jit(function)(*(jax.device_put(g, spec) for g, spec in zip(given, specs, strict=True)))

    def of_share(*given):
        (value, trajectory), gradients = function(*given)
        return (jax.lax.psum(value, "data"), trajectory), gradients

    mesh = jax.make_mesh((4,), ("data",), axis_types=(AxisType.Auto,))
    return jax.jit(jax.shard_map(of_share, mesh=mesh, in_specs=specs, out_specs=out_specs))(*given)


def in_shares(function: Callable, given: tuple, specs: tuple) -> Any:
    """One share of the batch after the other, for what is drawn by place: a device draws for its share alone."""

    def share(n, spec, tree):
        if spec == WHOLE:
            return tree
        return jax.tree.map(lambda a: jax.lax.slice_in_dim(a, n, n + 1, axis=len(spec) - 1), tree)

    compiled = jax.jit(function)
    found = [compiled(*jax.tree.map(functools.partial(share, n), specs, given)) for n in range(4)]
    (values, trajectories), (params, xs, state, perturbations) = jax.tree.map(lambda *a: jnp.stack(a), *found)

    def side_by_side(tree, axis):
        return jax.tree.map(lambda a: jnp.concatenate(list(a), axis), tree)

    outputs, final_state, states = trajectories
    trajectory = Trajectory(side_by_side(outputs, 1), side_by_side(final_state, 0), side_by_side(states, 1))
    params = jax.tree.map(lambda a: jnp.sum(a, 0), params)
    gradients = params, side_by_side(xs, 1), side_by_side(state, 0), side_by_side(perturbations, 1)
    return (jnp.sum(values), trajectory), gradients


def difference(case: str) -> float:
    variant, kind, way, option = case.split("/")
    if variant == "gradient_flow":
        return of_gradient_flow(way)
    if variant == "closing":
        ex = example("gru")
        given, specs = (ex.params, ex.xs, jnp.array(2)), (WHOLE, SHARE_OF_EACH_STEP, WHOLE)
        trajectory = Trajectory(SHARE_OF_EACH_STEP, SHARE, None)
        found = spread(closing_flow(kind), way, given, specs, ((WHOLE, trajectory), (WHOLE, SHARE_OF_EACH_STEP)))
        return largest(found, jax.jit(closing_flow("scan"))(*given))
    ex = example(variant)
    given = (ex.params, ex.xs, ex.state, like(over_time(ex.state, T), 3), weights(ex))
    resets = jnp.asarray(np.random.default_rng(0).random((T, B)) < 0.3)
    given = (*given, jnp.array([T, 3, 1, 0]), resets)
    steps = (WHOLE, SHARE_OF_EACH_STEP, SHARE, SHARE_OF_EACH_STEP)
    specs = (*steps, Weights(SHARE_OF_EACH_STEP, SHARE), SHARE, SHARE_OF_EACH_STEP)
    trajectory = Trajectory(SHARE_OF_EACH_STEP, SHARE, SHARE_OF_EACH_STEP)
    if VARIANTS[variant].drawn and way == "shard_map":
        wanted = in_shares(flow(ex, "scan", option), given, specs)
    else:
        wanted = jax.jit(flow(ex, "scan", option))(*given)
    return largest(spread(flow(ex, kind, option), way, given, specs, ((WHOLE, trajectory), steps)), wanted)


OVER_TIME = ("states", "lag", "state_gradients", "input_gradients", "output_gradients", "log10_state_norm")


def of_gradient_flow(way: str) -> float:
    ex = example("gru")

    def flow(params, xs, lengths):
        found = rnnx.gradient_flow(ex.cell, params, xs, lambda ys: jnp.sum(jnp.square(ys)), lengths=lengths)
        return (found.loss, {field: getattr(found, field) for field in OVER_TIME}), found.param_gradients

    given = (ex.params, ex.xs, jnp.array([T, 3, 1, 0]))
    specs = (WHOLE, SHARE_OF_EACH_STEP, SHARE)
    split = dict.fromkeys(OVER_TIME, SHARE_OF_EACH_STEP)
    return largest(spread(flow, way, given, specs, ((WHOLE, split), WHOLE)), jax.jit(flow)(*given))


def largest(found: Any, wanted: Any) -> float:
    def between(a, b):
        a, b = np.asarray(a), np.asarray(b)
        with np.errstate(invalid="ignore"):  # -inf in both
            return float(np.max(np.where(a == b, 0, np.abs(a - b)), initial=0))

    return max(jax.tree.leaves(jax.tree.map(between, found, wanted)))


def refused() -> dict[str, str]:
    """What is said of splits that there is no way to run."""
    cell = rnnx.gru(4)
    params, xs = cell.init(jax.random.key(0), 4), jnp.ones((8, 4, 4))
    mesh = jax.make_mesh((4,), ("data",))

    def line(params, xs):
        try:
            jax.jit(lambda params, xs: rnnx.unroll(cell, params, xs).outputs)(params, xs)
        except ValueError as error:
            return str(error)
        return ""

    def put(tree, *spec):
        return jax.device_put(tree, NamedSharding(mesh, PartitionSpec(*spec)))

    return {
        "time": line(params, put(xs, "data")),
        "features": line(params, put(xs, None, None, "data")),
        "parameters": line(jax.tree.map(lambda p: put(p, "data"), params), xs),
    }


if __name__ == "__main__":
    assert jax.device_count() == 4
    jax.config.update("jax_numpy_dtype_promotion", "strict")
    jax.config.update("jax_enable_x64", True)
    answers: dict[str, Any] = {}
    for asked in sys.argv[1:]:
        try:
            answers[asked] = refused() if asked == "refused" else difference(asked)
        except Exception as error:  # the others are of interest too
            answers[asked] = f"{type(error).__name__}: {error}"
    print(json.dumps(answers))
