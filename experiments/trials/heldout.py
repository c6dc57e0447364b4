"""The batch that a trial is measured by, as people see it: its first example, and the model's graph over it."""

import functools
import warnings
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from flax import nnx

from experiments import build
from experiments.config import Config, Section
from rnnx.computational_graph import Graph, computational_graph
from rnnx.training.program import heldout_batch, split
from rnnx.types import Batch


def batch(config: Config) -> Batch:
    """The held-out batch of a trial: the same for all cells, as no cell enters it."""
    sample = _sampler(config.task, config.measure_batch_size, config.length)
    made: Batch = jax.device_get(sample(build.hyperparameters(config).seed))
    return made


def graph(config: Config, batch: Batch) -> Graph | None:
    """The computational graph of a trial's model over a batch; `None` where it has none, as one that does not recur."""
    graphdef, shapes = jax.eval_shape(lambda: split(build.model(config), jax.random.key(0)))
    random = np.random.default_rng(0)  # any numbers will do: what is zero would be taken for what is not fed
    params = jax.tree.map(lambda p: random.standard_normal(p.shape).astype(p.dtype), shapes)
    try:
        return computational_graph(nnx.merge(graphdef, params), batch)
    except ValueError:  # it says why it can't be drawn
        return None
    except Exception as error:  # it may be anyone's own; nothing else depends on it
        warnings.warn(f"there is no graph of the model: {type(error).__name__}: {error}", stacklevel=2)
        return None


@functools.lru_cache(maxsize=8)  # trials of a sweep are of few tasks and lengths
def _sampler(task: Section, batch_size: int, length: int) -> Callable[[Any], Batch]:
    made = build.make_task(task)
    return jax.jit(lambda seed: heldout_batch(made, seed, batch_size, length))
