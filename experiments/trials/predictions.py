"""What a model writes when it is given no target, where the task scores that: to the whole test split, and to a few
held-out examples."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
from flax import nnx

from experiments import build
from experiments.config import Config
from experiments.trials import heldout
from experiments.trials.writing import writer
from rnnx import decoding
from rnnx.decoding import Beams
from rnnx.types import Params, Run, Task, Written

_SHOWN = 8
"""Held-out examples of which people see what is written to them."""


class Predictions(NamedTuple):
    """Of one set of parameters."""

    numbers: dict[str, float]
    """Over the whole split, such as an error rate."""
    records: list[dict[str, Any]]
    """Of each example: input, targets, output, and how good that is."""


def predictor(config: Config, task: Task) -> Callable[[Params], Predictions] | None:
    """What writes with given parameters; `None` where the task does not ask for it, or the model is mute.

    Trials of one program share what is compiled.
    """
    asked = task.decoding
    writes = _writes(_without_length(config)) if asked else None
    if asked is None or writes is None:
        return None
    model, run = writes
    size = config.measure_batch_size
    return lambda params: Predictions(*asked.score(decoding.greedy(model, params, asked, batch_size=size, run=run)))


def shower(config: Config, task: Task) -> Callable[[Params], list[Written]] | None:
    """What shows people what is written to the first held-out examples of a trial; `None` as of `predictor`."""
    asked = task.decoding
    if asked is None or asked.shown is None:
        return None
    writes = _writes(_without_length(config))
    if writes is None:
        return None
    model, run = writes
    show, size = asked.shown, min(_SHOWN, config.measure_batch_size)
    first = jax.tree.map(lambda a: a[:size] if a.ndim == 1 else a[:, :size], heldout.batch(config))
    few = asked._replace(batches=lambda batch_size: [first])
    return lambda params: show(first, decoding.greedy(model, params, few, batch_size=size, run=run))


def _without_length(config: Config) -> Config:
    """What decides how a model writes: no length enters it, which is one of training."""
    return dataclasses.replace(build.program_key(config), length=1)


@functools.lru_cache(maxsize=2)
def _writes(config: Config) -> tuple[nnx.GraphDef, Run] | None:
    """The model and how time runs in it."""
    asked = build.task(config).decoding
    assert asked is not None
    first = next(iter(asked.batches(1)))

    def write(model: nnx.GraphDef, run: Run, params: Params) -> Beams:
        return decoding.beam_search(model, params, first, width=1, length=asked.length, end=asked.end, run=run)

    return writer(config, write, otherwise="there are no predictions")
