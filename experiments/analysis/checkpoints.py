"""One measurement of one checkpoint: a diagnostic in double precision, or a reading in single precision.

Parameters and examples are those of the trial, number for number: they are made or restored in single precision, and
for a diagnostic cast. So it differs from the one in `metrics.jsonl` by the roundings that it made itself.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from experiments import build
from experiments.analysis.saved import check_data
from experiments.config import Config, ConfigError
from experiments.trials.trial import Trial
from rnnx import diagnostics, readings
from rnnx.logbook import Checkpoints
from rnnx.logbook.run_directory import CHECKPOINTS
from rnnx.readings import Reader
from rnnx.training.objective import evaluation
from rnnx.training.program import applying, heldout_batch, measured_flows, split
from rnnx.types import Array, Batch, Params
from rnnx.unroll import plain_run


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
      ConfigError: there is no checkpoint, or the data is no longer that of the trial.
      CheckpointError: it is of another model.
    """
    config = trial.config
    check_data(trial.directory, build.task(config))
    step, state = 0, None
    if checkpoint == "initial":
        state = build.initial(config)()
    elif (trial.directory / CHECKPOINTS).is_dir():
        saved = Checkpoints(trial.directory / CHECKPOINTS, read_only=True)
        step, state = saved.restore_latest(jax.eval_shape(build.initial(config))) or (0, None)
    if state is None:
        raise ConfigError(f"{trial.directory} has no checkpoint yet; --checkpoint=initial measures it before training.")
    batch = _heldout(build.program_key(config))(build.hyperparameters(config).seed)
    some = jax.tree.map(lambda a: a[..., :examples] if a.ndim == 1 else a[:, :examples], batch)
    return Subject(config, step, state.params, some)


def conditions(of: Subject, name: str) -> dict[str, Any]:
    """What a measurement depends on beside the trial: one of the same conditions is the same."""
    if name in readings.names():
        return {"step": of.step, "precision": "float32"}
    return {"step": of.step, "precision": "float64", "examples": of.batch.weights.shape[-1]}


def measure(of: Subject, name: str) -> dict[str, Any]:
    """A measurement of `rnnx.diagnostics`, computed in float64, or of `rnnx.readings`.

    Raises:
      ValueError: it is not for such a cell, model or task.
    """
    if name in readings.names():
        return readings.get(name)(_reader(build.program_key(of.config))(of.params))
    params, batch = jax.tree.map(_double, (of.params, of.batch))
    with jax.enable_x64(True):
        return jax.device_get(_compiled(build.program_key(of.config), name)(params, batch))


# Trials of one program share their compiled measurements too.
@functools.lru_cache(maxsize=1)
def _heldout(config: Config) -> Callable[[Any], Batch]:
    task = build.task(config)
    return jax.jit(lambda seed: heldout_batch(task, seed, config.measure_batch_size, config.length))


@functools.lru_cache(maxsize=32)
def _compiled(config: Config, name: str) -> Callable[[Params, Batch], dict[str, Any]]:
    apply, task, execute = applying(build.model(config)), build.task(config), evaluation(config.objective)

    def measured(params: Params, batch: Batch) -> dict[str, Any]:
        return diagnostics.measured([name], measured_flows(apply, task, params, batch, execute)[1])

    return jax.jit(measured)


@functools.lru_cache(maxsize=1)
def _reader(config: Config) -> Callable[[Params], Reader]:
    """What a reading is told of a trial, given its parameters."""
    task = build.task(config)
    text = readings.text_of(task)
    model = jax.eval_shape(lambda: split(build.model(config), jax.random.key(0)))[0]
    run = evaluation(config.objective)(plain_run)
    return lambda params: Reader(model, params, run, task, config.length, text)


def _double(a: Array) -> np.ndarray:
    return np.asarray(a, np.float64 if np.issubdtype(a.dtype, np.floating) else a.dtype)
