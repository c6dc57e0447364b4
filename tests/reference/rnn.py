"""Elman's network: h_t = φ(a_t), a_t = x_t W + h_{t-1} U + b.

Backward, with α_t = ∂L/∂a_t:

    δ_t = ∂⁺L/∂h_t + α_{t+1} Uᵀ         α_t = δ_t ⊙ φ'(a_t)
    ∂L/∂W = Σ x_tᵀ α_t    ∂L/∂U = Σ h_{t-1}ᵀ α_t    ∂L/∂b = Σ α_t    ∂L/∂x_t = α_t Wᵀ
"""

from typing import Any

import numpy as np

from tests.reference import Gradients, Named, Reference

PHI = {"tanh": np.tanh, "relu": lambda a: np.where(a.real > 0, a, 0), "identity": lambda a: a}
SLOPE = {
    "tanh": lambda a: 1 - np.tanh(a) ** 2,
    "relu": lambda a: np.where(a > 0, 1.0, 0.0),
    "identity": np.ones_like,
}


def rnn(activation: str = "tanh") -> Reference:
    phi, slope = PHI[activation], SLOPE[activation]

    def unpack(params: Any) -> Named:
        return {
            "W": np.asarray(params.input_kernel),
            "U": np.asarray(params.recurrent_kernel),
            "b": np.asarray(params.bias),
        }

    def forward(p: Named, xs: np.ndarray, initial: Named) -> Named:
        h, hs = initial["h"], []
        for x in xs:
            h = phi(x @ p["W"] + h @ p["U"] + p["b"])
            hs.append(h)
        return {"h": np.stack(hs)}

    def backward(p: Named, xs: np.ndarray, initial: Named, direct: Named) -> Gradients:
        hs = np.concatenate([initial["h"][None], forward(p, xs, initial)["h"]])
        gradients = {name: np.zeros_like(value) for name, value in p.items()}
        dxs, deltas = np.zeros_like(xs), np.zeros_like(direct["h"])
        through_time = np.zeros_like(initial["h"])
        for t in reversed(range(len(xs))):
            x, h_tm1 = xs[t], hs[t]
            deltas[t] = direct["h"][t] + through_time
            alpha = deltas[t] * slope(x @ p["W"] + h_tm1 @ p["U"] + p["b"])
            gradients["W"] += x.T @ alpha
            gradients["U"] += h_tm1.T @ alpha
            gradients["b"] += alpha.sum(axis=0)
            dxs[t] = alpha @ p["W"].T
            through_time = alpha @ p["U"].T
        return Gradients(gradients, dxs, {"h": through_time}, {"h": deltas})

    return Reference(unpack, forward, backward)
