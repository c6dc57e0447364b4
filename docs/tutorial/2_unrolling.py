# %% [markdown]
# # Unrolling
#
# To run a recurrent network is to apply one function again and again. Written out, with the loop
# *unrolled*, it is an ordinary deep network:
#
# $$h_0 \longrightarrow h_1 \longrightarrow h_2 \longrightarrow \cdots \longrightarrow h_T$$
#
# It has as many layers as there are steps, all layers have the same weights, and each gets an
# input of its own. Everything that is known about deep networks holds, and 500 steps are 500
# layers.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt

import rnnx

T, B, I, H = 30, 4, 3, 16
cell = rnnx.rnn(hidden_size=H)
params = cell.init(jax.random.key(0), I)
xs = jax.random.normal(jax.random.key(1), (T, B, I))

# %% [markdown]
# Here is the loop, with nothing hidden:

# %%
h = jnp.zeros((B, H))  # h_0
states = []
for x in xs:  # x_t is [B, I]: B examples at once
    h = jnp.tanh(x @ params.input_kernel + h @ params.recurrent_kernel + params.bias)
    states.append(h)
states = jnp.stack(states)  # h_1 … h_T

# %% [markdown]
# `rnnx.unroll` does the same, for any cell, and fast. Time comes first in all arrays, `[T, B, …]`,
# since it is what is walked along.

# %%
trajectory = rnnx.unroll(cell, params, xs)
print("largest difference:", f"{jnp.abs(trajectory.outputs - states).max():.0e}")

fig, axes = plt.subplots(figsize=(7, 3), layout="constrained")
image = axes.pcolormesh(
    range(1, T + 1), range(1, H + 1), states[:, 0].T, cmap="cividis", vmin=-1, vmax=1
)
axes.set(xlabel="step t", ylabel="unit")
fig.colorbar(image, label="state h$_t$")

# %% [markdown]
# Each column is a state: 16 numbers, all that the network has. Each row is a unit over time.
#
# ## The loss is a sum over steps
#
# At each step there may be something to predict. With $\ell_t$ for the error at step $t$, and a
# weight $w_t$ that says how much it counts,
#
# $$L = \frac{\sum_t w_t\,\ell_t}{\sum_t w_t}, \qquad \ell_t = \ell(y_t, \mathrm{target}_t)$$
#
# The weights make the layout of a task. A task of rnnx hands them out with each batch:

# %%
for name in "adding", "temporal_order", "copy_memory":
    batch = rnnx.tasks.get(name)().sample(jax.random.key(0), 2, 30)
    counted = batch.weights[:, 0]
    first = int(counted.argmax()) + 1
    print(f"{name}: of {len(counted)} steps {int((counted > 0).sum())} count; the first is {first}")

# %% [markdown]
# | layout | where $w_t > 0$ | example |
# | --- | --- | --- |
# | many to one | at the last step | the sum of two marked numbers (`adding`) |
# | many to many | at all steps | a copy of what was told long ago (`copy_memory`), the next character of a text (`characters`) |
#
# The model is the same in all of them, and so is what comes next: [the gradient](3_gradients.py).
# More about layouts stands in [Models](../models.md).
