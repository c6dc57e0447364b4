"""The first of the examples that a trial is measured by, as people see it."""

import functools
from collections.abc import Callable
from typing import Any

import jax

from experiments import build
from experiments.config import Config, Section
from rnnx import examples
from rnnx.training.program import heldout_batch
from rnnx.types import Batch, Example, Task


def first_heldout(config: Config, task: Task) -> Example:
    """The first held-out example of a trial: the same for all cells, as no cell enters it."""
    batch = _sampler(config.task, config.measure_batch_size, config.length)(build.hyperparameters(config).seed)
    return examples.first(task, jax.device_get(batch))


@functools.lru_cache(maxsize=8)  # trials of a sweep are of few tasks and lengths
def _sampler(task: Section, batch_size: int, length: int) -> Callable[[Any], Batch]:
    made = build.make_task(task)
    return jax.jit(lambda seed: heldout_batch(made, seed, batch_size, length))
