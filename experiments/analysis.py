"""One measurement of one checkpoint, in double precision.

Parameters and examples are those of the trial, number for number: they are made or restored in single precision, and
cast. So a measurement here differs from the one in `metrics.jsonl` by the roundings that it made itself.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import nnx

from experiments import config as configs
from experiments.config import Config, ConfigError
from experiments.trial import Trial, initial
from rnnx import diagnostics, model, wall
from rnnx.engine._flat import Flat
from rnnx.logbook import Checkpoints
from rnnx.training import heldout_batch
from rnnx.types import Array, Batch, Evidence, Histogram, Params


class Subject(NamedTuple):
    """What a trial is measured by."""

    config: Config
    step: int
    """Training steps done."""
    params: Params
    batch: Batch
    """The first examples of the trial's held-out batch."""


def subject(trial: Trial, checkpoint: str, examples: int) -> Subject:
    """Parameters of the `latest` checkpoint, or `initial` ones, and some held-out examples; all float32.

    Raises:
      ConfigError: there is no checkpoint.
      CheckpointError: it is of another model.
    """
    config, seed = trial.config, trial.config.seed
    step, state = 0, None
    if checkpoint == "initial":
        state = initial(config)(seed)
    elif (trial.directory / "checkpoints").is_dir():
        saved = Checkpoints(trial.directory / "checkpoints", read_only=True)
        step, state = saved.restore_latest(jax.eval_shape(initial(config), seed)) or (0, None)
    if state is None:
        raise ConfigError(f"{trial.directory} has no checkpoint yet; --checkpoint=initial measures it before training.")
    batch = _heldout(configs.alike(config))(seed)
    some = jax.tree.map(lambda a: a[..., :examples] if a.ndim == 1 else a[:, :examples], batch)
    return Subject(config, step, state.params, some)


def trajectories(evidence: Evidence) -> dict[str, Array]:
    """The states themselves, s_0 … s_T of every example as real numbers, `trajectories/states` `[T + 1, B, S]`."""
    states = evidence.flow.states
    return {"trajectories/states": Flat(states, batch_axes=2).pack(states)}


FOR_FIGURES: dict[str, Callable[[Evidence], Mapping[str, Array | Histogram]]] = {
    "trajectories": trajectories,
    "wall": lambda evidence: wall.landscape(),  # the same for every trial
}
"""What is made to be looked at, beside the measurements of `rnnx.diagnostics`."""


def names() -> list[str]:
    """All that can be measured."""
    return sorted({*diagnostics.names(), *FOR_FIGURES})


def measure(of: Subject, name: str) -> dict[str, Any]:
    """A measurement of `rnnx.diagnostics`, or one `FOR_FIGURES`, computed in float64.

    Raises:
      ValueError: it is not for such a cell.
    """
    params, batch = jax.tree.map(_double, (of.params, of.batch))
    with jax.enable_x64(True):
        return jax.device_get(_compiled(configs.alike(of.config), name)(params, batch))


# Trials of one program share their compiled measurements too.
@functools.lru_cache(maxsize=1)
def _heldout(config: Config) -> Callable[[int], Batch]:
    task = configs.task(config)
    return jax.jit(lambda seed: heldout_batch(task, seed, config.measure_batch_size, config.task.size))


@functools.lru_cache(maxsize=32)
def _compiled(config: Config, name: str) -> Callable[[Params, Batch], dict[str, Any]]:
    cell, task = configs.cell(config), configs.task(config)
    graphdef = jax.eval_shape(lambda: model.split(cell, task, jax.random.key(0)))[0]
    diagnostic = FOR_FIGURES[name] if name in FOR_FIGURES else diagnostics.get(name)
    return jax.jit(lambda params, batch: diagnostic(model.evidence_of(nnx.merge(graphdef, params), task, batch)))


def _double(a: Array) -> np.ndarray:
    return np.asarray(a, np.float64 if np.issubdtype(a.dtype, np.floating) else a.dtype)
