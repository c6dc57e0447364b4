"""Cells in NumPy float64, with the backward pass through time derived by hand: what rnnx is held to.

One cell a file, with one function of the file's name that returns a `Reference`. They are written from the textbook
equations, gate by gate, and use neither JAX nor anything of rnnx. They are themselves held to complex-step derivatives
in test_reference.py, so that `forward` must take complex numbers.

δ_t is the total derivative ∂L/∂s_t: s_t is changed after step t has been done, so a change of c_t does not move the h_t
that was computed from it.
"""

import importlib.util
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

Named = dict[str, np.ndarray]


class Gradients(NamedTuple):
    params: Named
    xs: np.ndarray  # [T, B, I]
    initial: Named  # ∂L/∂s_0, [B, H]
    states: Named  # ∂L/∂s_t, [T, B, H]


class Reference(NamedTuple):
    unpack: Callable[[Any], Named]
    """(params of the rnnx cell, or their gradient) -> the matrices of the textbook, by name."""
    forward: Callable[[Named, np.ndarray, Named], Named]
    """(params, xs [T, B, I], s_0) -> s_1 … s_T, [T, B, H]; the output y_t is h_t."""
    backward: Callable[[Named, np.ndarray, Named, Named], Gradients]
    """(params, xs, s_0, ∂⁺L/∂s_t [T, B, H]) -> total derivatives; ∂⁺ is the direct part, not through s_{t+1}."""


def get(name: str, **options: object) -> Reference:
    """The reference called `name`; fails the test, saying what to write, if there is none."""
    module = f"{__name__}.{name}"
    if importlib.util.find_spec(module) is None:
        pytest.fail(
            f"no reference for {name!r}: write its equations in NumPy in tests/reference/{name}.py, "
            "after the pattern of tests/reference/rnn.py.",
            pytrace=False,
        )
    return getattr(importlib.import_module(module), name)(**options)


def blocks(params: Any, gates: str) -> Named:
    """The kernels of a gated rnnx cell cut into `W_k`, `U_k`, `b_k`, for the gates k in the order of its blocks."""
    kernels = {"W": params.input_kernel, "U": params.recurrent_kernel, "b": params.bias}
    return {
        f"{letter}_{gate}": block
        for letter, kernel in kernels.items()
        for gate, block in zip(gates, np.split(np.asarray(kernel), len(gates), axis=-1), strict=True)
    }


def sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))
