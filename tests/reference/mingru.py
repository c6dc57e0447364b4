"""Minimal gated recurrent unit:

    z = σ(x_t W_z + b_z)    n = x_t W_n + b_n    h_t = z ⊙ h_{t-1} + (1 - z) ⊙ n

Backward, with α_k the gradient of the argument of z and n:

    δ_{t-1} = ∂⁺L/∂h_{t-1} + δ_t ⊙ z    α_z = δ ⊙ (h_{t-1} - n) ⊙ z(1-z)    α_n = δ ⊙ (1 - z)
"""

from typing import Any

import numpy as np

from tests.reference import Gradients, Named, Reference, blocks, sigmoid

GATES = "zn"  # the order of the blocks in rnnx's kernel


def mingru() -> Reference:
    def unpack(params: Any) -> Named:
        return blocks(params, GATES)

    def gates(p: Named, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return sigmoid(x @ p["W_z"] + p["b_z"]), x @ p["W_n"] + p["b_n"]

    def forward(p: Named, xs: np.ndarray, initial: Named) -> Named:
        h, hs = initial["h"], []
        for x in xs:
            z, n = gates(p, x)
            h = z * h + (1 - z) * n
            hs.append(h)
        return {"h": np.stack(hs)}

    def backward(p: Named, xs: np.ndarray, initial: Named, direct: Named) -> Gradients:
        hs = np.concatenate([initial["h"][None], forward(p, xs, initial)["h"]])
        gradients = {name: np.zeros_like(value) for name, value in p.items()}
        dxs, deltas = np.zeros_like(xs), np.zeros_like(direct["h"])
        through_time = np.zeros_like(initial["h"])
        for t in reversed(range(len(xs))):
            x, h_tm1 = xs[t], hs[t]
            z, n = gates(p, x)
            deltas[t] = delta = direct["h"][t] + through_time
            for gate, alpha in {"z": delta * (h_tm1 - n) * z * (1 - z), "n": delta * (1 - z)}.items():
                gradients[f"W_{gate}"] += x.T @ alpha
                gradients[f"b_{gate}"] += alpha.sum(axis=0)
                dxs[t] += alpha @ p[f"W_{gate}"].T
            through_time = delta * z
        return Gradients(gradients, dxs, {"h": through_time}, {"h": deltas})

    return Reference(unpack, forward, backward)
