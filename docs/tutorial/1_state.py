# %% [markdown]
# # Memory is a state
#
# A network that reads a sequence $x_1, x_2, \dots, x_T$ one step at a time has to bring along what
# it will need later. What it brings along is its **state** $h_t$, a vector of fixed size. A step
# makes the new state of the old one and of the input:
#
# $$h_t = f(h_{t-1}, x_t)$$
#
# All that the network knows of $x_1$ at step 100 is what is left of it in $h_{100}$.
#
# ## One number that remembers
#
# The smallest recurrent network has one unit and no activation function:
#
# $$h_t = u\,h_{t-1} + x_t, \qquad h_0 = 0$$
#
# Give it a 1 at the first step and zeros after. By multiplying out, $h_t = u^{t-1}$: the weight
# $u$ alone decides how long the 1 is remembered.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt

import rnnx

T = 40
xs = jnp.zeros((T, 1, 1)).at[0].set(1.0)  # [T, B, I]: steps, examples, features
one_unit = rnnx.rnn(hidden_size=1, activation="identity")
first = one_unit.init(jax.random.key(0), 1)


def remembered(u):
    """h_1 … h_T with the recurrent weight u."""
    params = first._replace(input_kernel=jnp.array([[1.0]]), recurrent_kernel=jnp.array([[u]]))
    return rnnx.unroll(one_unit, params, xs).outputs[:, 0, 0]


fig, axes = plt.subplots(figsize=(7, 3), layout="constrained")
for u, line in ((0.5, ":"), (0.9, "-."), (1.0, "-"), (1.05, "--")):
    axes.plot(range(1, T + 1), remembered(u), line, color="black", label=f"u = {u}")
axes.set(xlabel="step t", ylabel="state h$_t$", ylim=(0, 4))
axes.legend()

# %% [markdown]
# With $u < 1$ the network forgets, with $u > 1$ old inputs grow until nothing else counts, and
# only $u = 1$ keeps what it was told. Hold on to this picture: a gradient that travels back
# through the same steps is multiplied by the same $u$ at each of them, and so it will **vanish**
# or **explode** just as these curves do.

# %%
for u in 0.5, 0.9, 1.0, 1.05:
    print(
        f"u = {u}: after 39 more steps {remembered(u)[-1]:.3g} of the 1 is left; u^39 = {u**39:.3g}"
    )

# %% [markdown]
# ## Many numbers
#
# With $H$ units the state is a vector, and the weights are matrices. This is the network of Elman
# (1990), `rnnx.rnn`:
#
# $$h_t = \varphi(x_t W + h_{t-1} U + b), \qquad y_t = h_t V$$
#
# | | shape | name in rnnx | what it does |
# | --- | --- | --- | --- |
# | $x_t$ | $I$ | | the input, a row |
# | $h_t$ | $H$ | `state.h` | the state, a row |
# | $W$ | $I \times H$ | `input_kernel` | lets the input in |
# | $U$ | $H \times H$ | `recurrent_kernel` | makes the new state of the old |
# | $b$ | $H$ | `bias` | |
# | $V$ | $H \times O$ | | reads the answer off the state; it belongs to the model, not to the cell |
#
# $\varphi$ works on each number by itself; it is tanh unless something else is said, so that a
# state can't grow without bounds.
#
# ## One set of weights for all steps
#
# $W$, $U$ and $b$ have no index $t$. The step at which something is read makes no difference to
# how it is read, and the same network runs over any length:

# %%
cell = rnnx.rnn(hidden_size=16)
params = cell.init(jax.random.key(0), 3)  # three features
for name, array in params._asdict().items():
    print(f"{name}: {array.shape}")
print("numbers to learn:", sum(array.size for array in params))

for length in 5, 500:
    ys = rnnx.unroll(cell, params, jnp.ones((length, 1, 3))).outputs
    print(f"{length} steps: outputs {ys.shape}")

# %% [markdown]
# A network without this sharing would need weights for each of the 500 steps, and could say
# nothing about step 501. Sharing is also what makes the gradient of these weights a *sum over the
# steps*, each of which has used them. That is the subject of [the third page](3_gradients.py);
# first the network has to be [unrolled](2_unrolling.py).
