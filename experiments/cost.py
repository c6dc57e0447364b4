"""What training costs, read off the traced program: nothing is computed or compiled."""

import functools
import math
from typing import Any

import jax
from jax.interpreters.partial_eval import dce_jaxpr

from experiments import build
from experiments.config import Config


def parameters(config: Config) -> int:
    """How many numbers training changes, embeddings and readout included."""
    return _cost(build.program_key(config))[0]


def training_flops(config: Config) -> float:
    """Floating-point operations in the matrix products and convolutions of one training step.

    A product [M, K] by [K, N] takes 2 · M · K · N. All are counted that the step makes, forward and backward, as often
    as their loop goes round: so also what rematerialisation does again, and what an objective adds. What goes element
    by element is not. Of a choice the dearer branch counts, as of gradient flossing; of a loop whose end depends on its
    values, as of the engine `newton` and of trees that are run level by level, one round.

    Of cells with w weights in products, of which v are applied to data, that is 2 · (3w - v) · T · B: each weight
    multiplies forward, and backward once for its own gradient and once for that of what it is applied to, which data
    do not need.
    """
    return _cost(build.program_key(config))[1]


@functools.lru_cache(maxsize=256)
def _cost(config: Config) -> tuple[int, float]:
    traced, state = build.traced(config)  # which training finds again
    train = traced.jaxpr.jaxpr
    train, _ = dce_jaxpr(train, [True] * len(train.outvars))  # XLA does not compute what nobody uses either
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(state.params)), flops(train) / config.log_every


def flops(jaxpr: Any) -> float:
    """Floating-point operations in the products of a program, and of the programs within it: bodies of loops, branches.

    >>> flops(jax.make_jaxpr(lambda a: a @ a)(jax.numpy.ones((4, 4))).jaxpr)
    128.0
    """
    total = 0.0
    for equation in jaxpr.eqns:
        name, parts = equation.primitive.name, [getattr(p, "jaxpr", p) for p in jax.tree.leaves(equation.params)]
        inside = [flops(part) for part in parts if hasattr(part, "eqns")]
        if name in _PRODUCTS:
            total += 2.0 * math.prod(equation.outvars[0].aval.shape) * _PRODUCTS[name](equation)
        elif name == "cond":
            total += max(inside)
        else:
            total += sum(inside) * (equation.params["length"] if name == "scan" else 1)
    return total


def _summed_in_product(equation: Any) -> int:
    (contracted, _), _ = equation.params["dimension_numbers"]
    return math.prod(equation.invars[0].aval.shape[axis] for axis in contracted)


def _summed_in_convolution(equation: Any) -> int:
    kernel = equation.invars[1].aval.shape
    return math.prod(kernel) // kernel[equation.params["dimension_numbers"].rhs_spec[0]]


_PRODUCTS = {"dot_general": _summed_in_product, "conv_general_dilated": _summed_in_convolution}
"""How many products are added up for each number that comes out."""
