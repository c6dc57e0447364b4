# %% [markdown]
# # Truncation and the window of states
#
# The backward pass needs every state $h_t$ again: each step keeps what it will need, and a text of
# a million characters would keep a million states. So one stops. In **truncated** back-propagation
# the gradient goes back $K$ steps and no further:
#
# $$\frac{\partial L}{\partial U} = \sum_{k=0}^{T-1} G_k \approx \sum_{k=0}^{K-1} G_k$$
#
# where $G_k = h_{t-1}^\top \varepsilon_t$ is the part of the step at lag $k$, as on [the page on
# gradients](3_gradients.py). The forward pass is not cut: the *value* of the state goes on through
# the whole sequence. It is only that nobody is told any more how old states should have been.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import rnnx

T, B, I, H = 100, 8, 3, 16
cell = rnnx.lstm(H, forget_bias=3.0)
params = cell.init(jax.random.key(0), I)
xs = jax.random.normal(jax.random.key(1), (T, B, I))


def norms(truncate):
    """log10 ‖∂L/∂x_t‖ of the loss at the last step, the gradient cut every `truncate` steps."""

    def loss(xs):
        return jnp.mean(rnnx.unroll(cell, params, xs, truncate=truncate).outputs[-1] ** 2)

    return jnp.log10(jnp.linalg.norm(jax.jit(jax.grad(loss))(xs), axis=-1)).mean(axis=1)


fig, axes = plt.subplots(figsize=(7, 3), layout="constrained")
axes.plot(range(1, T + 1), norms(None), "k-", label="whole")
cut = norms(20)
inside = np.where(np.isfinite(cut), cut, np.nan)
axes.plot(range(1, T + 1), inside, "ko", markerfacecolor="white", label="truncate=20")
axes.set(xlabel="step t", ylabel="log$_{10}$ ‖∂L/∂x$_t$‖")
axes.legend()

# %% [markdown]
# The window holds the last 20 states. Within it the gradient is the true one, before it there is
# none.
#
# ## How wrong is it?
#
# What is missing is no noise that averages out over many batches, but a **bias**: every batch
# lacks the same parts. How large it is depends on how far the gradient reaches, which
# `truncation_bias` measures for all $K$ at once:

# %%
measure = jax.jit(rnnx.diagnostics.get("truncation_bias"))
fig, axes = plt.subplots(figsize=(7, 3), layout="constrained")
for bias, line in ((0.0, ":"), (1.0, "--"), (3.0, "-")):
    network = rnnx.lstm(H, forget_bias=bias).init(jax.random.key(0), I)
    flow = rnnx.gradient_flow(cell, network, xs, lambda ys: jnp.mean(ys[-1] ** 2))
    told = measure(flow)
    errors = told["truncation_bias/relative_error"]
    smallest = int(told["truncation_bias/smallest_k"])
    label = f"forget bias {bias:g}: K = {smallest}"
    axes.loglog(np.arange(1, T + 1), errors, line, color="#0072B2", label=label)
axes.axhline(0.1, color="black", linewidth=0.8)
axes.set(
    xlabel="K, steps that the gradient goes back",
    ylabel="error of ∂L/∂θ,\nshare of its norm",
    ylim=(1e-4, 1.5),
)
axes.legend(title="from where on the error is below 10 %")

# %% [markdown]
# A network that forgets may be cut early, since nothing came from further back anyway; one that
# remembers pays for it. So a truncation that does no harm at the start of training can stand in
# the way later.
#
# ## A window that moves along a text
#
# In practice a long text is read in chunks, with an update after each. The state is carried from
# chunk to chunk, detached: its value comes along, its gradient does not. `rnnx.in_chunks` does
# this. As long as the parameters stay the same, the states are those of the whole text:

# %%
text = jax.random.normal(jax.random.key(2), (1000, 1, I))


@jax.jit
def read(state, chunk):
    """One window: the new state, and the outputs."""
    trajectory = rnnx.unroll(cell, params, chunk, state)
    return trajectory.final_state, trajectory.outputs


ys = jnp.concatenate(list(rnnx.in_chunks(read, cell.initial_state(params, (1,)), text, 50)))
whole = rnnx.unroll(cell, params, text).outputs
difference = jnp.abs(ys - whole).max()
print(f"20 windows of 50 steps against one of 1000: largest difference {difference:.0e}")

zero = jnp.concatenate(
    [read(cell.initial_state(params, (1,)), chunk)[1] for chunk in jnp.split(text, 20)]
)
print(f"with a state that is emptied before each window: {jnp.abs(zero - whole).max():.1f}")

# %% [markdown]
# The memory that training needs is then that of one window, $K \cdot B$ states, however long the
# text is. The other way to save memory gives up no gradient at all: `remat="sqrt"` keeps every
# $\sqrt{T}$-th state and computes the others again on the way back, for one more forward pass
# ([engines](../engines.md)).
#
# ## Cut at random
#
# Cut at random places, with the kept parts weighted up for it, the gradient is right on average,
# and noisy instead of biased: `rnnx.random_truncation`, and the diagnostic of that name for how
# noisy. Carrying a state without detaching it, or not carrying it at all, are two of the
# [mistakes](../mistakes.md#the-state-not-carried-on-or-carried-on-but-not-detached) with the wrong
# number beside the right one.
#
# With all this at hand, the question of [the last page](8_why.py): why does my RNN not learn?
