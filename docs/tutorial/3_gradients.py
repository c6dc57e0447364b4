# %% [markdown]
# # Back-propagation through time
#
# The unrolled network is a chain, and the chain rule goes along it from its end to its beginning.
# Let
#
# $$\delta_t = \frac{\partial L}{\partial h_t}$$
#
# be the gradient at the state of step $t$: how the loss would change if somebody nudged the state
# just there. A state acts on the loss in two ways, by its own output and by the next state. So
#
# $$\delta_t = \frac{\partial^+ L}{\partial h_t} + \delta_{t+1}\,\frac{\partial h_{t+1}}{\partial h_t}$$
#
# where the first term, with a +, is the direct one, through $y_t$ alone. For $h_t = \tanh(a_t)$
# with $a_t = x_t W + h_{t-1} U + b$ the derivative of tanh is $1 - h_t^2$. With $\varepsilon_t$
# for the gradient at $a_t$,
#
# $$\varepsilon_t = \delta_t \odot (1 - h_t^2), \qquad \delta_{t-1} = \frac{\partial^+ L}{\partial h_{t-1}} + \varepsilon_t U^\top$$
#
# ## By hand
#
# The loss below is that of the last step alone, so that the direct term is zero at all others.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt

import rnnx

T, I, H = 30, 3, 16
cell = rnnx.rnn(hidden_size=H)
params = cell.init(jax.random.key(0), I)
xs = jax.random.normal(jax.random.key(1), (T, I))


def loss(params):
    """Half the squared length of the last state."""
    return 0.5 * jnp.sum(rnnx.unroll(cell, params, xs[:, None]).outputs[-1] ** 2)


h = jnp.concatenate(
    [jnp.zeros((1, H)), rnnx.unroll(cell, params, xs[:, None]).outputs[:, 0]]
)  # h_0 … h_T

delta = h[T]  # the direct term at the last step
epsilon = [None] * (T + 1)
for t in range(T, 0, -1):
    epsilon[t] = delta * (1 - h[t] ** 2)
    delta = epsilon[t] @ params.recurrent_kernel.T

# %% [markdown]
# ## The gradient of the weights is a sum over steps
#
# The same $U$ is used at every step. Give each step a copy $U_t$ of its own: the gradient of one
# copy is $h_{t-1}^\top \varepsilon_t$, an outer product. To change $U$ is to change all copies at
# once, so their gradients add up:
#
# $$\frac{\partial L}{\partial U} = \sum_{t=1}^{T} h_{t-1}^\top \varepsilon_t, \qquad \frac{\partial L}{\partial W} = \sum_{t=1}^{T} x_t^\top \varepsilon_t$$
#
# Is it so? Here are the $T$ parts, their sum, and what JAX finds by itself.

# %%
parts = jnp.stack([jnp.outer(h[t - 1], epsilon[t]) for t in range(1, T + 1)])  # [T, H, H]
gradient = jax.grad(loss)(params).recurrent_kernel
difference = jnp.linalg.norm(parts.sum(axis=0) - gradient) / jnp.linalg.norm(gradient)
print(f"‖Σ parts - jax.grad‖ / ‖jax.grad‖ = {difference:.0e}, which is rounding")

# %% [markdown]
# And here is how the sum comes together, from the last step backwards:

# %%
lags = range(T)  # lag k: k steps before the last
by_lag = parts[::-1]
missing = jnp.linalg.norm(jnp.cumsum(by_lag, axis=0) - gradient, axis=(1, 2)) / jnp.linalg.norm(
    gradient
)

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
left.semilogy(lags[:-1], jnp.linalg.norm(by_lag, axis=(1, 2))[:-1], "k.-")
left.set(xlabel="lag k (steps)", ylabel="size of the part of step T - k")
right.semilogy(
    lags[:-2], missing[:-2], "k.-"
)  # then all is there: h_0 = 0, so that the first step has no part
right.set(
    xlabel="lag k (steps)", ylabel="share of ∂L/∂U still missing\nafter the parts of lags 0 … k"
)
for lag in 0, 5, 10, 20:
    print(f"with the last {lag + 1} steps, {100 * missing[lag]:.2g} % of the gradient is missing")

# %% [markdown]
# The parts get smaller and smaller. What the network could learn from its first inputs is in the
# gradient, but so faint that the last few steps drown it. That is the whole trouble with recurrent
# networks in one picture, and a look at $\lVert \partial L / \partial U \rVert$ alone would not
# have shown it.
#
# ## For any cell
#
# Nobody has to write this loop again. `rnnx.gradient_flow` gives $\delta_t$ at every step, for
# every cell, out of one backward pass:

# %%
flow = rnnx.gradient_flow(cell, params, xs[:, None], lambda ys: 0.5 * jnp.sum(ys[-1] ** 2))
print("δ_1 … δ_T:", flow.state_gradients.h.shape)
by_hand = epsilon[2] @ params.recurrent_kernel.T  # δ_1
difference = jnp.linalg.norm(by_hand - flow.state_gradients.h[0, 0]) / jnp.linalg.norm(by_hand)
print(f"δ_1 by hand and by rnnx: they differ by {difference:.0e} of its length")
measured = rnnx.diagnostics.get("weight_gradient_by_lag")(flow)
by_rnnx = 10 ** measured["weight_gradient_by_lag/recurrent_kernel/log10_norm"][10]
print(f"part at lag 10: by hand {jnp.linalg.norm(by_lag[10]):.4f}, by rnnx {by_rnnx:.4f}")

# %% [markdown]
# Why the parts shrink, and when they grow instead, is [the next page](4_vanishing.py).
