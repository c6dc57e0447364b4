"""Linear recurrent unit in real numbers: with ρ = exp(-exp ν), φ = exp θ, γ = exp of the cell's own γ, and h = u + i v

    u_t = ρ cos φ ⊙ u_{t-1} - ρ sin φ ⊙ v_{t-1} + γ ⊙ (x_t B_re)
    v_t = ρ sin φ ⊙ u_{t-1} + ρ cos φ ⊙ v_{t-1} + γ ⊙ (x_t B_im)
    y_t = u_t C_re - v_t C_im + x_t D

Backward, with μ_t = ∂L/∂u_t and η_t = ∂L/∂v_t, which one step turns back by the angle φ:

    μ_{t-1} = ∂⁺L/∂u_{t-1} + ρ (cos φ ⊙ μ_t + sin φ ⊙ η_t)
    η_{t-1} = ∂⁺L/∂v_{t-1} + ρ (cos φ ⊙ η_t - sin φ ⊙ μ_t)
    ∂L/∂ρ = Σ μ_t (cos φ u_{t-1} - sin φ v_{t-1}) + η_t (sin φ u_{t-1} + cos φ v_{t-1})      ∂ρ/∂ν = -ρ exp ν
    ∂L/∂φ = Σ ρ [η_t (cos φ u_{t-1} - sin φ v_{t-1}) - μ_t (sin φ u_{t-1} + cos φ v_{t-1})]  ∂φ/∂θ = φ
"""

from typing import Any

import numpy as np

from tests.reference import Gradients, Named, Readout, Reference


def lru() -> Reference:
    def unpack(params: Any) -> Named:
        B_re, B_im = np.split(np.asarray(params.input_kernel), 2, axis=-1)
        C_re, C_im = np.split(np.asarray(params.output_kernel), 2, axis=-1)
        nu, theta, gamma, D = map(np.asarray, (params.nu, params.theta, params.gamma, params.skip_kernel))
        return {
            "nu": nu,
            "theta": theta,
            "gamma": gamma,
            "B_re": B_re,
            "B_im": B_im,
            "C_re": C_re,
            "C_im": C_im,
            "D": D,
        }

    def turned(p: Named, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """By the angle φ."""
        cos, sin = np.cos(np.exp(p["theta"])), np.sin(np.exp(p["theta"]))
        return cos * u - sin * v, sin * u + cos * v

    def forward(p: Named, xs: np.ndarray, initial: Named) -> Named:
        u, v = initial["h_re"], initial["h_im"]
        rho, gamma = np.exp(-np.exp(p["nu"])), np.exp(p["gamma"])
        us, vs = [], []
        for x in xs:
            u, v = turned(p, u, v)
            u, v = rho * u + gamma * (x @ p["B_re"]), rho * v + gamma * (x @ p["B_im"])
            us.append(u)
            vs.append(v)
        return {"h_re": np.stack(us), "h_im": np.stack(vs)}

    def backward(p: Named, xs: np.ndarray, initial: Named, direct: Named) -> Gradients:
        states = forward(p, xs, initial)
        us = np.concatenate([initial["h_re"][None], states["h_re"]])
        vs = np.concatenate([initial["h_im"][None], states["h_im"]])
        rho, phi, gamma = np.exp(-np.exp(p["nu"])), np.exp(p["theta"]), np.exp(p["gamma"])
        cos, sin = np.cos(phi), np.sin(phi)
        gradients = {name: np.zeros_like(value) for name, value in p.items()}
        dxs = np.zeros_like(xs)
        deltas = {part: np.zeros_like(value) for part, value in direct.items()}
        u_through_time, v_through_time = np.zeros_like(initial["h_re"]), np.zeros_like(initial["h_im"])
        for t in reversed(range(len(xs))):
            x = xs[t]
            deltas["h_re"][t] = mu = direct["h_re"][t] + u_through_time
            deltas["h_im"][t] = eta = direct["h_im"][t] + v_through_time
            u, v = turned(p, us[t], vs[t])
            gradients["nu"] += (mu * u + eta * v).sum(axis=0) * -rho * np.exp(p["nu"])
            gradients["theta"] += (rho * (eta * u - mu * v)).sum(axis=0) * phi
            gradients["gamma"] += gamma * (mu * (x @ p["B_re"]) + eta * (x @ p["B_im"])).sum(axis=0)
            gradients["B_re"] += x.T @ (gamma * mu)
            gradients["B_im"] += x.T @ (gamma * eta)
            dxs[t] = (gamma * mu) @ p["B_re"].T + (gamma * eta) @ p["B_im"].T
            u_through_time = rho * (cos * mu + sin * eta)
            v_through_time = rho * (cos * eta - sin * mu)
        return Gradients(gradients, dxs, {"h_re": u_through_time, "h_im": v_through_time}, deltas)

    def outputs(p: Named, xs: np.ndarray, states: Named) -> np.ndarray:
        return states["h_re"] @ p["C_re"] - states["h_im"] @ p["C_im"] + xs @ p["D"]

    def outputs_backward(p: Named, xs: np.ndarray, states: Named, dys: np.ndarray) -> tuple[Named, np.ndarray, Named]:
        over_steps = "tbi,tby->iy"
        d_params = {
            "C_re": np.einsum(over_steps, states["h_re"], dys),
            "C_im": -np.einsum(over_steps, states["h_im"], dys),
            "D": np.einsum(over_steps, xs, dys),
        }
        return d_params, dys @ p["D"].T, {"h_re": dys @ p["C_re"].T, "h_im": -dys @ p["C_im"].T}

    return Reference(unpack, forward, backward, Readout(outputs, outputs_backward))
