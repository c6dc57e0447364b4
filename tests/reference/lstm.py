"""Long short-term memory: a_k = x_t W_k + h_{t-1} U_k + b_k for the gates k = i, f, g, o, and

    i, f, o = σ(a_i), σ(a_f), σ(a_o)    g = tanh(a_g)    c_t = f ⊙ c_{t-1} + i ⊙ g    h_t = o ⊙ tanh(c_t)

Backward, with γ_t = ∂L/∂c_t while h_t still follows c_t, and α_k = ∂L/∂a_k:

    δh_t = ∂⁺L/∂h_t + Σ_k α_k(t+1) U_kᵀ          δc_t = ∂⁺L/∂c_t + γ_{t+1} ⊙ f_{t+1}
    γ_t = δc_t + δh_t ⊙ o ⊙ (1 - tanh² c_t)
    α_i = γ ⊙ g ⊙ i(1-i)    α_f = γ ⊙ c_{t-1} ⊙ f(1-f)    α_g = γ ⊙ i ⊙ (1-g²)    α_o = δh ⊙ tanh(c_t) ⊙ o(1-o)
"""

from typing import Any

import numpy as np

from tests.reference import Gradients, Named, Reference, blocks, sigmoid

GATES = "ifgo"  # the order of the blocks in rnnx's kernels


def lstm() -> Reference:
    def unpack(params: Any) -> Named:
        return blocks(params, GATES)

    def gates(p: Named, x: np.ndarray, h: np.ndarray) -> list[np.ndarray]:
        a = {k: x @ p[f"W_{k}"] + h @ p[f"U_{k}"] + p[f"b_{k}"] for k in GATES}
        return [sigmoid(a["i"]), sigmoid(a["f"]), np.tanh(a["g"]), sigmoid(a["o"])]

    def forward(p: Named, xs: np.ndarray, initial: Named) -> Named:
        h, c = initial["h"], initial["c"]
        hs, cs = [], []
        for x in xs:
            i, f, g, o = gates(p, x, h)
            c = f * c + i * g
            h = o * np.tanh(c)
            hs.append(h)
            cs.append(c)
        return {"h": np.stack(hs), "c": np.stack(cs)}

    def backward(p: Named, xs: np.ndarray, initial: Named, direct: Named) -> Gradients:
        states = forward(p, xs, initial)
        hs = np.concatenate([initial["h"][None], states["h"]])
        cs = np.concatenate([initial["c"][None], states["c"]])
        gradients = {name: np.zeros_like(value) for name, value in p.items()}
        dxs = np.zeros_like(xs)
        deltas = {name: np.zeros_like(value) for name, value in direct.items()}
        h_through_time, c_through_time = np.zeros_like(initial["h"]), np.zeros_like(initial["c"])
        for t in reversed(range(len(xs))):
            x, h_tm1, c_tm1, c_t = xs[t], hs[t], cs[t], cs[t + 1]
            i, f, g, o = gates(p, x, h_tm1)
            deltas["h"][t] = delta_h = direct["h"][t] + h_through_time
            deltas["c"][t] = delta_c = direct["c"][t] + c_through_time
            gamma = delta_c + delta_h * o * (1 - np.tanh(c_t) ** 2)
            alpha = {
                "i": gamma * g * i * (1 - i),
                "f": gamma * c_tm1 * f * (1 - f),
                "g": gamma * i * (1 - g**2),
                "o": delta_h * np.tanh(c_t) * o * (1 - o),
            }
            c_through_time = gamma * f
            h_through_time = np.zeros_like(h_tm1)
            for k in GATES:
                gradients[f"W_{k}"] += x.T @ alpha[k]
                gradients[f"U_{k}"] += h_tm1.T @ alpha[k]
                gradients[f"b_{k}"] += alpha[k].sum(axis=0)
                dxs[t] += alpha[k] @ p[f"W_{k}"].T
                h_through_time += alpha[k] @ p[f"U_{k}"].T
        return Gradients(gradients, dxs, {"h": h_through_time, "c": c_through_time}, deltas)

    return Reference(unpack, forward, backward)
