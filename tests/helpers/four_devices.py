"""What one device and four make of the same training: run as a process of its own, with four, it prints a JSON object.

Its arguments name what is compared, of `CASES` or `SIDE_BY_SIDE`.

A comparison has the losses of both, the largest difference of their parameters, and how often the program of four
holds each kind of exchange between devices, and arrays [T, B] or [B] of a whole batch.
"""

import functools
import json
import re
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import rnnx
from rnnx.training import parallel
from rnnx.training.objective import Objective
from rnnx.training.program import Hyperparameters, program
from rnnx.types import Batch
from tests.helpers.streams import streaming
from tests.variants import CELLS

STEPS = 10
EXCHANGES = ("all-reduce", "all-gather", "all-to-all", "collective-permute", "reduce-scatter")
# Numbers that occur as nothing else: 4 examples are a share of B, and of 288 so many that time runs in chunks.
LENGTH, BATCH = 13, 16
CASES: dict[str, dict[str, Any]] = {
    "rnn": {},
    "lstm": {},
    "gru": {},
    "lru": {},
    "chunks of an lstm": {"cell": rnnx.lstm(32), "length": 128, "batch_size": 288},
    "characters": {"task": "characters"},
    "lengths": {"task": "ragged"},
    "random truncation": {"objective": Objective(random_truncation=0.2)},
    "omega": {"objective": Objective(omega=2.0)},
    "flossing": {"objective": Objective(flossing_steps=3, flossing_exponents=2)},
    "carried state": {"task": "streaming", "objective": Objective(carry_state=True)},
}
SIDE_BY_SIDE = "side by side"


def ragged():
    """Running sums of examples of different lengths, among them so many without any step that a device has no other."""
    task = rnnx.tasks.get("adding")()

    def sample(key, batch_size, length):
        batch = task.sample(key, batch_size, length)
        lengths = jax.random.randint(key, (batch_size,), 1, length + 1)
        lengths = jnp.where(jnp.arange(batch_size) < batch_size // 4, 0, lengths)
        scored = (jnp.arange(length)[:, None] < lengths).astype(batch.weights.dtype)
        return Batch(batch.inputs, jnp.cumsum(batch.inputs[..., :1], axis=0), scored, lengths)

    return task._replace(sample=sample, losses=lambda outputs, batch: jnp.square(outputs - batch.targets)[..., 0])


def compared(name: str, settings: dict[str, Any]) -> dict[str, Any]:
    cell = settings.get("cell") or rnnx.cells.get(name if name in CELLS else "gru")(8)
    task = settings.get("task", "adding")
    own = {"ragged": ragged, "streaming": streaming}
    task = own[task]() if task in own else rnnx.tasks.get(task)()
    length, batch_size = settings.get("length", LENGTH), settings.get("batch_size", BATCH)

    def made(mesh):
        return program(
            functools.partial(rnnx.models.get("sequence"), cell, task),
            task,
            length=length,
            batch_size=batch_size,
            steps_per_dispatch=STEPS,
            measure_batch_size=4,
            diagnostics=(),
            objective=settings.get("objective", Objective()),
            mesh=mesh,
        )

    given = Hyperparameters(seed=0, learning_rate=0.003, clip_norm=1.0)
    one, four = made(None), made(parallel.mesh())
    alone, of_one = one.train(one.init(0), given)
    train = four.train.lower(four.init(0), given).compile()
    split, of_four = train(four.init(0), given)
    kept = (alone.params, alone.carried), (split.params, split.carried)
    differences = jax.tree.map(lambda a, b: np.abs(np.asarray(a) - np.asarray(b)).max(), *kept)
    text = train.as_text()
    return {
        "loss": [of_one.loss.tolist(), of_four.loss.tolist()],
        "params": float(max(jax.tree.leaves(differences))),
        "exchanges": {kind: len(re.findall(rf" {kind}(?:-start)?\(", text)) for kind in EXCHANGES},
        "whole batches": len(re.findall(rf"\[{length},{batch_size}[,\]]|\[{batch_size}\]", text)),
        "shares": len(re.findall(rf"\[{length},{batch_size // 4}[,\]]", text)),
    }


def side_by_side() -> dict[str, Any]:
    """Eight trials, which differ in all that they may, on one device and on four."""
    settings = {"length": LENGTH, "batch_size": 4, "steps_per_dispatch": STEPS, "measure_batch_size": 4}
    task = rnnx.tasks.get("adding")()
    model = functools.partial(rnnx.models.get("sequence"), rnnx.gru(8), task)
    p = program(model, task, **settings, diagnostics=("state_gradient",))
    rates, limits, zeros = np.geomspace(1e-4, 1e-2, 8, dtype=np.float32), np.float32([1, np.inf] * 4), np.zeros(8, "f")
    given = Hyperparameters(np.arange(8), rates, limits, weight_decay=zeros, momentum=zeros)
    states = jax.vmap(p.init)(given.seed)
    split = jax.jit(parallel.shard_trials(p.train, parallel.mesh())).lower(states, given).compile()
    found = [jax.jit(jax.vmap(p.train))(states, given), split(states, given)]
    measured = [
        jax.jit(jax.vmap(p.measure))(found[0][0], given.seed),
        jax.jit(parallel.shard_trials(p.measure, parallel.mesh()))(found[0][0], given.seed),
    ]
    (one, of_one), (four, of_four) = found
    differences = jax.tree.map(lambda a, b: np.abs(np.asarray(a) - np.asarray(b)).max(), one.params, four.params)
    return {
        "loss": [of_one.loss.tolist(), of_four.loss.tolist()],
        "params": float(max(jax.tree.leaves(differences))),
        "measured": [[np.asarray(leaf).tolist() for leaf in jax.tree.leaves(each)] for each in measured],
        "devices": len(of_four.loss.sharding.device_set),
        "exchanges": {kind: len(re.findall(rf" {kind}(?:-start)?\(", split.as_text())) for kind in EXCHANGES},
    }


if __name__ == "__main__":
    assert jax.device_count() == 4
    jax.config.update("jax_numpy_dtype_promotion", "strict")
    asked = sys.argv[1:]
    print(json.dumps({name: side_by_side() if name == SIDE_BY_SIDE else compared(name, CASES[name]) for name in asked}))
