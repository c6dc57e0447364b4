"""Cells in NumPy float64, with the backward pass through time derived by hand: what rnnx is held to.

One cell a file, with one function of the file's name that returns a `Reference`. They are written from the textbook
equations, gate by gate, and use neither JAX nor anything of rnnx. They are themselves held to complex-step derivatives
in test_reference.py, so that `forward` must take complex numbers.

δ_t is the total derivative ∂L/∂s_t: s_t is changed after step t has been done, so a change of c_t does not move the h_t
that was computed from it.
"""

import importlib.util
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pytest

Named = dict[str, np.ndarray]


class Gradients(NamedTuple):
    params: Named
    xs: np.ndarray  # [T, B, I]
    initial: Named  # ∂L/∂s_0, [B, H]
    states: Named  # ∂L/∂s_t, [T, B, H]


class Readout(NamedTuple):
    """Outputs that are not the state h itself."""

    forward: Callable[[Named, np.ndarray, Named], np.ndarray]
    """(params, xs [T, B, I], s_1 … s_T) -> y_1 … y_T, [T, B, Y]."""
    backward: Callable[[Named, np.ndarray, Named, np.ndarray], tuple[Named, np.ndarray, Named]]
    """(params, xs, s_1 … s_T, ∂L/∂y_t) -> direct parts of ∂L/∂params (those that are read), ∂L/∂x_t and ∂L/∂s_t."""


class Reference(NamedTuple):
    unpack: Callable[[Any], Named]
    """(params of the rnnx cell, or their gradient) -> the matrices of the textbook, by name."""
    forward: Callable[[Named, np.ndarray, Named], Named]
    """(params, xs [T, B, I], s_0) -> s_1 … s_T, [T, B, H]."""
    backward: Callable[[Named, np.ndarray, Named, Named], Gradients]
    """(params, xs, s_0, ∂⁺L/∂s_t [T, B, H]) -> total derivatives; ∂⁺ is the direct part, not through s_{t+1}."""
    readout: Readout | None = None
    """`None`: the output y_t is h_t."""

    def outputs(self, params: Named, xs: np.ndarray, states: Named) -> np.ndarray:
        """y_1 … y_T."""
        return states["h"] if self.readout is None else self.readout.forward(params, xs, states)

    def gradients(self, params: Named, xs: np.ndarray, initial: Named, dys: np.ndarray, direct: Named) -> Gradients:
        """Of Σ dys · y + Σ direct · s."""
        if self.readout is None:
            return self.backward(params, xs, initial, direct | {"h": direct["h"] + dys})
        states = self.forward(params, xs, initial)
        d_params, d_xs, d_states = self.readout.backward(params, xs, states, dys)
        found = self.backward(params, xs, initial, {part: direct[part] + d_states[part] for part in direct})
        return found._replace(
            params={name: value + d_params.get(name, 0) for name, value in found.params.items()}, xs=found.xs + d_xs
        )


def parts(state: Mapping[str, Any]) -> Named:
    """The parts of an rnnx state as real arrays: a complex part `h` becomes `h_re` and `h_im`.

    NumPy's references know real numbers only, which leaves the complex ones to the complex step, and makes them a check
    of JAX's convention, by which the gradient with respect to h is ∂L/∂h_re - i ∂L/∂h_im.
    """
    real = {}
    for name, value in state.items():
        value = np.asarray(value)
        real |= {f"{name}_re": value.real, f"{name}_im": value.imag} if np.iscomplexobj(value) else {name: value}
    return real


def gradient_parts(gradient: Mapping[str, Any]) -> Named:
    """The same for the gradient with respect to a state, as JAX gives it."""
    return parts({name: np.conj(value) for name, value in gradient.items()})


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
    kernels = {"W": params.input_kernel, "b": params.bias}
    if hasattr(params, "recurrent_kernel"):
        kernels["U"] = params.recurrent_kernel
    return {
        f"{letter}_{gate}": block
        for letter, kernel in kernels.items()
        for gate, block in zip(gates, np.split(np.asarray(kernel), len(gates), axis=-1), strict=True)
    }


def sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))
