"""What a model of language writes at a measurement, always after the same beginning and by the same draws."""

import dataclasses
import functools
import warnings
from collections.abc import Callable

import jax
import jax.numpy as jnp

from experiments import build
from experiments.config import Config
from rnnx import decoding
from rnnx.training.objective import evaluation
from rnnx.training.program import split
from rnnx.types import Array, Batch, Params, Task
from rnnx.unroll import plain_run

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
    model, shapes = jax.eval_shape(lambda: split(build.model(config), jax.random.key(0)))

    run = evaluation(config.objective)(plain_run)

    @jax.jit
    def draw(params: Params) -> Array:
        before = Batch(jnp.full((1, 1), vocabulary.line_end, jnp.int32), None, jnp.ones((1, 1)))
        return decoding.sample(model, params, before, jax.random.key(0), length=_LENGTH[vocabulary.unit], run=run)

    try:
        jax.eval_shape(draw, shapes)
    except ValueError:  # it says that it can't write
        return None
    except Exception as error:  # it may be anyone's own; training does not depend on it
        warnings.warn(f"there are no samples: {type(error).__name__}: {error}", stacklevel=2)
        return None
    return draw
