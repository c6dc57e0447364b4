# %% [markdown]
# # Vanishing and exploding
#
# Between two steps the gradient is multiplied by the Jacobian of one step,
# $J_t = \partial h_t / \partial h_{t-1}$. To go back $k$ steps is to multiply by $k$ of them:
#
# $$\delta_{T-k} = \delta_T\, J_T\, J_{T-1} \cdots J_{T-k+1}$$
#
# A product of many matrices seldom stays as it is. If the factors shrink it, it **vanishes**; if
# they stretch it, it **explodes**; and either goes exponentially.
#
# ## Without an activation function it can be read off
#
# In a linear network every Jacobian is the same matrix $U$ (transposed), and the product is its
# power. Let $\lambda_i$ be the eigenvalues of $U$. The largest $\lvert\lambda_i\rvert$ is called
# the **spectral radius** $\rho$, and in the long run
#
# $$\lVert \delta_{T-k} \rVert \approx \mathrm{const} \cdot \rho^k$$
#
# Take an orthogonal matrix, which turns vectors and leaves their lengths alone, times a number:
# all its eigenvalues then have that size, and the law is exact.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import rnnx

T, B, I, H = 60, 8, 3, 32
xs = jax.random.normal(jax.random.key(1), (T, B, I))


@jax.jit(static_argnums=0)
def log10_left(cell, params, xs):
    """log10 of ‖δ_{T-k}‖ / ‖δ_T‖ against the lag k: the median over the examples."""
    flow = rnnx.gradient_flow(cell, params, xs, lambda ys: jnp.mean(ys[-1]))
    left = jnp.median(flow.log10_state_norm, axis=1)[::-1]
    return left - left[0]


linear = rnnx.rnn(H, activation="identity")
orthogonal = linear.init(jax.random.key(0), I)


def scaled(params, factor):
    """The same network with U times a factor."""
    return params._replace(recurrent_kernel=factor * params.recurrent_kernel)


fig, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
lags = np.arange(T)
for rho, marker in ((0.8, "v"), (0.95, "s"), (1.0, "o"), (1.05, "D"), (1.2, "^")):
    measured = log10_left(linear, scaled(orthogonal, rho), xs)
    axes.plot(lags, measured, "k-")
    axes.plot(
        lags[::6],
        lags[::6] * np.log10(rho),
        marker,
        color="black",
        markerfacecolor="white",
        label=f"ρ = {rho}",
    )
axes.set(xlabel="lag k (steps)", ylabel="log$_{10}$ ‖δ$_{T-k}$‖ / ‖δ$_T$‖")
axes.legend(title="line: measured\nmarks: k log$_{10}$ ρ", loc="upper left", bbox_to_anchor=(1, 1))

# %% [markdown]
# At $\rho = 0.95$, which sounds harmless, a twentieth is left after 60 steps:
# $0.95^{60} \approx 0.05$.
#
# ## Where the eigenvalues lie
#
# The eigenvalues of a real matrix are complex numbers. What counts is on which side of the unit
# circle they lie. Those of an orthogonal matrix are on it; those of a matrix of random numbers
# fill a disc, of radius 1 for a variance of $1/H$.

# %%
random = linear.init(jax.random.key(2), I)._replace(
    recurrent_kernel=jax.random.normal(jax.random.key(3), (H, H)) / np.sqrt(H)
)
fig, panels = plt.subplots(1, 3, figsize=(9, 3.3), layout="constrained", sharex=True, sharey=True)
turn = np.exp(2j * np.pi * np.linspace(0, 1, 200))
for axes, (name, U) in zip(
    panels,
    {
        "orthogonal": orthogonal.recurrent_kernel,
        "orthogonal × 0.8": 0.8 * orthogonal.recurrent_kernel,
        "random": random.recurrent_kernel,
    }.items(),
    strict=True,
):
    eigenvalues = np.linalg.eigvals(U)
    axes.plot(turn.real, turn.imag, "k-", linewidth=0.8)
    axes.plot(eigenvalues.real, eigenvalues.imag, "ko", markersize=4, markerfacecolor="white")
    axes.set(title=f"{name}: ρ = {abs(eigenvalues).max():.2f}", xlabel="real part", aspect="equal")
panels[0].set_ylabel("imaginary part")

# %% [markdown]
# ## With tanh the states have a say
#
# A tanh network has $J_t = \mathrm{diag}(1 - h_t^2)\,U^\top$. The first factor is at most 1, and
# small where a unit is saturated. So the same $U$ keeps the gradient with small inputs and loses
# it with large ones:

# %%
tanh = rnnx.rnn(H)
fig, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
for size, line in ((0.1, "-"), (0.5, "--"), (1.0, "-."), (3.0, ":")):
    axes.plot(
        lags,
        log10_left(tanh, orthogonal, size * xs),
        line,
        color="#D55E00",
        label=f"inputs × {size:g}",
    )
axes.set(
    xlabel="lag k (steps)",
    ylabel="log$_{10}$ ‖δ$_{T-k}$‖ / ‖δ$_T$‖",
    title="tanh, U orthogonal: ρ = 1 in all of them",
)
axes.legend()

# %% [markdown]
# The eigenvalues of $U$ do not decide by themselves; what is certain is that with a largest
# singular value below 1 the gradient of a tanh network vanishes (Pascanu, Mikolov & Bengio 2013).
# For everything else one has to **measure**, along the states that the network is really in.
#
# ## Three numbers for one curve
#
# `state_gradient` says the curve in numbers: the **decay rate**, its slope in nats per step (−0.1
# loses a factor $e$ in ten steps); the **horizon**, the largest lag that still has $1/e$ of the
# gradient; the **reach**, the largest that has 1 %.

# %%
for size in 0.1, 3.0:
    flow = rnnx.gradient_flow(tanh, orthogonal, size * xs, lambda ys: jnp.mean(ys[-1]))
    told = rnnx.diagnostics.get("state_gradient")(flow)
    rate, horizon, reach = (
        told[f"state_gradient/state/{name}"] for name in ("decay_rate", "horizon", "reach")
    )
    print(
        f"inputs × {size:g}: decay {rate:.3f} nats per step,"
        f" horizon {horizon:.0f} and reach {reach:.0f} of {T - 1} steps"
    )

# %% [markdown]
# What to do about a gradient that explodes is [the next page](5_clipping.py), what about one that
# vanishes [the one after it](6_gates.py). How such numbers mislead is collected in
# [Mistakes](../mistakes.md).
