# %% [markdown]
# # Gates
#
# A gradient that vanishes can't be mended by making it longer, since its direction is lost in the
# noise of the last steps. The state needs a way along which it is not multiplied by the same
# matrix at each step.
#
# ## The memory of an LSTM
#
# An LSTM (`rnnx.lstm`) has a second part of its state, $c_t$, which is changed by addition:
#
# $$c_t = f_t \odot c_{t-1} + i_t \odot g_t, \qquad h_t = o_t \odot \tanh(c_t)$$
#
# The **forget gate** $f_t = \sigma(x_t W_f + h_{t-1} U_f + b_f)$ lies between 0 and 1, one number
# for each unit. Along this way the Jacobian is diagonal:
#
# $$\frac{\partial c_t}{\partial c_{t-1}} = \mathrm{diag}(f_t) \quad \text{(along c alone)}$$
#
# No matrix, no tanh′. Where the gate is 1 the gradient passes as it is.
#
# ## The forget bias
#
# Before training $x_t W_f$ and $h_{t-1} U_f$ are small, so that $f_t \approx \sigma(b_f)$: along c
# alone, $\sigma(b_f)^k$ is left after $k$ steps. The bias thus sets how far the network sees when
# it begins to learn. The diagnostic `paths` opens one way at a time:

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import rnnx

T, B, I, H = 100, 16, 3, 32
xs = 0.3 * jax.random.normal(jax.random.key(1), (T, B, I))
lags = np.arange(T)


def flow_of(cell, params):
    """The gradient at every step, of the loss at the last."""
    return rnnx.gradient_flow(cell, params, xs, lambda ys: jnp.mean(ys[-1] ** 2))


@jax.jit
def ways_back(params):
    """log10 norms of the gradient against lag: along c alone, and by all ways."""
    told = rnnx.diagnostics.get("paths")(flow_of(rnnx.lstm(H), params))
    return told["paths/c/log10_norm"], told["paths/all/log10_norm"]


fig, panels = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained", sharey=True)
for bias, line in ((-1.0, ":"), (0.0, "-."), (1.0, "--"), (3.0, "-")):
    params = rnnx.lstm(H, forget_bias=bias).init(jax.random.key(0), I)
    keeps = jax.nn.sigmoid(bias)
    for axes, norms in zip(panels, ways_back(params), strict=True):
        # From lag 1 on: the last c has a gradient only by way of its h.
        axes.plot(lags[1:], norms[1:] - norms[1], line, color="#0072B2", label=f"b$_f$ = {bias:g}")
    panels[0].plot(lags[1::6], lags[:-1:6] * np.log10(keeps), "ko", markerfacecolor="white")
panels[0].set(
    title="along c alone; marks: σ(b$_f$)$^k$",
    xlabel="lag k (steps)",
    ylabel="log$_{10}$ of the gradient left",
    ylim=(-12, 1),
)
panels[1].set(title="by all ways", xlabel="lag k (steps)")
panels[1].legend()

# %% [markdown]
# With $\sigma(0) = ½$, the default in some libraries, c alone loses a factor of a billion in 30
# steps.
#
# By all ways more is left, since there is a second one from $c_{t-1}$ to $c_t$: out through the
# output gate, through $U_g$, and in through the input gate. Before training it has a size of about
# $½ \cdot 1 \cdot ½ = ¼$, as $U_g$ is orthogonal, and a step keeps up to $\sigma(b_f) + ¼$. With a
# forget bias of 1, the default of rnnx, that is just below 1; with 3 it is above, and the gradient
# grows. `bias_initializer="chrono(T)"` draws biases that suit memories of up to $T$ steps (Tallec
# & Ollivier 2018).
#
# ## GRU, and all of them beside each other
#
# A GRU (`rnnx.gru`) has no second state. Its **update gate** $z_t$ chooses between the old state
# and a new one:
#
# $$h_t = (1 - z_t) \odot n_t + z_t \odot h_{t-1}$$
#
# Where $z_t = 1$ the state, and with it the gradient, passes as it is. At the
# start $z_t$ is about ½.


# %%
@jax.jit(static_argnums=0)
def left(cell):
    """log10 of the gradient left, against lags from 1 on."""
    flow = flow_of(cell, cell.init(jax.random.key(0), I))
    norms = jnp.median(flow.log10_state_norm, axis=1)[::-1]
    return norms[1:] - norms[1]


cells = {
    "RNN": (rnnx.rnn(H), "#D55E00", "-"),
    "LSTM, forget bias 0": (rnnx.lstm(H, forget_bias=0.0), "#0072B2", ":"),
    "LSTM, forget bias 1": (rnnx.lstm(H), "#0072B2", "--"),
    "LSTM, chrono(100)": (rnnx.lstm(H, bias_initializer="chrono(100)"), "#0072B2", (0, (8, 2))),
    "GRU": (rnnx.gru(H), "#009E73", "-."),
    "GRU, chrono(100)": (rnnx.gru(H, bias_initializer="chrono(100)"), "#009E73", (0, (1, 1))),
}
fig, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
for name, (cell, color, line) in cells.items():
    axes.plot(lags[1:], left(cell), linestyle=line, color=color, label=name)
axes.set(xlabel="lag k (steps)", ylabel="log$_{10}$ of the gradient left", ylim=(-12, 0.5))
axes.legend(loc="upper left", bbox_to_anchor=(1, 1))

# %% [markdown]
# Two pairs lie on each other, a GRU on an LSTM with as much forgetting. Two things to take along.
# First, before training **initial values are compared, and not architectures**: an LSTM with the
# wrong bias is worse than a plain orthogonal network. Second, a gate is a *learned* number:
# training can open it, if there is a gradient at all that tells it to. What the networks make of
# it is in [the results](../results.md).
#
# Even a gradient that would reach further is often cut off on purpose:
# [truncation](7_truncation.py).
