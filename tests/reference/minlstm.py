"""Minimal long short-term memory with normalised gates:

    i = σ(x_t W_i + b_i)    f = σ(x_t W_f + b_f)    g = x_t W_g + b_g    F = f / (i + f)
    h_t = F ⊙ h_{t-1} + (1 - F) ⊙ g

Backward, with α_k the gradient of the argument of gate k, ∂F/∂f = i / (i + f)² and ∂F/∂i = -f / (i + f)²:

    δ_{t-1} = ∂⁺L/∂h_{t-1} + δ_t ⊙ F          φ = δ ⊙ (h_{t-1} - g)
    α_f = φ ⊙ i / (i + f)² ⊙ f(1-f)           α_i = -φ ⊙ f / (i + f)² ⊙ i(1-i)          α_g = δ ⊙ (1 - F)
"""

from typing import Any

import numpy as np

from tests.reference import Gradients, Named, Reference, blocks, sigmoid

GATES = "ifg"  # the order of the blocks in rnnx's kernel


def minlstm() -> Reference:
    def unpack(params: Any) -> Named:
        return blocks(params, GATES)

    def gates(p: Named, x: np.ndarray) -> tuple[np.ndarray, ...]:
        a = {k: x @ p[f"W_{k}"] + p[f"b_{k}"] for k in GATES}
        return sigmoid(a["i"]), sigmoid(a["f"]), a["g"]

    def forward(p: Named, xs: np.ndarray, initial: Named) -> Named:
        h, hs = initial["h"], []
        for x in xs:
            i, f, g = gates(p, x)
            h = (f * h + i * g) / (i + f)
            hs.append(h)
        return {"h": np.stack(hs)}

    def backward(p: Named, xs: np.ndarray, initial: Named, direct: Named) -> Gradients:
        hs = np.concatenate([initial["h"][None], forward(p, xs, initial)["h"]])
        gradients = {name: np.zeros_like(value) for name, value in p.items()}
        dxs, deltas = np.zeros_like(xs), np.zeros_like(direct["h"])
        through_time = np.zeros_like(initial["h"])
        for t in reversed(range(len(xs))):
            x, h_tm1 = xs[t], hs[t]
            i, f, g = gates(p, x)
            deltas[t] = delta = direct["h"][t] + through_time
            phi = delta * (h_tm1 - g) / (i + f) ** 2
            alpha = {"i": -phi * f * i * (1 - i), "f": phi * i * f * (1 - f), "g": delta * i / (i + f)}
            for k in GATES:
                gradients[f"W_{k}"] += x.T @ alpha[k]
                gradients[f"b_{k}"] += alpha[k].sum(axis=0)
                dxs[t] += alpha[k] @ p[f"W_{k}"].T
            through_time = delta * f / (i + f)
        return Gradients(gradients, dxs, {"h": through_time}, {"h": deltas})

    return Reference(unpack, forward, backward)
