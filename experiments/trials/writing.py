"""Whether the model of a trial can write, and what it then writes with."""

import warnings
from collections.abc import Callable
from typing import Any

import jax
from flax import nnx

from experiments import build
from experiments.config import Config
from rnnx.training.objective import evaluation
from rnnx.training.program import split
from rnnx.types import Params, Run
from rnnx.unroll import plain_run


def writer(
    config: Config, write: Callable[[nnx.GraphDef, Run, Params], Any], *, otherwise: str
) -> tuple[nnx.GraphDef, Run] | None:
    """The model and how time runs in it; `None` where it is mute.

    Args:
      config: of a trial.
      write: is traced with the model, to see whether it can.
      otherwise: what the warning says if writing fails in another way than by saying that it can't.
    """
    model, shapes = jax.eval_shape(lambda: split(build.model(config), jax.random.key(0)))
    run = evaluation(config.objective)(plain_run)
    try:
        jax.eval_shape(lambda params: write(model, run, params), shapes)
    except ValueError:  # it says that it can't write
        return None
    except Exception as error:  # it may be anyone's own; nothing else depends on it
        warnings.warn(f"{otherwise}: {type(error).__name__}: {error}", stacklevel=2)
        return None
    return model, run
