"""What a model of language writes at a measurement, always after the same beginning and by the same draws."""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import nnx

from experiments import build
from experiments.config import Config
from experiments.trials.writing import writer
from rnnx import decoding
from rnnx.types import Array, Batch, Params, Run, Task

_LENGTH = {"character": 256, "word": 64}
"""Tokens of a sample: some lines."""


def sampler(config: Config, task: Task) -> Callable[[Params], str] | None:
    """What writes a text with given parameters; `None` where the task is not one of language, or the model is mute.

    Trials of one program share it, and their draws.
    """
    vocabulary = task.vocabulary
    # No length enters it.
    draw = _program(dataclasses.replace(build.program_key(config), length=1)) if vocabulary else None
    if vocabulary is None or draw is None:
        return None
    return lambda params: vocabulary.decode(draw(params)[:, 0])


@functools.lru_cache(maxsize=2)
def _program(config: Config) -> Callable[[Params], Array] | None:
    vocabulary = build.task(config).vocabulary
    assert vocabulary is not None

    @functools.partial(jax.jit, static_argnums=(0, 1))
    def draw(model: nnx.GraphDef, run: Run, params: Params) -> Array:
        before = Batch(jnp.full((1, 1), vocabulary.line_end, jnp.int32), None, jnp.ones((1, 1)))
        return decoding.sample(model, params, before, jax.random.key(0), length=_LENGTH[vocabulary.unit], run=run)

    found = writer(config, draw, otherwise="there are no samples")
    return functools.partial(draw, *found) if found else None
