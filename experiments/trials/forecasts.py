"""What a model forecasts over a stretch of time held out, where its task has one; and simple predictors beside it."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax

from experiments import build
from experiments.config import Config, Section
from rnnx.training.evaluation import evaluate
from rnnx.training.objective import Carried, evaluation
from rnnx.training.program import applying
from rnnx.training.runs import execution
from rnnx.types import Array, Batch, Forecast, Params, Scores, Task
from rnnx.unroll import plain_run


def forecaster(config: Config, task: Task) -> Callable[[Params], list[Forecast]] | None:
    """What forecasts with given parameters; `None` where the task has no stretch of time.

    Trials of one program share what is compiled.
    """
    stretch = task.stretch
    if stretch is None:
        return None
    outputs = _outputs(build.program_key(config))
    batch = stretch.batch()
    return lambda params: stretch.shown(jax.device_get(outputs(params, batch)))


@functools.lru_cache(maxsize=2)
def _outputs(config: Config) -> Callable[[Params, Batch], Array]:
    """(params, batch) -> the model's outputs, as where it is measured."""
    apply = applying(build.model(config))
    run = execution(config.precision, config.engine, config.remat)(evaluation(config.objective)(plain_run))
    return jax.jit(lambda params, batch: apply(params, batch, run))


def baselines(config: Config, task: Task) -> dict[str, dict[str, float]]:
    """What the whole test split tells of the task's own simple predictors, by name."""
    if not task.baselines or task.test_batches is None:
        return {}
    return _baselines(_Asked(config.task, config.length, config.measure_batch_size, tuple(task.data.items()), task))


@dataclasses.dataclass(frozen=True)
class _Asked:
    """A task, known by what it is made of: a file may be another one, or gone, when training ends."""

    section: Section
    length: int
    batch_size: int
    data: tuple[tuple[str, str], ...]
    task: Task = dataclasses.field(compare=False)


@functools.lru_cache(maxsize=8)  # trials of a sweep share them
def _baselines(asked: _Asked) -> dict[str, dict[str, float]]:
    task = asked.task
    test_batches = task.test_batches
    assert test_batches is not None

    def score(predict: Callable[[Batch], Any], params: Params, batch: Batch, states: Carried) -> tuple[Scores, Carried]:
        outputs = predict(batch)
        return {"loss": (task.losses(outputs, batch), batch.weights)} | task.scores(outputs, batch), None

    return {
        name: evaluate(jax.jit(functools.partial(score, predict)), None, test_batches(asked.batch_size), task.summary)
        for name, predict in task.baselines.items()
    }
