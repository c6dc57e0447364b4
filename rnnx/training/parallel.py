"""One program on many devices: a batch that is split over them, or trials that are.

Each device runs the program that a single one would run, on its share (`jax.shard_map`), and of a batch only sums over
it are exchanged, the loss and the gradient. It is not left to XLA to split the program: products over time are taken
over rows [T·B, …] (`rnnx.numerics`), of which the shares of B are no stretches, so that every device would be sent the
whole batch.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from rnnx.placement import vary
from rnnx.training.objective import Carried, Gradient
from rnnx.types import Array, Batch, Params

_AXIS = "data"
_BATCH_SPEC = PartitionSpec(_AXIS)
_STEP_BATCH_SPEC = PartitionSpec(None, _AXIS)


def mesh() -> Mesh:
    """All devices, those of other processes included, as one axis."""
    return Mesh(np.asarray(jax.devices()), (_AXIS,))


def replicated(mesh: Mesh) -> NamedSharding:
    """How an array lies that each device has a copy of."""
    return NamedSharding(mesh, PartitionSpec())


def replicate(tree: Any, mesh: Mesh) -> Any:
    """A pytree with a copy on each device. Of several processes each gives the same values.

    >>> replicate({"w": jnp.ones(3)}, mesh())["w"].is_fully_replicated
    True
    """

    def copies(leaf: Any) -> Array:
        host = np.asarray(leaf)
        return jax.make_array_from_callback(host.shape, replicated(mesh), lambda index: host[index])

    return jax.tree.map(copies, tree)


def local_copy(tree: Any) -> Any:
    """That copy of a pytree which this process's first device has."""
    return jax.tree.map(lambda leaf: leaf.addressable_data(0), tree)


def shard_batch(gradient: Gradient, mesh: Mesh) -> Gradient:
    """The loss and the gradient of a batch of which each device has a share.

    It is exact for all means over what the batch scores. A mean over examples, as Ω is, becomes a mean of the devices'
    means by the weights of what they score: the same if the examples weigh the same, as they do in all tasks of rnnx.

    Raises:
      ValueError: when called, a batch whose examples can't be shared out evenly.

    >>> import rnnx
    >>> cell = rnnx.gru(8)
    >>> def loss(params, batch, run):
    ...     return (run("cell", cell, params, batch.inputs).outputs[-1] ** 2).mean()
    >>> of_batch = rnnx.training.objective.gradient(loss, rnnx.training.objective.PLAIN)
    >>> batch = rnnx.tasks.get("adding")().sample(jax.random.key(1), 16, 10)
    >>> given = cell.init(jax.random.key(0), 2), batch, jax.random.key(2), jnp.int32(0), None
    >>> split_loss, _, _ = jax.jit(shard_batch(of_batch, mesh()))(*given)
    >>> bool(jnp.allclose(split_loss, jax.jit(of_batch)(*given)[0]))
    True
    """

    def of_share(
        params: Params, share: Batch, key: Array, step: Array, states: Carried
    ) -> tuple[Array, Params, Carried]:
        # The gradient of parameters that do not vary would be a sum over the devices, which here is one of parts.
        *found, ended = gradient(vary(params, frozenset({_AXIS})), share, key, step, states)
        weight = jnp.sum(share.weights)
        total = jax.lax.psum(weight, _AXIS)

        def part(value: Array) -> Array:
            # Where nothing is scored the mean over it is not defined, and it does not count.
            return jnp.where(weight == 0, jnp.zeros_like(value), value * (weight / total).astype(value.dtype))

        return *jax.lax.psum(jax.tree.map(part, found), _AXIS), ended

    def of_batch(
        params: Params, batch: Batch, key: Array, step: Array, states: Carried
    ) -> tuple[Array, Params, Carried]:
        check_batch_size(batch.weights.shape[-1], mesh.size)
        shares = jax.tree.map(lambda a: _BATCH_SPEC if a.ndim == 1 else _STEP_BATCH_SPEC, batch)
        shared_out = jax.shard_map(
            of_share,
            mesh=mesh,
            in_specs=(PartitionSpec(), shares, PartitionSpec(), PartitionSpec(), _BATCH_SPEC),
            out_specs=(PartitionSpec(), PartitionSpec(), _BATCH_SPEC),
        )
        return shared_out(params, batch, key, step, states)

    return of_batch


def check_batch_size(batch_size: int, devices: int) -> None:
    """That each device gets as many examples as the others.

    >>> check_batch_size(30, 4)
    Traceback (most recent call last):
    ValueError: batch_size must be a multiple of the number of devices (4), not 30; 28 and 32 are.
    """
    if batch_size % devices:
        below = batch_size - batch_size % devices
        near = f"{below} and {below + devices} are" if below else f"{devices} is"
        wanted = f"a multiple of the number of devices ({devices})"
        raise ValueError(f"batch_size must be {wanted}, not {batch_size}; {near}.")


def shard_trials(function: Callable, mesh: Mesh) -> Callable:
    """`jax.vmap(function)` with the first axis of all that comes in or goes out split over the devices.

    That axis must be a multiple of their number. Nothing is exchanged between the devices.

    >>> shard_trials(jnp.sum, mesh())(jnp.ones((8, 3)))
    Array([3., 3., 3., 3., 3., 3., 3., 3.], dtype=float32)
    """
    return jax.shard_map(jax.vmap(function), mesh=mesh, in_specs=_BATCH_SPEC, out_specs=_BATCH_SPEC)
