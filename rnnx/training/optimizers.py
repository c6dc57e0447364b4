"""Optimisers by the names of optax, with all that they can be given without compiling anew."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from rnnx.norm import global_norm
from rnnx.types import Array, Params


class Hyperparameters(NamedTuple):
    """What experiments of one compiled program may differ in; under `vmap`, arrays with an axis of experiments."""

    seed: Array | np.uint32 | int
    learning_rate: Array | float
    """Of the optimiser; a schedule multiplies it."""
    clip_norm: Array | float = math.inf
    """Limit of the global gradient norm; infinite for none."""
    clip_value: Array | float | None = None
    """Limit of the size of each number of the gradient, before `clip_norm`; `None`, in another program, for none."""
    weight_decay: Array | float = 0.0
    """λ of AdamW, by which each step also takes learning rate × λ × parameters from the parameters."""
    momentum: Array | float = 0.0
    """Of plain gradient descent: how much of the step before is in the next one."""


class Groups(NamedTuple):
    """What is done otherwise with some of the parameters, by the names by which a model calls them: `embedding`,
    `cells` or `tree`, `readout`."""

    l2: tuple[tuple[str, float], ...] = ()
    """λ of groups, whose gradient is that of the loss and of λ/2 ‖parameters‖², which no clipping sees."""
    sgd: tuple[tuple[str, float], ...] = ()
    """The rate of groups that are trained by plain gradient descent, whatever optimiser and schedule others have."""
    restart_every: int = 0
    """Training steps after which the optimiser begins anew, as if there had been none; 0 for never."""
    initial_sum: float = 0.1
    """Of AdaGrad: what its sums of squares begin with."""


PLAIN_GROUPS = Groups()

OPTIMIZERS: dict[str, Callable[[Any, Hyperparameters, Groups], optax.GradientTransformation]] = {
    "adam": lambda rate, given, groups: optax.adam(rate),
    "adamw": lambda rate, given, groups: optax.adamw(rate, weight_decay=given.weight_decay),
    "adagrad": lambda rate, given, groups: optax.adagrad(rate, groups.initial_sum),
    "rmsprop": lambda rate, given, groups: optax.rmsprop(rate),
    "sgd": lambda rate, given, groups: optax.sgd(rate, momentum=given.momentum),
}
"""Adam (Kingma & Ba 2015); with decoupled weight decay of all parameters (Loshchilov & Hutter 2019); AdaGrad (Duchi,
Hazan & Singer 2011); RMSprop with a decay of 0.9 (Tieleman & Hinton 2012); gradient descent with momentum."""

HAVE: dict[str, str] = {"weight_decay": "adamw", "momentum": "sgd", "initial_sum": "adagrad"}
"""What one optimiser has, and no other."""


def update_rule(
    optimizer: str, learning_rate: Array | float, given: Hyperparameters, groups: Groups = PLAIN_GROUPS
) -> optax.GradientTransformation:
    """Clipping, and then one of `OPTIMIZERS`, with what is done otherwise with some groups.

    Args:
      optimizer: its name.
      learning_rate: the one in force, of which `given` does not tell.
      given: all else that trials of one program may differ in.
      groups: of the parameters, which then are a dictionary; to begin anew is the caller's to do.

    >>> rule = update_rule("sgd", 0.1, Hyperparameters(seed=0, learning_rate=0.1, clip_value=0.5))
    >>> params = {"w": jnp.zeros(2)}
    >>> rule.update({"w": jnp.array([2.0, -0.2])}, rule.init(params), params)[0]
    {'w': Array([-0.05,  0.02], dtype=float32)}
    """
    clip = optax.stateless(lambda gradients, _: _clipped(gradients, given))
    rule = OPTIMIZERS[optimizer](learning_rate, given, groups)
    if groups.sgd:
        others = {name: optax.sgd(rate) for name, rate in groups.sgd}
        rule = optax.partition({"": rule, **others}, lambda params: {n: n if n in others else "" for n in params})
    penalties = [
        optax.add_decayed_weights(strength, lambda params, name=name: {n: n == name for n in params})
        for name, strength in groups.l2
    ]
    return optax.chain(clip, *penalties, rule)


def clipped_norm(gradients: Params, norm: Array, given: Hyperparameters) -> Array:
    """The largest global norm that clipping may leave of gradients of this `norm`."""
    limit = jnp.minimum(norm, given.clip_norm)
    if given.clip_value is None:
        return limit
    count = sum(leaf.size for leaf in jax.tree.leaves(gradients))
    return jnp.minimum(limit, given.clip_value * math.sqrt(count))


def _clipped(gradients: Params, given: Hyperparameters) -> Params:
    """As `optax.clip`, and `optax.clip_by_global_norm`, which squares, and finds nothing left of a gradient of 1e20."""
    if given.clip_value is not None:
        gradients = optax.tree.clip(gradients, -given.clip_value, given.clip_value)
    norm, limit = global_norm(gradients), given.clip_norm
    return jax.tree.map(lambda g: jnp.where(norm < limit, g, g / norm.astype(g.dtype) * limit), gradients)
