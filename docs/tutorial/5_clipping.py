# %% [markdown]
# # Clipping: the wall
#
# A gradient that explodes is no small matter of numbers. Where the network turns from forgetting
# to amplifying, a tiny change of the weights is multiplied up over all steps, and the loss jumps.
# Seen over the weights it has a **wall**. The picture goes back to Pascanu, Mikolov & Bengio
# (2013): a network of one unit without any input,
#
# $$x_t = w\,\sigma(x_{t-1}) + b, \qquad x_0 = \tfrac12, \qquad E(w, b) = \left(\sigma(x_{50}) - 0.7\right)^2$$
#
# with $\sigma$ the sigmoid, and only two weights, so that the whole loss can be drawn.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import optax

from rnnx.norm import global_norm

STEPS = 50
W_RANGE, B_RANGE = (4.0, 7.0), (-4.0, 0.0)


def error(w, b, steps=STEPS):
    """E(w, b), elementwise in w and b."""
    w, b = jnp.broadcast_arrays(w, b)
    x, _ = jax.lax.scan(
        lambda x, _: (w * jax.nn.sigmoid(x) + b, None), jnp.full_like(w, 0.5), length=steps
    )
    return jnp.square(jax.nn.sigmoid(x) - 0.7)


def slope(w, b):
    """(∂E/∂w, ∂E/∂b), elementwise."""
    return jax.grad(lambda w, b: jnp.sum(error(w, b)), argnums=(0, 1))(w, b)


w, b = jnp.linspace(*W_RANGE, 121), jnp.linspace(*B_RANGE, 121)
grid = jnp.meshgrid(w, b)
surface = error(*grid)
steepness = jnp.hypot(*slope(*grid))
print(f"slope of the error: median {jnp.median(steepness):.3f}, largest {steepness.max():.0f}")

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained", sharey=True)
colors = left.pcolormesh(w, b, surface, cmap="cividis", rasterized=True)
fig.colorbar(colors, ax=left, label="error E")
left.set(xlabel="w", ylabel="b")
colors = right.pcolormesh(w, b, jnp.log10(steepness), cmap="cividis", vmin=-3, rasterized=True)
fig.colorbar(colors, ax=right, label="log$_{10}$ of the slope", extend="min")
right.set(xlabel="w")

# %% [markdown]
# On either side of the wall the loss is nearly flat, and on it hundreds of times steeper. An
# ordinary step of gradient descent that meets the wall is thrown far away, and all that was learnt
# is lost.
#
# ## The same direction, a shorter step
#
# The remedy takes one line. With $g$ the gradient of **all** parameters as one long vector, and a
# limit $c$,
#
# $$g \leftarrow g \cdot \min\left(1, \frac{c}{\lVert g \rVert}\right)$$
#
# A short gradient stays as it is; a long one keeps its direction. Here are two descents with the
# same learning rate from the same place.

# %%
LEARNING_RATE, LIMIT = 0.5, 0.2


def descent(start, limit, updates=100):
    """The way of (w, b) by gradient descent, `[updates + 1, 2]`."""

    def update(point, _):
        gradient = jnp.stack(slope(*point))
        point = point - LEARNING_RATE * gradient * jnp.minimum(1, limit / jnp.linalg.norm(gradient))
        return point, point

    return jnp.concatenate([start[None], jax.lax.scan(update, start, length=updates)[1]])


start = jnp.array([5.5, -2.0])
free, clipped = descent(start, jnp.inf), descent(start, LIMIT)
for name, way in ("not clipped", free), ("clipped", clipped):
    longest = jnp.linalg.norm(jnp.diff(way, axis=0), axis=1).max()
    print(f"{name}: longest step {longest:.3g}, error at the end {error(*way[-1]):.4f}")

fig, axes = plt.subplots(figsize=(7, 4), layout="constrained")
colors = axes.pcolormesh(w, b, surface, cmap="cividis", rasterized=True)
fig.colorbar(colors, label="error E")
for way, line, name in (
    (free, "--", "not clipped"),
    (clipped, "-", f"clipped to a norm of {LIMIT:g}"),
):
    axes.plot(*way.T, "o" + line, color="black", markerfacecolor="white", markersize=4, label=name)
axes.plot(*start, "s", color="black", markersize=8, label="start")
axes.set(xlabel="w", ylabel="b", xlim=W_RANGE, ylim=B_RANGE)
axes.legend(loc="lower left")

# %% [markdown]
# Both roll into the valley before the wall. Sooner or later a step lands on it: the free descent
# leaves the picture for good, the clipped one creeps back and goes on to the minimum at the wall's
# foot.
#
# ## In practice
#
# The gradient is clipped *between* the backward pass and the optimiser, all parameters together:

# %%
optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(1e-3))
gradient = {"input_kernel": jnp.array([30.0, 0.0]), "recurrent_kernel": jnp.array([40.0])}
cut, _ = optax.clip_by_global_norm(1.0).update(gradient, optax.EmptyState())
print(f"norm before {global_norm(gradient):.0f}, after {global_norm(cut):.0f}")

# %% [markdown]
# The limit is no delicate choice: somewhat above the usual norm of the gradient, so that common
# steps are left alone. The experiments of rnnx take 1, and record the share of steps that were
# clipped. Clipped in another place the same line does nothing, or harm:
# [Mistakes](../mistakes.md#clipping-in-the-wrong-place).
#
# Clipping cures steps that are too long. It does nothing for a gradient that **vanishes**: what is
# lost on the way back can't be scaled up again. For that [the network itself](6_gates.py) has to
# change.
