"""What training costs, counted from the shapes of the parameters: nothing is computed or compiled."""

import functools
import math
from typing import Any

import jax

from experiments import config as configs
from experiments.config import Config
from rnnx import model


def parameters(config: Config) -> int:
    """Numbers that training changes: of embedding, cell and readout."""
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(_shapes(configs.alike(config))))


def training_flops(config: Config) -> float:
    """Floating-point operations of one training step, 6 · (weights used per step of time) · T · B.

    A multiplication and an addition for each weight forward, and twice that backward, for the gradients of what the
    weight multiplies and of the weight itself. Weights are those of matrix products, so the embedding is none;
    what goes element by element is not counted, nor what `omega` and gradient flossing add.
    """
    shapes = _shapes(configs.alike(config))
    kernels = [leaf for part in ("cell", "readout") for leaf in jax.tree.leaves(shapes[part]) if leaf.ndim > 1]
    return 6.0 * sum(math.prod(kernel.shape) for kernel in kernels) * config.task.size * config.batch_size


@functools.lru_cache(maxsize=256)
def _shapes(config: Config) -> dict[str, Any]:
    cell, task = configs.cell(config), configs.task(config)
    return jax.eval_shape(lambda: model.split(cell, task, jax.random.key(0))[1])
