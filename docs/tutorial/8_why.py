# %% [markdown]
# # Why does my RNN not learn?
#
# Ten measurements, in the order in which to take them, on a network that does not learn. Each
# takes seconds, and most of them are one call. The patient is an LSTM on the adding problem: of 40
# numbers two are marked, and after the last one their sum is asked for. Put your own cell, loss
# and data in its place.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
from flax import nnx

import rnnx

T, B = 40, 32
task = rnnx.tasks.get("adding")()
batch = task.sample(jax.random.key(1), B, T)
patient = rnnx.lstm(32, forget_bias=-1.0)


def start(cell):
    """A model's structure and its first parameters."""
    return nnx.split(rnnx.models.get("sequence")(cell, task, rngs=nnx.Rngs(0)))


def mean_loss(graphdef, params, batch, run=rnnx.plain_run):
    """The task's loss over the positions that count."""
    losses = task.losses(nnx.merge(graphdef, params)(batch, run), batch)
    return jnp.sum(losses * batch.weights) / jnp.sum(batch.weights)


@jax.jit(static_argnums=(0, 2, 3))
def train(graphdef, params, steps, same_batch=False):
    """Parameters after some steps of Adam, and the loss at each."""
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(0.01))

    def step(carry, key):
        params, state = carry
        drawn = batch if same_batch else task.sample(key, B, T)
        loss, gradient = jax.value_and_grad(lambda params: mean_loss(graphdef, params, drawn))(
            params
        )
        updates, state = optimizer.update(gradient, state, params)
        return (optax.apply_updates(params, updates), state), loss

    keys = jax.random.split(jax.random.key(2), steps)
    (params, _), losses = jax.lax.scan(step, (params, optimizer.init(params)), keys)
    return params, losses


graphdef, params = start(patient)

# %% [markdown]
# ## 1. Is it better than without memory?
#
# Say first what a predictor would get that remembers nothing. A loss that has come down by a
# factor of seven looks like learning, and is the bias of the readout.

# %%
trained, losses = train(graphdef, params, 400)
print(f"first loss {losses[0]:.3f}, mean of the last 50 {losses[-50:].mean():.3f}")
print(f"without memory {task.baseline_loss(T):.3f}")

# %% [markdown]
# ## 2. Can it learn one batch by heart?
#
# If not even that, the fault is in the program: wrong targets, a loss of the padding, a learning
# rate that is off by powers of ten. If it can, the fault is in what has to be *found*: go on.

# %%
_, by_heart = train(graphdef, params, 400, True)
print(f"on one batch again and again: {by_heart[0]:.3f} → {by_heart[-1]:.4f}")

# %% [markdown]
# ## 3. Is every gradient there, and finite?
#
# One backward pass, with the gradient at every step of the recurrent part. All measurements below
# are of this `flow`. An array whose gradient is exactly zero ($-\infty$) is not connected to the
# loss.


# %%
@jax.jit(static_argnums=0)
def flow_of(graphdef, params):
    """The gradient at every step of the model's one recurrent part."""
    _, _, flows = rnnx.gradient_flows(
        lambda params, run: mean_loss(graphdef, params, batch, run), params
    )
    return flows["cell"]


@jax.jit(static_argnums=0)
def measure(name, flow):
    """What one diagnostic says."""
    return rnnx.diagnostics.get(name)(flow)


flow = flow_of(graphdef, params)
for tag, value in measure("weight_gradient", flow).items():
    print(f"{tag}: {value:.2f}")

# %% [markdown]
# ## 4. How far back does the gradient reach?
#
# The marked numbers lie up to 39 steps back. If the gradient is gone before, no optimiser can find
# them.

# %%
told = measure("state_gradient", flow)
print(f"reach: {told['state_gradient/state/reach']:.0f} of {T - 1} steps")
print(f"decay rate: {told['state_gradient/state/decay_rate']:.2f} nats per step")

# %% [markdown]
# ## 5. Which steps do the weights hear of?
#
# The gradient of the weights is a sum over steps. How much of it comes from ten and more steps
# back?

# %%
share = measure("weight_gradient_by_lag", flow)[
    "weight_gradient_by_lag/recurrent_kernel/share_older_than_10"
]
print(f"{100 * share:.2g} % of the gradient of U is from ten and more steps back")

# %% [markdown]
# ## 6. Are gates shut, or units saturated?
#
# This tells *why* it is lost. A forget gate of ¼ leaves a quarter at each step, and after ten of
# them a millionth.

# %%
gates, units = measure("gates", flow), measure("hidden_units", flow)
print(
    ", ".join(
        f"{gate} gate {gates[f'gates/{gate}/mean']:.2f}" for gate in ("input", "forget", "output")
    )
)
for state in "saturated", "dead":
    print(f"units that are {state}: {100 * units[f'hidden_units/{state}']:.0f} %")

# %% [markdown]
# ## 7. Is it the network, or the loss?
#
# The Lyapunov exponents say what the network does to any small difference, whatever is asked of
# it. All of them far below 0: it forgets everything. One above 0: it is chaotic, and gradients
# explode.

# %%
print(
    f"largest Lyapunov exponent: {measure('lyapunov', flow)['lyapunov/largest']:.2f} nats per step"
)

# %% [markdown]
# ## 8. Does anything explode?
#
# A single example with a gradient a thousand times the usual spoils the whole batch. Look at the
# largest and not only at the mean, and at how often clipping steps in.

# %%
per_example = flow.log10_state_norm.max(axis=0)
print(f"‖∂L/∂s‖: median 10^{jnp.median(per_example):.1f}, largest 10^{per_example.max():.1f}")
growing = told["state_gradient/state/exploding"]
print(f"examples whose gradient grows on its way back: {100 * growing:.0f} %")

# %% [markdown]
# ## 9. Is it cut off?
#
# A truncation of $K$ steps must not be shorter than what has to be learnt. The smallest $K$ with
# an error below 10 % is that of the network *as it is*: of one that forgets it is small, and tells
# nothing about what it would need.

# %%
smallest = measure("truncation_bias", flow)["truncation_bias/smallest_k"]
print(f"this network could be cut after {smallest:.0f} steps; the task needs {T - 1}")

# %% [markdown]
# ## 10. Change one thing, and measure again
#
# The diagnosis: the loss is that of a network without memory (1), the program is sound (2, 3), the
# gradient is gone after a few steps (4, 5) since the forget gate is shut from the start (6, 7); it
# neither explodes (8) nor is it cut (9). So the forget bias is changed, and nothing else:

# %%
results = {}
for bias, line in ((-1.0, ":"), (1.0, "-")):
    graphdef, params = start(rnnx.lstm(32, forget_bias=bias))
    left = jnp.median(flow_of(graphdef, params).log10_state_norm, axis=1)[::-1]
    results[bias] = line, left, train(graphdef, params, 400)[1]

fig, (first, second) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
for bias, (line, left, losses) in results.items():
    first.plot(np.arange(T), left - left[0], line, color="#0072B2", label=f"forget bias {bias:g}")
    second.plot(
        np.convolve(losses, np.ones(10) / 10, "valid"),
        line,
        color="#0072B2",
        label=f"forget bias {bias:g}",
    )
    print(f"forget bias {bias:g}: loss {losses[-50:].mean():.3f}")
first.set(
    xlabel="lag k (steps)",
    ylabel="log$_{10}$ ‖∂L/∂s$_{T-k}$‖ / ‖∂L/∂s$_T$‖",
    title="before training",
)
second.axhline(task.baseline_loss(T), color="0.35", linewidth=1)
second.set(
    xlabel="step of training",
    ylabel="loss (squared error)",
    ylim=(0, 0.4),
    title="in training; thin line: without memory",
)
first.legend()

# %% [markdown]
# ## And if that was not it
#
# | what was seen | look at |
# | --- | --- |
# | the loss stays at that without memory, the gradient reaches far | learning rate, more steps: the [noise scale](../gallery.md#noise_scale) says whether the batch is too small |
# | the gradient vanishes | [gates and their bias](6_gates.py), an orthogonal $U$ ([initialisers](../../rnnx/initializers/__init__.py)), fewer steps at first |
# | it explodes, or the loss jumps | [clipping](5_clipping.py), a smaller learning rate |
# | NaN | the first step at which it stands: [`flow.state_gradients`](../../rnnx/types.py); `experiments.run` names it |
# | it learns by heart but not in general | more data, [dropout](../training.md) |
# | good in training, bad on longer sequences | the state carried on wrongly: [Mistakes](../mistakes.md) |
#
# Which measurement answers which question stands in [Diagnostics](../diagnostics.md), a picture of
# each in [the gallery](../gallery.md), and how each of them can mislead in
# [Mistakes](../mistakes.md).
