"""Gated recurrent unit, reset after the product (cuDNN, PyTorch, Keras):

    r = σ(x_t W_r + h_{t-1} U_r + b_r)    z = σ(x_t W_z + h_{t-1} U_z + b_z)
    m = h_{t-1} U_n + d    n = tanh(x_t W_n + b_n + r ⊙ m)    h_t = (1 - z) ⊙ n + z ⊙ h_{t-1}

Backward, with α_k the gradient of the argument of gate k:

    α_n = δ ⊙ (1 - z) ⊙ (1 - n²)    α_z = δ ⊙ (h_{t-1} - n) ⊙ z(1-z)    α_r = α_n ⊙ m ⊙ r(1-r)    ∂L/∂m = α_n ⊙ r
    δ_{t-1} = ∂⁺L/∂h_{t-1} + δ_t ⊙ z + α_r U_rᵀ + α_z U_zᵀ + (∂L/∂m) U_nᵀ
"""

from typing import Any

import numpy as np

from tests.reference import Gradients, Named, Reference, blocks, sigmoid

GATES = "rzn"  # the order of the blocks in rnnx's kernels


def gru() -> Reference:
    def unpack(params: Any) -> Named:
        return blocks(params, GATES) | {"d": np.asarray(params.recurrent_bias)}

    def gates(p: Named, x: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, ...]:
        r = sigmoid(x @ p["W_r"] + h @ p["U_r"] + p["b_r"])
        z = sigmoid(x @ p["W_z"] + h @ p["U_z"] + p["b_z"])
        m = h @ p["U_n"] + p["d"]
        return r, z, m, np.tanh(x @ p["W_n"] + p["b_n"] + r * m)

    def forward(p: Named, xs: np.ndarray, initial: Named) -> Named:
        h, hs = initial["h"], []
        for x in xs:
            _, z, _, n = gates(p, x, h)
            h = (1 - z) * n + z * h
            hs.append(h)
        return {"h": np.stack(hs)}

    def backward(p: Named, xs: np.ndarray, initial: Named, direct: Named) -> Gradients:
        hs = np.concatenate([initial["h"][None], forward(p, xs, initial)["h"]])
        gradients = {name: np.zeros_like(value) for name, value in p.items()}
        dxs, deltas = np.zeros_like(xs), np.zeros_like(direct["h"])
        through_time = np.zeros_like(initial["h"])
        for t in reversed(range(len(xs))):
            x, h = xs[t], hs[t]
            r, z, m, n = gates(p, x, h)
            deltas[t] = delta = direct["h"][t] + through_time
            alpha_n = delta * (1 - z) * (1 - n**2)
            alpha_z = delta * (h - n) * z * (1 - z)
            alpha_r = alpha_n * m * r * (1 - r)
            dm = alpha_n * r
            for gate, alpha in {"r": alpha_r, "z": alpha_z, "n": alpha_n}.items():
                gradients[f"W_{gate}"] += x.T @ alpha
                gradients[f"b_{gate}"] += alpha.sum(axis=0)
                dxs[t] += alpha @ p[f"W_{gate}"].T
            gradients["U_r"] += h.T @ alpha_r
            gradients["U_z"] += h.T @ alpha_z
            gradients["U_n"] += h.T @ dm
            gradients["d"] += dm.sum(axis=0)
            through_time = delta * z + alpha_r @ p["U_r"].T + alpha_z @ p["U_z"].T + dm @ p["U_n"].T
        return Gradients(gradients, dxs, {"h": through_time}, {"h": deltas})

    return Reference(unpack, forward, backward)
