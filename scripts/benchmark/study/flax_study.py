"""The gradient study in Flax NNX with Optax: `python -m scripts.benchmark.study.flax_study --workdir=runs/flax`.

A training step is one compiled function, `nnx.jit` with `nnx.cached_partial`, as Flax's guide to performance advises.
It is compiled once for each cell and length, which is why those are the outer loop and the seeds the inner one.
`nnx.RNN` does not show the states between, so the measurement scans over the cell, with zeros added to each state.
"""

import functools
import json
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jax.nn import initializers

from scripts.benchmark.study.spec import CURVE, LOSS, Study, of_script, record_of

CELLS: dict[str, Any] = {"rnn": nnx.SimpleCell, "lstm": nnx.OptimizedLSTMCell, "gru": nnx.GRUCell}
GATES = {"rnn": 1, "lstm": 4, "gru": 3}


# Initialisers and optimiser are part of what a compiled function depends on: the same objects for all seeds.
@functools.cache
def by_gate(init: Any, gates: int) -> Callable[..., jax.Array]:
    """An initialiser that draws the kernel of each gate by itself."""

    def draw(key: jax.Array, shape: tuple[int, int], dtype: Any = jnp.float32) -> jax.Array:
        blocks = [init(k, (shape[0], shape[1] // gates), dtype) for k in jax.random.split(key, gates)]
        return jnp.concatenate(blocks, axis=1)

    return draw


def forget_one(key: jax.Array, shape: tuple[int], dtype: Any = jnp.float32) -> jax.Array:
    """Biases 0, the forget gate's 1."""
    return jnp.zeros((4, shape[0] // 4), dtype).at[1].set(1).reshape(shape)


GLOROT: Any = initializers.glorot_uniform()
ORTHOGONAL: Any = initializers.orthogonal()


@functools.cache
def optimizer_of(study: Study) -> optax.GradientTransformation:
    """Adam after clipping."""
    return optax.chain(optax.clip_by_global_norm(study.clip_norm), optax.adam(study.learning_rate))


class Model(nnx.Module):
    """A recurrent layer and a linear readout of its last output."""

    def __init__(self, cell: str, hidden: int, *, rngs: nnx.Rngs):
        bias = {"bias_init": forget_one} if cell == "lstm" else {}
        made = CELLS[cell](
            2,
            hidden,
            kernel_init=by_gate(GLOROT, GATES[cell]),
            recurrent_kernel_init=by_gate(ORTHOGONAL, GATES[cell]),
            rngs=rngs,
            **bias,
        )
        self.rnn = nnx.RNN(made, time_major=True)
        self.readout = nnx.Linear(hidden, 1, rngs=rngs)

    def __call__(self, xs: jax.Array) -> jax.Array:
        """Answers [B] to sequences [T, B, 2]."""
        return self.readout(self.rnn(xs)[-1])[:, 0]

    def state_gradients(self, xs: jax.Array, targets: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The loss, and log10 ‖∂L/∂s_t‖ [T, B], where s is h, or for the LSTM c and h."""
        first = self.rnn.cell.initialize_carry(xs.shape[1:], nnx.Rngs(0))
        zeros = jax.tree.map(lambda part: jnp.zeros((len(xs), *part.shape)), first)

        def loss_of(added: Any) -> jax.Array:
            def step(carry: Any, given: Any) -> tuple[Any, None]:
                x, zero = given
                carry, _ = self.rnn.cell(carry, x)
                return jax.tree.map(jnp.add, carry, zero), None

            carry, _ = jax.lax.scan(step, first, (xs, added))
            h = jax.tree.leaves(carry)[-1]
            return jnp.mean((self.readout(h)[:, 0] - targets) ** 2)

        loss, gradients = jax.value_and_grad(loss_of)(zeros)
        return loss, log10_norm(jnp.concatenate(jax.tree.leaves(gradients), axis=-1))


def log10_norm(v: jax.Array) -> jax.Array:
    """log10 of the norm over the last axis; squares of float32 vanish below 1e-22, so it is scaled first."""
    largest = jnp.maximum(jnp.abs(v).max(axis=-1, keepdims=True), jnp.finfo(v.dtype).tiny)
    return jnp.log10(largest[..., 0]) + jnp.log10(jnp.linalg.norm(v / largest, axis=-1))


def adding(key: jax.Array, length: int, batch: int) -> tuple[jax.Array, jax.Array]:
    """Sequences [T, B, 2] of numbers and markers, one marker in each half, and the sums [B] of the marked numbers."""
    of_numbers, of_first, of_second = jax.random.split(key, 3)
    numbers = jax.random.uniform(of_numbers, (length, batch))
    first = jax.random.randint(of_first, (batch,), 0, length // 2)
    second = jax.random.randint(of_second, (batch,), length // 2, length)
    markers = jax.nn.one_hot(first, length, axis=0) + jax.nn.one_hot(second, length, axis=0)
    return jnp.stack([numbers, markers], axis=-1), (numbers * markers).sum(0)


@nnx.jit(static_argnames=("length", "batch"))
def train_step(model: Model, optimizer: nnx.Optimizer, key: jax.Array, step: int, *, length: int, batch: int) -> None:
    """One update on fresh examples, in place."""
    xs, targets = adding(jax.random.fold_in(key, step), length, batch)
    gradients = nnx.grad(lambda model: jnp.mean((model(xs) - targets) ** 2))(model)
    optimizer.update(model, gradients)


@nnx.jit
def measure(model: Model, xs: jax.Array, targets: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The loss, and the median over the examples of log10 ‖∂L/∂s‖ by lag [T]."""
    loss, norms = model.state_gradients(xs, targets)
    return loss, jnp.median(norms, axis=1)[::-1]


def run(study: Study, workdir: Path, cell: str, length: int, seed: int) -> None:
    """Train one network, and measure it before, during and after."""
    of_model, of_training, of_heldout = jax.random.split(jax.random.key(seed), 3)
    model = Model(cell, study.hidden, rngs=nnx.Rngs(params=of_model))
    optimizer = nnx.Optimizer(model, optimizer_of(study), wrt=nnx.Param)
    train = nnx.cached_partial(train_step, model, optimizer)
    heldout = adding(of_heldout, length, study.heldout)
    path = record_of(workdir, cell, length, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        for step in range(0, study.steps + 1, study.measure_every):
            started = time.perf_counter()
            for number in range(step - study.measure_every if step else 0, step):
                train(of_training, number, length=length, batch=study.batch)
            loss, curve = jax.device_get(measure(model, *heldout))
            record = {"step": step, LOSS: loss.item(), CURVE: curve.tolist()}
            file.write(json.dumps(record | {"seconds": time.perf_counter() - started}) + "\n")
            file.flush()


def run_seeds(study: Study, workdir: Path, cell: str, length: int) -> None:
    """All seeds of one cell at one length, which share what is compiled."""
    for seed in range(study.seeds):
        run(study, workdir, cell, length, seed)


def main() -> None:
    """Run the study, in one process on all cores or in several with a share of them each."""
    study, workdir, jobs = of_script("The gradient study in Flax NNX.")
    if jobs == 1:
        for point in study.points:
            run_seeds(study, workdir, *point)
        return
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        for future in [pool.submit(run_seeds, study, workdir, *point) for point in study.points]:
            future.result()


if __name__ == "__main__":
    main()
